"""Model_Specification.md says what the language does: all its examples are tried, and it has every name."""

import re
import textwrap
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from MNIST.commands.check import describe_file
from MNIST.language import (
    AUGMENTATIONS,
    INPUTS,
    LAYERS,
    OPTIMIZERS,
    SCHEDULES,
    Axis,
    Layer,
    Schedule,
    SpecError,
    canonical_text,
    lay_out,
    parse_axis,
    parse_spec,
    parse_template,
)
from MNIST.language.grammar import arguments_of, usage
from MNIST.language.layer import ACTIVATION, INIT

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = (ROOT / "Model_Specification.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```(\w+)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)

TABLES = [row for row in DOCUMENT.splitlines() if row.startswith("|")]

WHOLE = {
    "model": "{}",
    "canonical": "{}",
    "input": "Input:\n{}Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.1\n1\n1\n",
    "layers": "Layers:\n{}Flatten\nDense,10,softmax\nOptimizer:\n0.1\n1\n1\n",
    "optimizer": "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n{}",
    "schedule": "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.1\n1\n1\nSchedule:\n{}",
    "augment": "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.1\n1\n1\nAugment:\n{}",
    "stop": "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.1\n1\n1\nStop:\n{}",
}
EXAMPLES = [(kind, text) for kind, text in FENCED if kind in WHOLE]
READERS: dict[str, Callable[[str, str], object]] = {"mistake": parse_spec, "template_mistake": parse_template}
MISTAKES = [
    (kind, text, FENCED[place + 1][1]) for place, (kind, text) in enumerate(FENCED) if kind in READERS
]
AXES = [line for kind, text in FENCED if kind == "axes" for line in text.splitlines()]


@pytest.mark.parametrize(
    ("kind", "text"), EXAMPLES, ids=[f"{n}-{kind}" for n, (kind, _) in enumerate(EXAMPLES)]
)
def test_examples_parse(kind: str, text: str) -> None:
    spec = parse_spec(WHOLE[kind].format(text))
    if kind == "canonical":
        assert canonical_text(spec) == text
    if kind == "layers":  # if a comment begins with a shape, the shape must be right
        shown = {
            int(n): shape for n, shape in re.findall(r"^(\d+):.*# ([\d×]+)\b", numbered(text), re.MULTILINE)
        }
        for node in lay_out(spec).walk():
            assert node.layer.line is not None
            line = node.layer.line.number
            assert shown.get(line, "×".join(map(str, node.output_shape))) == "×".join(
                map(str, node.output_shape)
            )


def numbered(text: str) -> str:
    """The text with its line numbers below `Layers:`."""
    return "\n".join(f"{number}:{line}" for number, line in enumerate(text.split("\n"), start=2))


def test_templates_parse() -> None:
    text, groups = (text for kind, text in FENCED if kind == "template")
    template = parse_template(text)
    assert template.names == ("convlayers", "filters", "pooling", "opt", "rate", "mom", "epochs")
    assert template.axes[0] == Axis(("epochs",), (("5",), ("10",), ("15",)))
    assert template.epochs_name == "epochs"
    for values in product(*(axis.values for axis in template.axes)):
        filled = {axis.names[0]: value for axis, (value,) in zip(template.axes, values, strict=True)}
        assert template.fill(filled).epochs == int(filled["epochs"])
    parse_template(groups).check_values()


@pytest.mark.parametrize("line", AXES)
def test_values_are_as_the_comment_beside_them_says(line: str) -> None:
    text, values = line.split("#")
    assert ", ".join(map("+".join, parse_axis(text).values)) == values.strip()


@pytest.mark.parametrize(("kind", "text", "error"), MISTAKES, ids=range(len(MISTAKES)))
def test_mistakes_are_told_as_shown(kind: str, text: str, error: str) -> None:
    with pytest.raises(SpecError) as caught:
        READERS[kind](text, "Models/my_net.txt")
    assert str(caught.value) + "\n" == error


def test_the_table_is_as_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (session,) = (text for kind, text in FENCED if kind == "console")
    shown = "\n".join(describe_file(Path("Models/example_model.txt")))
    assert session == f"$ python MNIST check example_model\n{shown}\n"


@pytest.mark.parametrize("name", [*LAYERS, *INPUTS, *OPTIMIZERS, *SCHEDULES, *AUGMENTATIONS])
def test_every_name_has_its_line(name: str) -> None:
    cls = (LAYERS | INPUTS | OPTIMIZERS | SCHEDULES | AUGMENTATIONS)[name]
    line = usage(name, cls).replace("levels,…", "level,…")
    (row,) = (row for row in TABLES if f"`{line}`" in row.split(" | ")[0])
    if issubclass(cls, Layer | Schedule):
        for argument in arguments_of(cls):
            if not argument.required:
                default = "" if argument.default is None else argument.kind.write(argument.default)
                assert f"`{argument.name}={default}`" in row


@pytest.mark.parametrize(
    "name", [*LAYERS, *INPUTS, *SCHEDULES, *AUGMENTATIONS, "label_smoothing", "patience", "accuracy"]
)
def test_every_feature_is_in_an_example(name: str) -> None:
    assert any(re.search(rf"^\s*{name}\b", text, re.MULTILINE) for _, text in EXAMPLES)


def test_a_layer_type_is_one_dataclass(monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"^   ```python\n(.*?)^   ```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(
        "from dataclasses import dataclass\n"
        "from MNIST.language.grammar import *\n"
        "from MNIST.language import *\n"
        "from MNIST.language.layer import Normal",
        names,
    )
    exec(textwrap.dedent(code[1]), names)
    monkeypatch.setitem(LAYERS, "GaussianDropout", names["GaussianDropout"])
    spec = parse_spec(WHOLE["layers"].format("gaussiandropout,.50\n"))
    assert spec.layers[0] == names["GaussianDropout"](0.5)
    assert "GaussianDropout,0.5\n" in canonical_text(spec)
    assert lay_out(spec).nodes[0].path == "gaussiandropout_1"
    with pytest.raises(SpecError, match="did you mean 'GaussianDropout'"):
        parse_spec(WHOLE["layers"].format("GausianDropout,0.1\n"))
    with pytest.raises(SpecError, match="rate: expected a number of at least 0 and below 1, found '1'"):
        parse_spec(WHOLE["layers"].format("GaussianDropout,1\n"))


def test_every_word_is_explained() -> None:
    for word in (*ACTIVATION.choices, *INIT.choices):
        assert f"`{word}`" in DOCUMENT
