"""Templates: placeholders, and what filling them gives."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from MNIST.language import (
    SCHEDULES,
    SGD,
    Adam,
    Axis,
    Columns,
    Constant,
    Cosine,
    MaxPool,
    ModelSpec,
    OneCycle,
    Plateau,
    RMSprop,
    SpecError,
    Template,
    canonical_text,
    lay_out,
    parse_spec,
    parse_template,
    read_text,
)

SHIPPED = sorted((Path(__file__).parents[2] / "Models").glob("*.txt"))
VALUES = {
    "convlayers": "2", "conv": "16", "kernel": "3", "pool": "2", "dropout": "0.1", "layers": "2",
    "dense": "32", "opt": "Adam", "rate": "0.001",
    "decay": "1e-4", "mom": "0.25", "epochs": "5", "batch": "1000",
}  # fmt: skip
SMALL = (
    "Layers:\n{kind},{size},{size}\nFlatten\nDense,10,softmax\nOptimizer:\n{opt},0.1,momentum={mom}\n{e}\n1\n"
)
SMALL_VALUES = {"kind": "maxpool", "size": "2", "opt": "SGD", "mom": "0.5", "e": "3"}


@pytest.fixture(scope="module")
def explore() -> Template:
    (path,) = (path for path in SHIPPED if path.stem == "explore")
    return parse_template(read_text(path), "explore.txt")


def test_names_are_in_order_of_first_appearance(explore: Template) -> None:
    assert explore.names == tuple(VALUES)


def test_filling_is_as_if_the_values_had_been_written(explore: Template) -> None:
    (path,) = (path for path in SHIPPED if path.stem == "explore")
    text, _, _ = read_text(path).partition("Explore:")
    for name, value in (VALUES | {"opt": "RMSprop"}).items():
        text = text.replace(f"{{{name}}}", value)
    assert explore.fill(VALUES | {"opt": "RMSprop"}) == parse_spec(text)


def test_a_key_that_the_optimizer_lacks_is_dropped(explore: Template) -> None:
    assert explore.fill(VALUES).optimizer == Adam(0.001, 1e-4)
    assert explore.fill(VALUES) == explore.fill(VALUES | {"mom": "0.75"})
    assert explore.fill(VALUES | {"opt": "RMSProp"}).optimizer == RMSprop(0.001, 1e-4, momentum=0.25)
    with pytest.raises(SpecError, match=r"momentum: expected .* found '2' \(with {mom} = '2'\)"):
        explore.fill(VALUES | {"mom": "2"})


def test_a_key_that_the_schedule_lacks_is_dropped_too() -> None:
    text = SMALL + "Schedule:\n{schedule},peak={peak},warmup={warmup}\n"
    values = SMALL_VALUES | {"peak": "0.5", "warmup": "0.2"}
    found = {
        name: parse_template(text).fill(values | {"schedule": name}).schedule
        for name in SCHEDULES
        if name != "Step"
    }
    expected = Constant(), Cosine(warmup=0.2), OneCycle(0.5, warmup=0.2), Plateau()
    assert tuple(found.values()) == expected
    with pytest.raises(SpecError, match=r"peak: expected .* found '0' \(with {peak} = '0'\)"):
        parse_template(text).fill(values | {"schedule": "Constant", "peak": "0"})
    with pytest.raises(SpecError, match="Constant has no key 'peak'"):
        parse_template(text.replace("{schedule},peak={peak}", "Constant,peak=0.1"))


def test_a_key_that_no_optimizer_has_is_a_mistake() -> None:
    with pytest.raises(SpecError, match="did you mean 'momentum='"):
        parse_template(SMALL.replace("{opt}", "SGD").replace("momentum=", "momentun="))
    with pytest.raises(SpecError, match="Adam has no key 'momentum'"):
        parse_template(SMALL.replace("{opt}", "Adam").replace("{mom}", "0.9"))


def test_layer_and_optimizer_names_can_be_placeholders() -> None:
    spec = parse_template(SMALL).fill(SMALL_VALUES)
    assert spec.layers[0] == MaxPool(2, 2)
    assert spec.optimizer == SGD(0.1, momentum=0.5)
    assert spec.epochs == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"kind": "MxPool"},
            "t.txt, line 2: unknown layer 'MxPool'; did you mean 'MaxPool'? (with {kind} = 'MxPool')\n"
            "    {kind},{size},{size}\n"
            "    ^^^^^^",
        ),
        (
            {"size": "40"},
            "t.txt, line 2: MaxPool: its 40×40 window does not fit on a 28×28×1 map "
            "(with {kind} = 'maxpool', {size} = '40')\n"
            "    {kind},{size},{size}\n"
            "    ^^^^^^^^^^^^^^^^^^^^",
        ),
        (
            {"e": "1.5"},
            "t.txt, line 7: epochs: expected a whole number from 1 to 100,000, found '1.5' "
            "(with {e} = '1.5')\n"
            "    {e}\n"
            "    ^^^",
        ),
        ({"e": " "}, "t.txt: there is no value for {e}"),
        ({"sise": "3"}, "t.txt: the template has no placeholder 'sise'; did you mean 'size'?"),
    ],
)
def test_a_filled_value_that_is_wrong(change: dict[str, str], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_template(SMALL, "t.txt").fill(SMALL_VALUES | change)
    assert str(caught.value) == message


def test_what_can_be_known_without_values_is_said_at_once() -> None:
    text = (
        "Layers:\nDense,{units},relu\nDens,{units}\nConv,{a},{b}\nOptimizer:\n{opt},0\nepoch={e}\nbatch={b}\n"
    )
    with pytest.raises(SpecError) as caught:
        parse_template(text)
    assert [problem.line for problem in caught.value.problems] == [3, 4, 5, 7]


def test_shapes_before_the_first_placeholder_are_checked() -> None:
    with pytest.raises(SpecError, match="Dense: expected a row of numbers"):
        parse_template("Layers:\nDense,8,relu\nDense,{units},relu\nDense,10,softmax\nOptimizer:\n0.1\n1\n1\n")


def test_a_file_without_placeholders_is_a_template_without_names() -> None:
    text = SMALL.format(**SMALL_VALUES)
    assert parse_template(text).names == ()
    assert parse_template(text).fill({}) == parse_spec(text)


def test_values_are_values_and_never_text() -> None:
    with pytest.raises(SpecError, match="unknown layer"):
        parse_template(SMALL).fill(SMALL_VALUES | {"kind": "Flatten\nDense"})
    with pytest.raises(SpecError, match="expected a whole number"):
        parse_template(SMALL).fill(SMALL_VALUES | {"size": "2,2,padding=same"})
    with pytest.raises(SpecError, match="unknown layer"):
        parse_template(SMALL).fill(SMALL_VALUES | {"kind": "{kind}"})


def test_what_explore_says_is_read_in_the_order_of_its_lines() -> None:
    text = SMALL.replace("{mom}", "0.5") + "Explore:\ne=1:3\nkind+size=MaxPool+2,AvgPool+3\n"
    template = parse_template(text)
    assert template.axes == (
        Axis(("e",), (("1",), ("2",), ("3",))),
        Axis(("kind", "size"), (("MaxPool", "2"), ("AvgPool", "3"))),
    )
    assert template.without_values == ("opt",)
    assert template.names == ("kind", "size", "opt", "e")


def test_explore_may_stand_anywhere_and_is_no_part_of_the_spec() -> None:
    section = "Explore:\n    e=1:3     # a range\n    size=2,3\n"
    first, last = parse_template(section + SMALL), parse_template(SMALL + section)
    assert first.axes == last.axes
    assert first.names == last.names == parse_template(SMALL).names
    assert canonical_text(last.fill(SMALL_VALUES)) == canonical_text(parse_template(SMALL).fill(SMALL_VALUES))


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("0.1\n{e}\n1", "e"),
        ("epochs={n}\n0.1\nbatch={b}", "n"),
        ("0.1\nBatch={b}\n{n}", "n"),
        ("{opt},0.1\n5\n{b}", None),
        ("{rate}\nepochs=5\nbatch=1", None),
    ],
)
def test_the_placeholder_of_the_epochs_is_known(lines: str, name: str | None) -> None:
    template = parse_template(f"Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n{lines}\n")
    assert template.epochs_name == name


def test_a_point_that_does_not_fit_is_told_from_a_wrong_value() -> None:
    template = parse_template(SMALL)
    for change, only_shapes in (
        ({"size": "40"}, True),
        ({"size": "0"}, False),
        ({"mom": "2"}, False),
        ({"kind": "Pol"}, False),
        ({"size": "40", "e": "0"}, False),
        ({"e": ""}, False),
    ):
        with pytest.raises(SpecError) as caught:
            template.fill(SMALL_VALUES | change)
        assert caught.value.only_shapes == only_shapes


def test_an_optimizer_that_does_not_suit_the_layers_is_told_with_its_value() -> None:
    template = parse_template(
        "Input:\nThreshold,128\nLayers:\nColumns,{n},9\nOptimizer:\n{opt},0.1\n1\n1\n"
        "Explore:\nopt=ParallelDelta,Adam\nn=5,6\n"
    )
    template.check_values()
    assert template.fill({"n": "6", "opt": "ParallelDelta"}).layers == (Columns(6, 9),)
    with pytest.raises(
        SpecError, match=r"line 6: Adam cannot train Columns.* \(with \{opt\} = 'Adam'\)"
    ) as caught:
        template.fill({"n": "6", "opt": "Adam"})
    assert caught.value.only_shapes


def test_a_filling_does_not_depend_on_those_before_it(explore: Template) -> None:
    points = [point for point, _ in zip(grid(explore), range(300), strict=False)]
    points += [points[7] | {"pool": "40"}, points[9] | {"rate": "abc"}, points[11]] * 2
    (path,) = (path for path in SHIPPED if path.stem == "explore")
    for point in points:
        fresh = parse_template(read_text(path), "explore.txt")
        assert outcome(explore, point) == outcome(fresh, point)


def outcome(template: Template, point: dict[str, str]) -> ModelSpec | str:
    try:
        return template.fill(point)
    except SpecError as error:
        return str(error)


def grid(template: Template) -> Iterator[dict[str, str]]:
    """All points of a template; the last axis varies fastest."""
    for values in product(*(axis.values for axis in template.axes)):
        yield {
            name: text
            for axis, value in zip(template.axes, values, strict=True)
            for name, text in zip(axis.names, value, strict=True)
        }


def test_the_default_exploration_is_as_it_always_was(explore: Template) -> None:
    assert [f"{axis}" for axis in explore.axes] == [
        "epochs=5,10,15", "rate=0.001", "batch=1000", "layers=1,2", "conv=16,32", "opt=Adam,RMSProp",
        "dropout=0.1,0.25", "dense=32,64", "kernel=3,5", "pool=2,3", "decay=0.0001", "mom=0.25,0.5,0.75",
        "convlayers=1,2",
    ]  # fmt: skip
    assert explore.epochs_name == "epochs"
    specs = [explore.fill(point) for point in grid(explore)]
    assert len(specs) == 2_304
    assert all(lay_out(spec).parameters for spec in set(specs))


def test_each_of_the_experiments_changes_one_thing_and_works() -> None:
    (path,) = (path for path in SHIPPED if path.stem == "experiments")
    template = parse_template(read_text(path))
    template.check_values()
    baseline = next(grid(template))
    assert (baseline["rate"], baseline["batch"], baseline["epochs"]) == ("0.001", "64", "10")
    changes = [dict(zip(axis.names, value, strict=True)) for axis in template.axes for value in axis.values]
    specs = dict.fromkeys(template.fill(baseline | change) for change in changes)
    assert len(specs) == 1 + len(changes) - len(template.axes) == 10
    layers = [[node.path for node in lay_out(spec).walk()] for spec in specs]
    assert layers[0] == ["conv_1", "maxpool_2", "flatten_3", "dense_4"]
    assert layers[-1][-4:] == ["flatten_5", "dense_6", "dense_7", "dense_8"]


BLOCKS = """
Layers:
Flatten
{norm}
{block}:
    Dense,784,relu
Dense,10,softmax
Optimizer:
{opt}
3
10
Schedule:
{schedule}
Explore:
norm=(),BatchNorm,(Dropout,{drop})
block=(),Residual,(Repeat,2)
opt=(Adam,{rate}),(SGD,{rate},momentum={mom})
schedule=Constant,(OneCycle,{peak},warmup=0.2)
drop=0.1,0.2
rate=0.01
mom=0.5,0.9
peak=0.3
"""
FIRST = {
    "norm": "()", "block": "()", "opt": "(Adam,{rate})", "schedule": "Constant",
    "drop": 0.1, "rate": 0.01, "mom": 0.5, "peak": 0.3,
}  # fmt: skip


@pytest.mark.parametrize(
    ("chosen", "lines"),
    [
        ({}, ["Flatten", "Dense,10,softmax"]),
        ({"norm": "BatchNorm"}, ["Flatten", "BatchNorm", "Dense,10,softmax"]),
        ({"norm": "(Dropout,{drop})"}, ["Flatten", "Dropout,0.1", "Dense,10,softmax"]),
        (
            {"block": "Residual"},
            ["Flatten", "Residual:", "    Dense,784,relu", "Dense,10,softmax"],
        ),
        (
            {"block": "(Repeat,2)"},
            ["Flatten", "Repeat,2:", "    Dense,784,relu", "Dense,10,softmax"],
        ),
    ],
)
def test_a_group_is_several_words_or_none(chosen: dict[str, str], lines: list[str]) -> None:
    text = "\n".join(["Layers:", *lines, "Optimizer:", "Adam,0.01", "3", "10"])
    assert parse_template(BLOCKS).fill_point(FIRST | chosen) == parse_spec(text)


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("Input", "Standardize"),
        ("Schedule", "OneCycle,0.3"),
        ("Augment", "Rotate,10"),
        ("Stop", "patience=3,monitor=accuracy"),
        ("Optimizer", "label_smoothing=0.1"),
    ],
)
def test_a_section_with_no_other_line_is_left_out_with_it(section: str, line: str) -> None:
    whole = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.1\n5\n100\n"
    head = whole if section == "Optimizer" else f"{whole}{section}:\n"
    template = parse_template(f"{head}{{it}}\nExplore:\nit=(),({line})\n")
    template.check_values()
    assert template.fill({"it": "()"}) == parse_spec(whole)
    assert template.fill({"it": f"({line})"}) == parse_spec(f"{head}{line}\n")


def test_a_section_that_needs_a_line_is_refused_without_it() -> None:
    text = "Layers:\n{it}\nOptimizer:\n0.1\n5\n100\n"
    with pytest.raises(SpecError, match="line 1: an empty section"):
        parse_template(text).fill({"it": "()"})


def test_inner_placeholders_count_where_they_are_chosen() -> None:
    template = parse_template(BLOCKS)
    assert template.names == ("norm", "block", "opt", "schedule")
    assert template.all_names == (*template.names, "drop", "rate", "mom", "peak")
    filled = template.fill_point(FIRST)
    assert filled == template.fill_point(FIRST | {"mom": 0.9, "peak": 0.4, "drop": 0.2})
    assert filled != template.fill_point(FIRST | {"rate": 0.02})
    other = FIRST | {"opt": "(SGD,{rate},momentum={mom})", "schedule": "(OneCycle,{peak},warmup=0.2)"}
    assert template.fill_point(other).optimizer == SGD(0.01, momentum=0.5)
    assert template.fill_point(other).schedule == OneCycle(0.3, warmup=0.2)
    assert template.fill_point(other | {"mom": 0.9}).optimizer == SGD(0.01, momentum=0.9)


def test_a_wrong_inner_value_is_found_though_the_first_values_have_no_place_for_it() -> None:
    parse_template(BLOCKS).check_values()
    wrong = parse_template(BLOCKS.replace("drop=0.1,0.2", "drop=0.1,2"))
    with pytest.raises(SpecError, match=r"found '2' \(with {norm} = '\(Dropout,2\)'\)"):
        wrong.check_values()


def test_a_key_written_by_hand_in_a_group_is_as_strict_as_in_a_line() -> None:
    for name, group, lacks in (
        ("opt", "(Adam,{rate},momentum=0.5)", "Adam has no key 'momentum'"),
        ("schedule", "(Constant,warmup=0.2)", "Constant has no key 'warmup'"),
    ):
        with pytest.raises(SpecError, match=lacks):
            parse_template(BLOCKS).fill_point(FIRST | {name: group})
    open_key = FIRST | {"opt": "(Adam,{rate},momentum={mom})"}
    template = parse_template(BLOCKS)
    assert template.fill_point(open_key).optimizer == Adam(0.01)
    with pytest.raises(SpecError, match="Adam has no key"):  # the same text, once it is filled in
        template.fill_point(FIRST | {"opt": "(Adam,{rate},momentum=0.5)"})
    with pytest.raises(SpecError, match=r"found '2' \(with {opt} = '\(Adam,0.01,momentum=2\)'\)"):
        template.fill_point(open_key | {"mom": 2})


@pytest.mark.parametrize(
    ("layers", "limit"),
    [
        ("Dropout,{d}\nRepeat,999:\n    Dropout,0.5\n", 15_000),
        ("Dropout,{d}\n" + "Dropout,0.5\n" * 99, 6_000),
        ("Dropout,{d}\nParallel:\n" + "    Path:\n        Conv,1,1,1,relu\n" * 101, 150_000),  # wrong shapes
    ],
    ids=["repeated", "written", "refused"],
)
def test_the_networks_by_which_values_are_checked_have_a_limit_together(
    layers: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("MNIST.language.template.MOST_WORK", limit)
    text = f"Layers:\nFlatten\n{layers}Dense,10,softmax\nOptimizer:\n0.1\n5\n100\nExplore:\n"
    parse_template(text + "d=0:0.2:0.02\n").check_values()
    with pytest.raises(SpecError, match="too many values to check in networks so large"):
        parse_template(text + "d=0:0.4:0.02\n").check_values()


def test_a_hundred_wrong_values_are_enough() -> None:
    text = (
        SMALL.replace("{mom}", "0.5").replace("{opt}", "SGD") + "Explore:\nkind=MaxPool\nsize=2\ne=0.5:300\n"
    )
    with pytest.raises(SpecError, match="stopped after 100 mistakes") as caught:
        parse_template(text).check_values()
    assert len(caught.value.problems) == 101


def test_readings_of_long_sections_are_not_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("MNIST.language.template.MOST_KNOWN_WORDS", 100)
    template = parse_template(SMALL)
    for size in range(1, 28):
        template.fill(SMALL_VALUES | {"size": str(size)})
    assert 0 < len(template.parts[0].known) < 12  # of 9 words and lines each


def test_groups_in_circles_end_in_an_error() -> None:
    template = parse_template(BLOCKS.replace("drop=0.1,0.2", "drop=(Dropout,{norm})"))
    with pytest.raises(SpecError):
        template.fill_point(FIRST | {"norm": "(Dropout,{drop})", "drop": "(Dropout,{norm})"})
    with pytest.raises(SpecError):
        template.check_values()
