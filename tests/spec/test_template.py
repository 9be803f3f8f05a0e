"""Templates: placeholders, and what filling them gives."""

from pathlib import Path

import pytest

from MNIST.spec import SGD, Adam, MaxPool, RMSprop, SpecError, Template, parse_spec, parse_template, read_text

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
    text = read_text(path).replace("momentum={mom}", "momentum={mom}".format(mom=VALUES["mom"]))
    for name, value in (VALUES | {"opt": "RMSprop"}).items():
        text = text.replace(f"{{{name}}}", value)
    assert explore.fill(VALUES | {"opt": "RMSprop"}) == parse_spec(text)


def test_a_key_that_the_optimizer_lacks_is_dropped(explore: Template) -> None:
    assert explore.fill(VALUES).optimizer == Adam(0.001, 1e-4)
    assert explore.fill(VALUES) == explore.fill(VALUES | {"mom": "0.75"})
    assert explore.fill(VALUES | {"opt": "RMSProp"}).optimizer == RMSprop(0.001, 1e-4, momentum=0.25)
    with pytest.raises(SpecError, match=r"momentum: expected .* found '2' \(with {mom} = '2'\)"):
        explore.fill(VALUES | {"mom": "2"})


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
