"""What an exploration may be asked for, and the words that train one of its networks elsewhere."""

import pytest

from MNIST.errors import UsageError
from MNIST.explore.choices import check_search, train_options
from MNIST.explore.designs import make_space
from MNIST.language import parse_template
from MNIST.training import resolve_settings

TEMPLATE = (
    "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\nSGD,{rate}\nepochs=1\nbatch=50\nExplore:\nrate=0.1,0.2\n"
)


def test_train_is_told_what_it_does_not_take_by_itself():
    def words(**changes):
        usual = {"images": None, "split": 0.9, "seed": 0, "engine": "numpy"}
        return train_options(resolve_settings("digits", **usual | changes))

    assert words() == ["--engine", "numpy"]
    changed = words(split=0.8, seed=3, precision="float64")
    assert changed == ["--split", "0.8", "--seed", "3", "--engine", "numpy", "--precision", "float64"]


@pytest.mark.parametrize("design", ["grid", "tpe"])
@pytest.mark.parametrize(("seeds", "fraction"), [(0, 1.0), (1, 0.0), (1, 2.0)])
def test_at_least_a_seed_and_a_part_of_the_grid_are_asked_for(design, seeds, fraction):
    template = parse_template(TEMPLATE)
    with pytest.raises(UsageError, match="expected a seed and a fraction above 0, up to 1"):
        check_search(template, make_space(template, {}), design, fraction, None, seeds)
