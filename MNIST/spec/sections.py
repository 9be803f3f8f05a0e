"""The sections of a model file: from their lines to fields of a ModelSpec, and back."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from MNIST.errors import did_you_mean, quoted
from MNIST.spec.errors import Problems
from MNIST.spec.grammar import (
    Argument,
    Kind,
    arguments_of,
    bind,
    block_field,
    find,
    read_value,
    statement_text,
    usage,
    whole,
)
from MNIST.spec.inputs import INPUTS, Scale, Standardize
from MNIST.spec.layers import LAYERS, Layer, Parallel, Path
from MNIST.spec.model import ModelSpec
from MNIST.spec.optimizers import OPTIMIZERS, SPELLINGS, Optimizer
from MNIST.spec.text import Statement, Word

INDENT = "    "

# Below `Optimizer:`, after the optimizer: the field of ModelSpec, what it may be, an example.
NUMBERS: dict[str, tuple[str, Kind, str]] = {
    "epochs": ("epochs", whole(1, 100_000), "the number of epochs, as in 'epochs=10'"),
    "batch": ("batch_size", whole(1, 1_000_000), "the batch size, as in 'batch=128'"),
}

# A template may give any optimizer's key to an optimizer that does not have it.
DROPPABLE: dict[str, Argument] = {
    argument.name: argument for cls in OPTIMIZERS.values() for argument in arguments_of(cls)
}


def read_input(head: Statement, lines: Sequence[Statement], problems: Problems) -> dict[str, Any]:
    """`Input:`: Scale, Standardize, both in this order, or Threshold by itself."""
    if not lines:
        problems.add(head.line, f"an empty section: it takes {', '.join(INPUTS)}, or leave it out")
    steps = [_input_step(line, problems) for line in lines]
    if None in steps or not steps:
        return {"input": None}
    if len(steps) > 1 and steps != [Scale(), Standardize()]:
        names = " and ".join(type(step).__name__ for step in steps[:5])
        allowed = "Scale, Standardize, both in this order, or Threshold by itself"
        problems.add(lines[1].line, f"{names} do not go together; there may be {allowed}")
    return {"input": tuple(steps)}


def read_layers(head: Statement, lines: Sequence[Statement], problems: Problems) -> dict[str, Any]:
    """`Layers:`: a layer a line."""
    if not lines:
        problems.add(head.line, "an empty section: the smallest network is Flatten, then Dense,10,softmax")
        return {}
    layers = [_layer(line, problems) for line in lines]
    _check_paths(None, lines, layers, problems)
    return {"layers": tuple(layers)}


def read_optimizer(head: Statement, lines: Sequence[Statement], problems: Problems) -> dict[str, Any]:
    """`Optimizer:`: the optimizer, the number of epochs, the batch size; the last two bare or by name."""
    fields: dict[str, Any] = {}
    waiting = ["optimizer", *NUMBERS]
    for key, statement in _settings(lines):
        word = statement.name
        if statement.block or statement.opens:
            problems.add(statement.line, "nothing in this section opens a block: leave out the colon")
        if key is None:
            problems.add(statement.line, "expected nothing after the optimizer, epochs and batch size")
        elif key == "optimizer" and word.key is None:
            fields["optimizer"] = _optimizer(statement, problems)
        elif key not in NUMBERS:
            hint = did_you_mean(key, NUMBERS, "=") or "; this section has epochs= and batch="
            problems.add(statement.line, f"unknown setting {quoted(key)}{hint}", word.key_span)
        elif key not in waiting:
            problems.add(statement.line, f"{key} is given twice", word.key_span)
        elif len(statement.words) > 1:
            problems.add(statement.line, f"{key} is one number", statement.words[1].span)
        else:
            field, kind, _ = NUMBERS[key]
            fields[field] = read_value(kind, key, word, statement.line, problems)
        waiting = [name for name in waiting if name != key]
    if waiting:
        lacking = [
            NUMBERS[key][2] if key in NUMBERS else "the optimizer, as in 'Adam,0.001'" for key in waiting
        ]
        problems.add(head.line, f"this section lacks {'; '.join(lacking)}")
    return fields


def epochs_placeholder(lines: Sequence[Statement]) -> str | None:
    """The placeholder that stands below `Optimizer:` as the number of epochs, or None."""
    words = (statement.name for key, statement in _settings(lines) if key == "epochs")
    return next((word.placeholder for word in words), None)


def _settings(lines: Sequence[Statement]) -> Iterator[tuple[str | None, Statement]]:
    """Each line of `Optimizer:` with what it sets, by its key or by its place; None after the last place."""
    waiting = ["optimizer", *NUMBERS]
    for statement in lines:
        word = statement.name
        key = word.key.lower() if word.key is not None else waiting[0] if waiting else None
        yield key, statement
        waiting = [name for name in waiting if name != key]


def write_input(spec: ModelSpec) -> list[str]:
    """The lines of `Input:`."""
    return [statement_text(step) for step in spec.input]


def write_layers(spec: ModelSpec) -> list[str]:
    """The lines of `Layers:`, blocks indented."""
    return list(_layer_lines(spec.layers, ""))


def write_optimizer(spec: ModelSpec) -> list[str]:
    """The lines of `Optimizer:`, with names for the numbers."""
    return [
        statement_text(spec.optimizer),
        *(f"{key}={kind.write(getattr(spec, field))}" for key, (field, kind, _) in NUMBERS.items()),
    ]


@dataclass(frozen=True)
class Section:
    """How a section is read and written; one is the inverse of the other.

    read: takes the section's head and its lines, notes mistakes, and returns fields of ModelSpec by name;
    what is wrong or still open is None, as a whole or, among layers, in its place.
    write: the lines of a spec, with everything said; none if the spec has nothing in this section.
    """

    read: Callable[[Statement, Sequence[Statement], Problems], dict[str, Any]]
    write: Callable[[ModelSpec], list[str]]


# In the order of the canonical text. None: part of the language, not available yet.
SECTIONS: dict[str, Section | None] = {
    "Input": Section(read_input, write_input),
    "Layers": Section(read_layers, write_layers),
    "Optimizer": Section(read_optimizer, write_optimizer),
    "Schedule": None,
    "Augment": None,
    "Stop": None,
}
REQUIRED = ("Layers", "Optimizer")
EXPLORE = "Explore"  # of a template: see axes.py; no part of a spec
HEADS = (*SECTIONS, EXPLORE)


def _layer(statement: Statement, problems: Problems) -> Layer | None:
    """The layer of a statement, with its block; None if it is wrong or still open."""
    mistakes = len(problems)
    line = statement.line
    name = _name(LAYERS, "layer", statement, problems)
    misplaced = name is None and find(statement.name.text, HEADS)  # its lines are no layers
    inside = [_layer(child, problems) for child in statement.block if not misplaced]
    if name is None:
        return None
    cls = LAYERS[name]
    taken = block_field(cls)
    if taken and not statement.opens:
        problems.add(line, f"{name} opens a block: end its line in a colon, and indent what is in it")
    elif taken and not inside:
        problems.add(line, f"{name} has nothing in it: indent its layers below it")
    elif not taken and statement.opens:
        problems.add(line, f"{name} opens no block: leave out the colon")
    _check_paths(cls, statement.block, inside, problems)
    values = bind(name, cls, statement.words[1:], line, problems)
    if values is None or None in inside or len(problems) > mistakes:
        return None
    if taken:
        values[taken] = tuple(inside)
    layer: Layer = cls(**values, line=line)
    return layer


def _layer_lines(layers: Iterable[Layer], margin: str) -> Iterator[str]:
    """The lines of layers in a row, each block below its head and further to the right."""
    for layer in layers:
        yield margin + statement_text(layer)
        inside = block_field(type(layer))
        if inside:
            yield from _layer_lines(getattr(layer, inside), margin + INDENT)


def _check_paths(
    parent: type[Layer] | None, lines: Sequence[Statement], layers: Sequence[Layer | None], problems: Problems
) -> None:
    """Note a Path that is not directly below Parallel, and anything else that is."""
    for statement, layer in zip(lines, layers, strict=True):
        if isinstance(layer, Path) and parent is not Parallel:
            problems.add(statement.line, "a path stands directly below 'Parallel:', and nowhere else")
        elif layer is not None and parent is Parallel and not isinstance(layer, Path):
            message = (
                f"{type(layer).__name__} does not stand directly below 'Parallel:'; put it into a 'Path:'"
            )
            problems.add(statement.line, message)


def _input_step(statement: Statement, problems: Problems) -> Any:
    """The input step of a line; None if it is wrong or still open."""
    name = _name(INPUTS, "input step", statement, problems)
    if statement.block or statement.opens:
        problems.add(statement.line, "nothing in this section opens a block: leave out the colon")
    if name is None:
        return None
    values = bind(name, INPUTS[name], statement.words[1:], statement.line, problems)
    if values is None:
        return None
    levels = values.get("levels", ())
    if any(level >= following for level, following in pairwise(levels)):
        problems.add(statement.line, "levels: expected each to be above the one before it")
    return INPUTS[name](**values)


def _optimizer(statement: Statement, problems: Problems) -> Optimizer | None:
    """The optimizer of a line: `Name,rate,…`, or `rate,decay` for Adam; None if it is wrong or still open."""
    name: str | None = "Adam"
    words = statement.words
    if not re.match(r"[-+.0-9]", words[0].text):
        name = _name(OPTIMIZERS, "optimizer", statement, problems)
        words = words[1:]
    if name is None:
        return None
    values = bind(name, OPTIMIZERS[name], words, statement.line, problems, DROPPABLE)
    if values is None:
        return None
    return OPTIMIZERS[name](**{**SPELLINGS.get(name, {}), **values}, line=statement.line)


def _name(names: Mapping[str, type], what: str, statement: Statement, problems: Problems) -> str | None:
    """The name that a line begins with, as `names` spells it; None, noted, if it has none of them.

    Also None for a placeholder that is still open.
    """
    word = statement.name
    if word.is_open or (word.key is None and not word.text):
        return None
    found = find(word.text, names) if word.key is None else None
    if found is None:
        shown, span = (word.text, word.span) if word.key is None else (word.key, word.key_span)
        problems.add(statement.line, f"unknown {what} {quoted(shown)}{_name_hint(word, names)}", span)
    return found


def _name_hint(word: Word, names: Mapping[str, type]) -> str:
    """What was probably meant by a name that is none of `names`."""
    if word.key is not None:
        return f"; a line begins with a name, then a comma: {', '.join(names)}"
    section = find(word.text, HEADS)
    if section:
        return f"; a section begins at the left margin, in a line of its own: '{section}:'"
    first_word = re.match(r"\w+", word.text)
    name = find(first_word[0], names) if first_word else None
    if name:
        return f"; commas go between the values: {usage(name, names[name])}"
    return did_you_mean(word.text, names) or f"; there are {', '.join(names)}"
