"""From statements to a ModelSpec: sections, lines and blocks get their meaning, mistakes are collected."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from MNIST.spec.errors import Line, Problems, did_you_mean, nearest, quoted
from MNIST.spec.grammar import Kind, arguments_of, bind, block_field, usage, whole
from MNIST.spec.inputs import INPUTS, Scale, Standardize
from MNIST.spec.layers import LAYERS, Layer, Parallel, Path
from MNIST.spec.model import ModelSpec
from MNIST.spec.network import check_ending, input_shape, lay_out_layers
from MNIST.spec.optimizers import OPTIMIZERS, SPELLINGS
from MNIST.spec.text import Statement, Word, read_statements, read_text

# What the lines below a section's head mean: fields of ModelSpec by name, those that could be read.
Reader = Callable[[Statement, Sequence[Statement], Problems], Mapping[str, Any]]

EPOCHS = whole(1, 100_000)
BATCH = whole(1, 1_000_000)


def read_spec(path: FilePath | str) -> ModelSpec:
    """The spec in a model file. Raises SpecError with every mistake in it."""
    return parse_spec(read_text(path), str(path))


def parse_spec(text: str, source: str = "<text>") -> ModelSpec:
    """The spec that a model file's text describes; it has a network that works.

    source: what messages call the text. Raises SpecError with every mistake in it; a template is one.
    """
    problems = Problems()
    statements = read_statements(text, source, problems)
    for line, word in placeholders(statements):
        message = f"{quoted(word.text)} makes this a template: `explore` fills it, a model has a value here"
        problems.add(line, message, word.column, word.length)
    spec = assemble(statements, source, problems)
    problems.raise_any()
    assert spec is not None  # nothing was open, nothing wrong
    return spec


def placeholders(statements: Sequence[Statement]) -> list[tuple[Line, Word]]:
    """Every word that is a placeholder, with its line, in the order of the file."""
    every = (statement for root in statements for statement in root.walk())
    return [(statement.line, word) for statement in every for word in statement.words if word.placeholder]


def assemble(statements: Sequence[Statement], source: str, problems: Problems) -> ModelSpec | None:
    """The spec that statements make; None if something in it is wrong, or a placeholder is still open."""
    fields: dict[str, Any] = {}
    seen: set[str] = set()
    for name, head, lines in _sections(statements, source, problems):
        reader = SECTIONS[name]
        if name in seen:
            problems.add(head.line, f"a second '{name}:' section; put its lines into the first")
        elif reader is None:
            problems.add(head.line, f"the section '{name}:' is known, but not available yet; leave it out")
        else:
            fields |= reader(head, lines, problems)
        seen.add(name)
    if not problems or seen:
        for name in REQUIRED:
            if name not in seen:
                problems.add(Line(source, 0), f"there is no '{name}:' section")
    return _complete(fields, problems)


def _complete(fields: dict[str, Any], problems: Problems) -> ModelSpec | None:
    """The spec, its shapes checked as far as its layers are known."""
    mistakes = len(problems)
    layers = fields.get("layers", (None,))
    known = layers[: layers.index(None)] if None in layers else layers
    if known and fields.get("input", True):
        nodes = lay_out_layers(known, input_shape(fields.get("input", ())), problems)
        if len(known) == len(layers) and len(problems) == mistakes:
            check_ending(layers, nodes, problems)
    complete = len(known) == len(layers) and {"optimizer", "epochs", "batch_size"} <= fields.keys()
    return ModelSpec(**fields) if complete and not problems else None


def _sections(
    statements: Sequence[Statement], source: str, problems: Problems
) -> list[tuple[str, Statement, list[Statement]]]:
    """Each section's name, its first line, and the statements in it: indented below it or not."""
    sections: list[tuple[str, Statement, list[Statement]]] = []
    homeless = False
    for statement in statements:
        name = _section_name(statement, problems)
        if name:
            sections.append((name, statement, list(statement.block)))
        elif sections:
            if sections[-1][1].block and statement.line:
                problems.add(statement.line, "indent this line like the others of its section")
            sections[-1][2].append(statement)
        elif not homeless:
            homeless = True
            problems.add(statement.line, "expected a section first, such as 'Layers:'")
    if not statements:
        problems.add(
            Line(source, 0), "the file is empty; a model has the sections 'Layers:' and 'Optimizer:'"
        )
    return sections


def _section_name(statement: Statement, problems: Problems) -> str | None:
    """Which section a line begins, or None if it is a line like others."""
    word = statement.name
    name = _find(word.text, SECTIONS)
    if len(statement.words) > 1 or word.key is not None:
        return None
    if name and not statement.opens:
        problems.add(statement.line, f"the line that begins a section ends in a colon: '{name}:'")
    if name is None and statement.opens and _find(word.text, LAYERS) is None:
        name = nearest(word.text, SECTIONS, cutoff=0.7)
        if name:
            message = f"unknown section {quoted(word.text)}; did you mean '{name}:'?"
            problems.add(statement.line, message, word.column, word.length)
    return name


def _read_input(head: Statement, lines: Sequence[Statement], problems: Problems) -> dict[str, Any]:
    steps = [_line(INPUTS, "input step", line, problems) for line in lines]
    if not lines:
        problems.add(head.line, f"an empty section; it takes {', '.join(INPUTS)}, or leave it out")
    if None in steps or not steps:
        return {"input": None}
    if len(steps) > 1 and steps != [Scale(), Standardize()]:
        names = " and ".join(type(step).__name__ for step in steps)
        message = f"{names} do not go together: Scale, Standardize (after Scale or without), or Threshold"
        problems.add(lines[1].line, message)
    for step, line in zip(steps, lines, strict=True):
        levels = getattr(step, "levels", ())
        if list(levels) != sorted(set(levels)):
            problems.add(line.line, "levels: expected each above the one before it")
    return {"input": tuple(steps)}


def _read_layers(head: Statement, lines: Sequence[Statement], problems: Problems) -> dict[str, Any]:
    if not lines:
        problems.add(head.line, "an empty section; a network has a layer at least: Dense,10,softmax")
        return {}
    return {"layers": tuple(_layer(line, None, problems) for line in lines)}


def _read_optimizer(head: Statement, lines: Sequence[Statement], problems: Problems) -> dict[str, Any]:
    """The optimizer's line, the number of epochs and the batch size; the last two bare or with their names."""
    waiting = {"optimizer": "Adam,0.001", "epochs": "epochs=10", "batch": "batch=128"}
    values: dict[str, Any] = {}
    for statement in lines:
        key = statement.name.key.lower() if statement.name.key is not None else next(iter(waiting), None)
        if statement.block or statement.opens:
            problems.add(statement.line, "nothing in this section opens a block")
        if key is None:
            problems.add(statement.line, "expected nothing after optimizer, epochs and batch size")
        elif key == "optimizer" and statement.name.key is None:
            values[key] = _optimizer(statement, problems)
        elif key not in ("epochs", "batch"):
            hint = did_you_mean(key, ("epochs", "batch"), "=")
            message = f"unknown setting {quoted(key)}{hint or '; this section has epochs= and batch='}"
            problems.add(statement.line, message, statement.name.key_column, len(key))
        elif key not in waiting:
            problems.add(statement.line, f"{key} is given twice")
        else:
            kind = EPOCHS if key == "epochs" else BATCH
            values[key] = _number(statement, key, kind, problems)
        waiting.pop(key or "", None)
    for key, example in waiting.items():
        what = {"optimizer": "optimizer", "epochs": "number of epochs", "batch": "batch size"}[key]
        problems.add(head.line, f"this section lacks the {what}, as in '{example}'")
    names = {"optimizer": "optimizer", "epochs": "epochs", "batch": "batch_size"}
    return {names[key]: value for key, value in values.items() if value is not None}


# The sections of a model file, in the order of the canonical text. None: part of the language, not built yet.
SECTIONS: dict[str, Reader | None] = {
    "Input": _read_input,
    "Layers": _read_layers,
    "Optimizer": _read_optimizer,
    "Schedule": None,
    "Augment": None,
    "Stop": None,
}
REQUIRED = ("Layers", "Optimizer")


def _layer(statement: Statement, parent: type | None, problems: Problems) -> Layer | None:
    """The layer of a statement, with its block; None if it is not known: wrong, or still open."""
    name = _name(LAYERS, "layer", statement, problems)
    cls = LAYERS[name] if name else None
    layers = [_layer(line, cls, problems) for line in statement.block]
    if name is None or cls is None:
        return None
    taken = block_field(cls)
    mistakes = len(problems)
    if (cls is Path) != (parent is Parallel):
        where = "only 'Path:' stands directly below" if parent is Parallel else "'Path:' stands only below"
        problems.add(statement.line, f"{where} 'Parallel:'")
    if taken and not statement.opens:
        problems.add(
            statement.line, f"{name} opens a block: end the line in a colon, and indent what is in it"
        )
    elif taken and not layers:
        problems.add(
            statement.line, f"{name} has no layers: indent them below it (Activation,linear does nothing)"
        )
    elif not taken and statement.opens:
        problems.add(statement.line, f"{name} opens no block: leave out the colon")
    values = bind(name, cls, statement.words[1:], statement.line, problems, {})
    if values is None or None in layers or len(problems) > mistakes:
        return None
    if taken:
        values[taken] = tuple(layers)
    layer: Layer = cls(**values, line=statement.line)
    return layer


def _line(names: Mapping[str, type], what: str, statement: Statement, problems: Problems) -> Any:
    """The value of a line that opens no block."""
    name = _name(names, what, statement, problems)
    if statement.block or statement.opens:
        problems.add(statement.line, "nothing in this section opens a block")
        return None
    if name is None:
        return None
    values = bind(name, names[name], statement.words[1:], statement.line, problems, {})
    return None if values is None else names[name](**values)


def _optimizer(statement: Statement, problems: Problems) -> Any:
    """An optimizer: `Name,rate,…`, or `rate,decay` for Adam."""
    words = statement.words
    name: str | None = "Adam"
    if not re.match(r"[-+.0-9]", words[0].text):
        name = _name(OPTIMIZERS, "optimizer", statement, problems)
        words = words[1:]
    if name is None:
        return None
    values = bind(name, OPTIMIZERS[name], words, statement.line, problems, DROPPABLE)
    return None if values is None else OPTIMIZERS[name](**{**SPELLINGS.get(name, {}), **values})


# Any optimizer's keys: a template may give one to an optimizer that does not have it.
DROPPABLE: dict[str, Kind] = {
    argument.name: argument.kind for cls in OPTIMIZERS.values() for argument in arguments_of(cls)
}


def _number(statement: Statement, name: str, kind: Kind, problems: Problems) -> int | None:
    word = statement.name
    if len(statement.words) > 1:
        second = statement.words[1]
        problems.add(statement.line, f"{name} is one number", second.column, second.length or 1)
        return None
    if word.is_open or not word.text:
        return None
    try:
        value: int = kind.read(word.text)
        return value
    except ValueError:
        message = f"{name}: expected {kind.expects}, found {quoted(word.text)}"
        problems.add(statement.line, message, word.column, word.length)
        return None


def _name(names: Mapping[str, type], what: str, statement: Statement, problems: Problems) -> str | None:
    """The name that a statement begins with, as `names` spells it; None if it is open or unknown."""
    word = statement.name
    if word.is_open or (not word.text and word.key is None):
        return None
    found = _find(word.text, names) if word.key is None else None
    if found is None:
        begin = re.match(r"\w+", word.text)
        first = _find(begin[0], names) if begin else None
        if word.key is not None:
            hint = f": a line begins with a name, as in {usage('Dense', LAYERS['Dense'])}"
            problems.add(
                statement.line,
                f"unknown {what} {quoted(word.key)}{hint}",
                word.key_column,
                len(word.key) or 1,
            )
        else:
            hint = did_you_mean(word.text, names) or f"; there are {', '.join(names)}"
            if first:
                hint = f": after {first} comes a comma, as in {usage(first, names[first])}"
            problems.add(
                statement.line, f"unknown {what} {quoted(word.text)}{hint}", word.column, word.length
            )
    return found


def _find(name: str, names: Mapping[str, Any]) -> str | None:
    """`name` as `names` spells it, whatever its case; None if it is not there."""
    lower = name.lower()
    return next((known for known in names if known.lower() == lower), None)
