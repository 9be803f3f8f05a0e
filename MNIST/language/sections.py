"""The sections of a model file: from their lines to fields of a ModelSpec, and back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from MNIST.language.errors import Problems
from MNIST.language.grammar import statement_text
from MNIST.language.inputs import INPUTS, Scale, Standardize, Threshold
from MNIST.language.layer_section import read_layers, write_layers
from MNIST.language.model import ModelSpec
from MNIST.language.names import read_line
from MNIST.language.text import Statement
from MNIST.language.training_sections import (
    read_augment,
    read_optimizer,
    read_schedule,
    read_stop,
    write_augment,
    write_optimizer,
    write_schedule,
    write_stop,
)


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


def write_input(spec: ModelSpec) -> list[str]:
    """The lines of `Input:`."""
    return [statement_text(step) for step in spec.input]


@dataclass(frozen=True)
class Section:
    """How a section is read and written; one is the inverse of the other.

    read: takes the section's head and its lines, notes mistakes, and returns fields of ModelSpec by name.
    A field that is wrong or still open is None; among the layers, only the layer in question is.
    write: returns the lines of a spec, with all defaults; none if the spec has nothing in this section.
    """

    read: Callable[[Statement, Sequence[Statement], Problems], dict[str, Any]]
    write: Callable[[ModelSpec], list[str]]


# In the order of the canonical text.
SECTIONS: dict[str, Section] = {
    "Input": Section(read_input, write_input),
    "Layers": Section(read_layers, write_layers),
    "Optimizer": Section(read_optimizer, write_optimizer),
    "Schedule": Section(read_schedule, write_schedule),
    "Augment": Section(read_augment, write_augment),
    "Stop": Section(read_stop, write_stop),
}
REQUIRED = ("Layers", "Optimizer")


def _input_step(statement: Statement, problems: Problems) -> Any:
    """The input step of a line; None if it is wrong or still open."""
    step = read_line(INPUTS, "input step", statement, problems)
    levels = step.levels if isinstance(step, Threshold) else ()
    if any(level >= following for level, following in pairwise(levels)):
        problems.add(statement.line, "levels: expected each to be above the one before it")
    return step
