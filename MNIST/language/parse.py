"""From the text of a model file to its ModelSpec: sections are told apart, then read and checked together."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from MNIST.errors import nearest, quoted
from MNIST.language.augmentations import AUGMENTATIONS
from MNIST.language.axes import read_explore
from MNIST.language.classes import fill_classes
from MNIST.language.errors import Line, Problems
from MNIST.language.grammar import find
from MNIST.language.inputs import INPUTS
from MNIST.language.layers import LAYERS
from MNIST.language.model import ModelSpec
from MNIST.language.names import EXPLORE, HEADS
from MNIST.language.network import check_ending, check_rule, input_shape, lay_out_layers
from MNIST.language.optimizers import OPTIMIZERS
from MNIST.language.schedules import SCHEDULES
from MNIST.language.sections import REQUIRED, SECTIONS
from MNIST.language.text import Statement, Word, read_statements, read_text

# Names that make a line no head of a section, even if it opens a block.
LINES = {*LAYERS, *INPUTS, *OPTIMIZERS, *SCHEDULES, *AUGMENTATIONS}

# Each section's head, and its lines, which may be indented below the head or not.
Sections = dict[str, tuple[Statement, list[Statement]]]


def read_spec(path: Path | str, classes: int | None = None) -> ModelSpec:
    """The spec in a model file. Raises SpecError with every mistake in it."""
    return parse_spec(read_text(path), str(path), classes)


def parse_spec(text: str, source: str = "<text>", classes: int | None = None) -> ModelSpec:
    """The spec that a model file's text describes; its layers fit together, from image to classes.

    source: what messages call the text. classes: how many the dataset has; the number takes the place of
    {classes}, and the network must end in as many. None if there is no dataset.
    Raises SpecError with every mistake in it; a placeholder is one.
    """
    problems = Problems()
    sections, explore = read_sections(fill_classes(text, classes), source, problems)
    for line, word in placeholders(sections):
        message = (
            f"a placeholder, {quoted(word.text)}: this file is a template, for `explore`, and no model yet"
        )
        problems.add(line, message, word.span)
        break  # one message is enough
    if explore:
        read_explore(*explore, placeholder_names(sections), problems)
    fields = read_fields(sections, problems, classes)
    problems.raise_any()
    return ModelSpec(**fields)


def read_sections(
    text: str, source: str, problems: Problems
) -> tuple[Sections, tuple[Statement, list[Statement]] | None]:
    """The sections of a text that make the spec; and the section `Explore:`, None if there is none."""
    statements = read_statements(text, source, problems)
    if not statements:
        problems.add(Line(source, 0), "there is nothing in it; a model has 'Layers:' and 'Optimizer:'")
        return {}, None
    sections = _sections(statements, problems)
    for name in REQUIRED:
        if name not in sections:
            problems.add(Line(source, 0), f"there is no section '{name}:'")
    explore = sections.pop(EXPLORE, None)
    return sections, explore


def placeholders(sections: Sections) -> Iterator[tuple[Line, Word]]:
    """Every word that is a placeholder, or was one before it was filled, in the order of the file."""
    for _, lines in sections.values():
        for root in lines:
            for statement in root.walk():
                for word in statement.words:
                    if word.placeholder is not None:
                        yield statement.line, word


def placeholder_names(sections: Sections) -> tuple[str, ...]:
    """The names of the placeholders, in order of first appearance."""
    return tuple(dict.fromkeys(word.placeholder for _, word in placeholders(sections) if word.placeholder))


def read_fields(sections: Sections, problems: Problems, classes: int | None) -> dict[str, Any]:
    """The fields of a ModelSpec that sections give, incomplete after a mistake (noted) or a placeholder.

    classes: as many as the network must end in; None if any number will do.
    """
    fields: dict[str, Any] = {}
    for name, (head, lines) in sections.items():
        fields |= SECTIONS[name].read(head, lines, problems)
    _check_layers(fields, problems, classes)
    return fields


def _check_layers(fields: dict[str, Any], problems: Problems, classes: int | None) -> None:
    """Note layers that do not fit together, up to the first that is wrong or open."""
    layers, steps = fields.get("layers", ()), fields.get("input", ())
    known = layers[: layers.index(None)] if None in layers else layers
    if not known or steps is None:
        return
    nodes = lay_out_layers(known, input_shape(steps), problems)
    if nodes is not None and len(known) == len(layers):
        check_ending(layers, steps, nodes, problems, classes)
        if fields.get("optimizer"):
            check_rule(layers, fields["optimizer"], problems)


def _sections(statements: Sequence[Statement], problems: Problems) -> Sections:
    """The sections that statements make, in the order in which they begin."""
    sections: Sections = {}
    head: Statement | None = None
    lines: list[Statement] = []
    for statement in statements:
        name = _section_name(statement, problems)
        if name:
            head = statement
            if name in sections:
                problems.add(head.line, f"a second section '{name}:'; put its lines into the first")
            _, lines = sections.setdefault(name, (head, []))
            lines += head.block
        elif head:
            if head.block:
                problems.add(statement.line, "expected this line indented as those of its section above")
            lines.append(statement)
        elif statement is statements[0]:
            problems.add(statement.line, "expected the head of a section above this line, such as 'Layers:'")
    return sections


def _section_name(statement: Statement, problems: Problems) -> str | None:
    """The section that a line at the left margin begins, or None if it begins none."""
    word = statement.name
    if len(statement.words) > 1 or word.key is not None:
        return None
    name = find(word.text, HEADS)
    if name and not statement.opens:
        problems.add(statement.line, f"the head of a section ends in a colon: '{name}:'")
    if name is None and statement.opens and find(word.text, LINES) is None:
        name = nearest(word.text, HEADS, cutoff=0.7)
        if name:
            message = f"unknown section {quoted(word.text)}; did you mean '{name}:'?"
            problems.add(statement.line, message, word.span)
    return name
