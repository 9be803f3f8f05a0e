"""A smaller exploration is proposed that takes less than the time given, and changes as little as it can."""

from dataclasses import replace

import pytest
from stub_exploration import SETTINGS, service_of

from MNIST.explore.choices import check_search
from MNIST.explore.designs import make_space
from MNIST.explore.forecast import Forecast
from MNIST.explore.search import make_search
from MNIST.explore.smaller import Asked, Smaller, smaller
from MNIST.explore.store import open_store
from MNIST.language import parse_template

TEMPLATE = """
Layers:
Flatten
Dense,{units},relu
Dense,10,softmax
Optimizer:
Adam,{rate}
epochs={epochs}
batch=10
Explore:
epochs=EPOCHS
units=8:80:8
rate=RATES
"""


def proposed(tmp_path, part: float, epochs="1,2,4,8", design="grid", **changes) -> Smaller | None:
    """What is proposed if so small a part of the time is wanted."""
    rates = ",".join(f"0.0{n}" for n in range(11, 21))
    template = parse_template(TEMPLATE.replace("EPOCHS", epochs).replace("RATES", rates))
    space = make_space(template, {})
    asked = replace(Asked(template, space, design, 1.0, 50, False, None, (0,), 20_000), **changes)
    search = make_search(space, template, SETTINGS, design="one" if design == "one" else "grid")
    with open_store(tmp_path / "trials.sqlite") as store:
        service = service_of(store, tmp_path)
        service.plan = service.readings.plan = search.plan
        service.readings.histories = {identity: [] for identity in search.plan.trials}
        service.expect(search.plan.points)
        forecast = Forecast(search, service, 18_000, 1e8, service._executor)
        most = part * forecast.look().seconds_left
        found = smaller(asked, SETTINGS, forecast, most)
    if found:
        check_search(template, space, asked.design, found.fraction or 1.0, asked.reducer, 1)
        assert found.seconds <= most
    return found


def test_halving_comes_first_if_it_saves_enough(tmp_path):
    assert replace(proposed(tmp_path, 0.5), seconds=0) == Smaller(0, halving=True)


@pytest.mark.parametrize(("part", "fraction"), [(0.25, 0.2), (0.15, 0.1)])
def test_then_a_part_of_the_grid(tmp_path, part, fraction):
    found = proposed(tmp_path, part, epochs="8")
    assert (found.halving, found.fraction, found.images) == (False, fraction, None)


def test_a_part_counts_the_longest_number_of_epochs_of_each_network(tmp_path):
    """A fifth of 400 points are 80 points, of more than a quarter of the 100 networks."""
    assert proposed(tmp_path, 0.25).fraction == 0.1


def test_then_fewer_images(tmp_path):
    assert proposed(tmp_path, 0.3, design="one").images == 5_000
    assert proposed(tmp_path, 0.25, reducer="trees", epochs="8").fraction == 0.2


def test_then_both(tmp_path):
    found = proposed(tmp_path, 0.025, epochs="8")
    assert (found.fraction, found.images) == (0.2, 2_000)
