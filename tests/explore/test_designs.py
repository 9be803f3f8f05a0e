"""Designs: which points they ask for, where the values come from, and what is refused."""

from pathlib import Path

import pytest
from stub_exploration import SETTINGS, TEMPLATE

from MNIST.errors import UsageError
from MNIST.explore.designs import make_space, typed
from MNIST.explore.scan import scan
from MNIST.explore.search import make_search
from MNIST.language import SpecError, parse_axis, parse_template, read_text

MODELS = Path(__file__).resolve().parents[2] / "Models"
TEXT = TEMPLATE + "\nExplore:\nconv=2,4\nkernel=3,5\nopt+mom=Adam+0,SGD+0.5\nepochs=1,3\n"


def space_of(*changes: str, text: str = TEXT):
    axes = {f"--set {change}": parse_axis(change) for change in changes}
    return make_space(parse_template(text, "t.txt"), axes)


def test_the_file_says_what_is_explored_and_the_epochs_vary_slowest():
    space = space_of()
    assert list(space.domains) == ["epochs", "conv", "kernel", "opt+mom"]
    assert space.domains["opt+mom"] == ["Adam+0", "SGD+0.5"]
    assert space.size == 16
    assert space.placeholders({"epochs": 1, "conv": 2, "kernel": 3, "opt+mom": "SGD+0.5"}) == {
        "epochs": 1, "conv": 2, "kernel": 3, "opt": "SGD", "mom": 0.5,
    }  # fmt: skip


def test_a_change_takes_the_place_of_what_the_file_says():
    assert space_of("conv=8:24:8").domains["conv"] == [8, 16, 24]
    space = space_of("opt=Adam", "mom=0.1,0.2")
    assert list(space.domains) == ["epochs", "conv", "kernel", "opt", "mom"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["kernels=3"], "--set kernels=3: t.txt has no placeholder 'kernels'; did you mean 'kernel'"),
        (["opt=Adam"], "there are no values for {mom}: add --set mom="),
        (["conv=2", "conv+kernel=2+3"], "--set conv=2 gives 'conv' already"),
    ],
)
def test_what_does_not_fit_the_template_is_refused(changes, message):
    with pytest.raises(UsageError) as caught:
        space_of(*changes)
    assert message in str(caught.value)


def test_a_value_that_is_wrong_by_itself_is_refused_with_its_line():
    with pytest.raises(SpecError, match=r"t.txt, line 3(.|\n)*\{conv\} = '0'"):
        space_of("conv=2,0")


def test_one_change_at_a_time():
    search = make_search(space_of(), parse_template(TEXT), SETTINGS, design="one")
    values = [tuple(point.values.values()) for point in search.plan.points]
    baseline = (1, 2, 3, "Adam", 0)
    assert values == [
        baseline, (3, *baseline[1:]), (1, 4, 3, "Adam", 0), (1, 2, 5, "Adam", 0), (1, 2, 3, "SGD", 0.5),
    ]  # fmt: skip


def test_a_random_part_of_the_grid():
    template = parse_template(TEXT)
    search = make_search(space_of(), template, SETTINGS, design="random", fraction=0.5)
    again = make_search(space_of(), template, SETTINGS, design="random", fraction=0.5)
    assert len(search.plan.points) == 8
    assert search.stages == again.stages


def test_the_rungs_of_halving_are_the_numbers_of_epochs():
    assert space_of("epochs=03,1").rungs("epochs", 1, 0)[1][0]["epochs"] == "03"  # as Talos has it
    search = make_search(space_of("epochs=3,1,2"), parse_template(TEXT), SETTINGS, halving=True)
    assert [{point.epochs for point in stage} for stage in search.stages] == [{1}, {2}, {3}]


def test_a_random_part_under_halving_is_one_of_the_networks():
    """Each network that is drawn is on every rung; otherwise a survivor could not go on."""
    search = make_search(space_of(), parse_template(TEXT), SETTINGS, fraction=0.5, halving=True)
    networks = [[tuple(point.values.values())[1:] for point in stage] for stage in search.stages]
    assert networks[0] == networks[1]
    assert len(networks[0]) == 4
    assert search.epochs == 4 * 1 + 2 * 2


@pytest.mark.slow
def test_one_change_at_a_time_of_more_axes_than_a_grid_could_have(tmp_path):
    """With 20 axes of 10 values, a grid would have 10 to the 20th points; one change at a time gives 181."""
    names = [f"a{number}" for number in range(20)]
    text = "Layers:\nFlatten\n" + "".join(f"Dense,{{{name}}},relu\n" for name in names)
    text += "Dense,10,softmax\nOptimizer:\nAdam,1\n1\n1\nExplore:\n"
    text += "".join(f"{name}=1:10\n" for name in names)
    template = parse_template(text)
    search = make_search(make_space(template, {}), template, SETTINGS, design="one")
    assert len(search.plan.points) == 181
    asked = []
    points = [point.asked for point in search.stages[0]]
    scan([points], search.domains, lambda v: asked.append(v) or {"val_accuracy": 1}, "x", tmp_path / "t")
    assert len(asked) == 181


def test_the_shipped_experiments_all_work_and_contain_those_of_the_series():
    text = read_text(MODELS / "experiments.txt")
    template = parse_template(text)
    search = make_search(make_space(template, {}), template, SETTINGS, design="one")
    assert not search.plan.infeasible
    assert len(search.plan.points) == 10
    specs = [point.spec for point in search.plan.points]
    assert {spec.batch_size for spec in specs} == {64, 128, 256}
    assert {spec.epochs for spec in specs} == {5, 10, 20}
    assert {spec.optimizer.rate for spec in specs} == {0.001, 0.0001, 0.01}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("3", 3), ("0.001", 0.001), ("relu", "relu"), ("1_000", "1_000"), ("nan", "nan")),
        *(("1e-3", "1e-3"), (".5", ".5"), ("0.10", "0.10")),  # as the user wrote it
    ],
)
def test_numbers_are_numbers_where_nothing_of_their_spelling_is_lost(text, value):
    assert typed(text) == value
    assert type(typed(text)) is type(value)


CONDITIONAL = """
Layers:
Flatten
{extra}
Dense,10,softmax
Optimizer:
{opt}
3
10
Explore:
extra=(),(Dropout,{drop})
opt=(Adam,{rate}),(SGD,{rate},momentum={mom})
drop=0.1,0.2
rate=0.01,0.02
mom=0.5,0.9
"""


def test_points_that_differ_in_a_value_without_a_place_are_one_run():
    template = parse_template(CONDITIONAL)
    search = make_search(make_space(template, {}), template, SETTINGS)
    assert len(search.plan.points) == 2**5
    # No Dropout or one of two rates of it; Adam with 2 rates, SGD with 2 rates and 2 momenta.
    assert len(search.plan.trials) == (1 + 2) * (2 + 2 * 2)
    plain = [point for point in search.plan.points if point.values["extra"] == "()"]
    assert len({point.identities for point in plain}) == 2 + 2 * 2


def test_one_change_at_a_time_changes_an_inner_value_where_it_has_a_place():
    template = parse_template(CONDITIONAL)
    search = make_search(make_space(template, {}), template, SETTINGS, design="one")
    assert len(search.plan.points) == len(search.plan.trials) == 6
    changed = next(point for point in search.plan.points if point.values["drop"] == 0.2)
    assert changed.values["extra"] == "(Dropout,{drop})"


def test_the_command_line_may_bring_inner_placeholders_and_take_them_away():
    text = CONDITIONAL.replace("extra=(),(Dropout,{drop})", "extra=BatchNorm").replace("drop=0.1,0.2\n", "")
    template = parse_template(text)
    space = make_space(template, {"--set": parse_axis("extra=(),(Dropout,{p})"), "": parse_axis("p=0.1,0.5")})
    assert [axis.names for axis in space.axes] == [("extra",), ("opt",), ("rate",), ("mom",), ("p",)]
    fewer = make_space(template, {"--set": parse_axis("opt=(Adam,{rate})")})
    assert [axis.names for axis in fewer.axes] == [("extra",), ("opt",), ("rate",)]  # no place for a momentum
    with pytest.raises(UsageError, match=r"there are no values for {p}: add --set p=VALUE,VALUE"):
        make_space(template, {"--set": parse_axis("extra=(),(Dropout,{p})")})
    with pytest.raises(UsageError, match=r"--set mom=.*: no value that is tried has a place for {mom}"):
        make_space(template, {"a": parse_axis("opt=(Adam,{rate})"), "--set mom=": parse_axis("mom=0.5")})
    with pytest.raises(UsageError, match=r"{rate} stands in parentheses already: .* not \(a,b\)"):
        make_space(template, {"--set": parse_axis("rate=(a,b)")})
    with pytest.raises(UsageError, match="has no placeholder 'p'"):
        make_space(template, {"--set": parse_axis("p=0.1")})


def test_a_wrong_inner_value_is_refused_before_anything_is_trained():
    template = parse_template(CONDITIONAL.replace("drop=0.1,0.2", "drop=0.1"))
    with pytest.raises(SpecError, match="found '3'"):
        make_space(template, {"--set": parse_axis("drop=0.1,3")})


def test_a_group_is_no_number_of_epochs():
    template = parse_template(TEMPLATE)
    axes = {
        name: parse_axis(name) for name in ("conv=2", "kernel=3", "opt=Adam", "mom=0.5", "epochs=(1),(2)")
    }
    with pytest.raises(UsageError, match=r"{epochs} is the number of epochs, a single number: not \(1\)"):
        make_space(template, axes)


def test_the_number_of_classes_is_written_out_on_the_command_line():
    with pytest.raises(UsageError, match=r"{classes} is filled in only in a file"):
        make_space(parse_template(CONDITIONAL), {"--set": parse_axis("extra=(),(Dense,{classes},relu)")})
