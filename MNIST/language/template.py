"""Templates: model files with {placeholders}, which an exploration fills from its grid."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import Any

from MNIST.errors import did_you_mean, quoted
from MNIST.language.axes import MOST_PLACEHOLDERS, Axis, first_values, read_explore, values_of
from MNIST.language.classes import fill_classes
from MNIST.language.errors import MOST_PROBLEMS, Line, Problem, Problems, SpecError
from MNIST.language.model import ModelSpec
from MNIST.language.network import MOST_LAYERS, check_rule, count_layers
from MNIST.language.parse import Sections, placeholder_names, placeholders, read_fields, read_sections
from MNIST.language.sections import REQUIRED
from MNIST.language.text import fill_inner, inner_names
from MNIST.language.training_sections import epochs_placeholder

NETWORK = ("Input", "Layers")  # they decide the shapes together; each other section is read by itself
MOST_KNOWN, MOST_KNOWN_WORDS = 10_000, 500_000  # readings that a part keeps, and their words
MOST_WORK = 1_000_000  # words and layers that values are checked in: a hostile file must not cost minutes

Reading = tuple[dict[str, Any], tuple[Problem, ...]]  # fields of a ModelSpec, and what is wrong


@dataclass(frozen=True)
class Template:
    """A model file with placeholders.

    names: its placeholders, in order of first appearance. axes: the values that `Explore:` gives them, in the
    order of its lines; it need not name them all. epochs_name: the placeholder for the number of epochs.
    A value of `Explore:` may have placeholders of its own, the inner ones: they matter where it is chosen.
    """

    source: str
    names: tuple[str, ...]
    axes: tuple[Axis, ...]
    epochs_name: str | None
    parts: tuple["Part", ...] = field(repr=False)

    def fill(self, values: Mapping[str, str]) -> ModelSpec:
        """The spec in which every placeholder has its value, given as text.

        A value whose key the chosen optimizer does not have (momentum under Adam) is checked and dropped.
        Raises SpecError, which names the placeholders in a wrong line and their values; also if a name has
        no value, or a value has no name.
        """
        texts = {name: value.strip() for name, value in values.items()}
        self._check_names(texts)
        return self._filled(texts)

    def fill_point(self, values: Mapping[str, object]) -> ModelSpec:
        """The spec at a point: as `fill` makes it, and inner placeholders have their values as well.

        A value of an inner placeholder counts only where the chosen values have a place for it.
        """
        texts = {name: str(value).strip() for name, value in values.items()}
        self._check_names({name: texts[name] for name in self.names if name in texts})
        return self._filled(texts)

    @property
    def all_names(self) -> tuple[str, ...]:
        """The placeholders, and the inner ones of the values of `Explore:`."""
        inner = (name for axis in self.axes for name in axis.inner_names)
        return tuple(dict.fromkeys([*self.names, *inner]))

    @property
    def without_values(self) -> tuple[str, ...]:
        """The placeholders that `Explore:` has no values for."""
        given = {name for axis in self.axes for name in axis.names}
        return tuple(name for name in self.all_names if name not in given)

    @property
    def points(self) -> int | None:
        """How many points the whole grid of `Explore:` has; None if values lack, or if one is a range."""
        if self.without_values or any(axis.is_range for axis in self.axes):
            return None
        return prod(len(axis.values) for axis in self.axes)

    def check_values(self) -> None:
        """Raise SpecError with every value of `Explore:` that is wrong whatever the others are.

        Each value is tried with the first values of the other placeholders. If a placeholder has no values,
        nothing is checked. Too many mistakes end it, and too much to read.
        """
        if self.without_values:
            return
        problems: dict[Problem, None] = {}
        limit = sum(part.work for part in self.parts) + MOST_WORK
        for place, axis in enumerate(self.axes):
            chosen = first_values(self.axes, axis.names)
            for value in axis.values:
                chosen[place] = value
                try:
                    self.fill_point(values_of(self.axes, chosen))
                except SpecError as error:
                    problems |= {} if error.only_shapes else dict.fromkeys(error.problems)
                stopped = f"stopped after {len(problems)} mistakes" if len(problems) >= MOST_PROBLEMS else ""
                if sum(part.work for part in self.parts) > limit:
                    stopped = (
                        "there are too many values to check in networks so large: it would take more than "
                        f"{MOST_WORK:,} words and layers"
                    )
                if stopped:
                    raise SpecError([*problems, Problem(0, 0, 0, stopped, self.source)])
        if problems:
            raise SpecError(problems)

    def lines(self, name: str) -> tuple[Line, ...]:
        """The lines that a placeholder stands in."""
        found = (each for part in self.parts for each in placeholders(part.sections))
        lines = dict.fromkeys(line for line, word in found if word.placeholder == name)
        return tuple(sorted(lines, key=lambda line: line.number))

    def _filled(self, values: Mapping[str, str]) -> ModelSpec:
        """The spec with values of all placeholders; values may have more names, the inner ones."""
        fields: dict[str, Any] = {}
        problems: list[Problem] = []
        for part in self.parts:
            read, mistakes = part.filled(values)
            fields |= read
            problems += mistakes
        if problems:
            raise SpecError(problems)
        self._check_together(fields, values)
        return ModelSpec(**fields)

    def _check_together(self, fields: Mapping[str, Any], values: Mapping[str, str]) -> None:
        """Raise SpecError if parts that are right by themselves do not go together."""
        unfit = Problems()
        check_rule(fields["layers"], fields["optimizer"], unfit)
        problems: list[Problem] = unfit
        for part in self.parts:
            problems = [part.with_values(problem, values) for problem in problems]
        if problems:
            raise SpecError(problems)

    def _check_names(self, values: Mapping[str, str]) -> None:
        """Raise SpecError unless there is a value for every name, and a name for every value."""
        problems = Problems()
        whole_file = Line(self.source, 0)
        for name in self.names:
            if not values.get(name):
                problems.add(whole_file, f"there is no value for {{{name}}}")
        for name in values:
            if name not in self.names:
                hint = did_you_mean(name, self.names) or f"; it has {', '.join(self.names) or 'none'}"
                problems.add(whole_file, f"the template has no placeholder {quoted(name)}{hint}")
        problems.raise_any()


@dataclass
class Part:
    """Sections of a template that are read by themselves.

    classes: as many as the network must end in; None if any number will do.
    work: how many words and layers it has read so far.
    known: the readings of values that were filled in before. With them, a point of Models/explore.txt takes
    6 µs instead of 170 (one core of an AMD EPYC), so that a grid of a million points is read in seconds.
    """

    names: tuple[str, ...]
    sections: Sections
    classes: int | None = None
    work: int = field(default=0, compare=False, repr=False)
    known: dict[tuple[str, ...], Reading] = field(default_factory=dict, compare=False, repr=False)

    def filled(self, values: Mapping[str, str]) -> Reading:
        """The fields of a ModelSpec that the sections give with values for all names, and what is wrong."""
        key = tuple([values[name] for name in self.names])
        inner = [name for text in key if text.startswith("(") for name in inner_names(text)]  # mostly none
        key += tuple([values.get(name, "") for name in inner])
        if key not in self.known:
            if len(self.known) >= min(MOST_KNOWN, MOST_KNOWN_WORDS // self._words):
                self.known.clear()
            self.known[key] = self._read(values)
        return self.known[key]

    def _read(self, values: Mapping[str, str]) -> Reading:
        fields: dict[str, Any] = {}
        problems = Problems()
        sections: Sections = {}
        for name, (head, lines) in self.sections.items():
            filled = [each for line in lines for each in line.filled(values)]
            if filled or not lines or name in REQUIRED:  # else its only lines are left out, and it with them
                sections[name] = head, filled
        with suppress(SpecError):  # too many mistakes; `problems` has those that are reported
            fields = read_fields(sections, problems, self.classes)
        layers = count_layers(layer for layer in fields.get("layers", ()) if layer is not None)
        stopped = len(problems) > MOST_PROBLEMS  # it is not known after how many layers
        self.work += self._words + (MOST_LAYERS if stopped else min(layers, MOST_LAYERS))
        return fields, tuple(self.with_values(problem, values) for problem in problems)

    @cached_property
    def _words(self) -> int:
        """How many words the sections have, and lines."""
        roots = (root for _, lines in self.sections.values() for root in lines)
        return sum(1 + len(statement.words) for root in roots for statement in root.walk())

    def with_values(self, problem: Problem, values: Mapping[str, str]) -> Problem:
        """The problem, with the values of the placeholders at its place added to its message."""
        end = problem.column + problem.length
        names = [
            word.placeholder
            for line, word in placeholders(self.sections)
            if word.placeholder and line.number == problem.line and problem.column <= word.column < end
        ]
        if not names:
            return problem
        texts = {name: fill_inner(values[name], values) for name in names}
        filled = ", ".join(f"{{{name}}} = {quoted(text)}" for name, text in texts.items())
        return replace(problem, message=f"{problem.message} (with {filled})")


def parse_template(text: str, source: str = "<text>", classes: int | None = None) -> Template:
    """The template of a model file's text; a text without placeholders is a template without names.

    source: what messages call the text. classes: how many the dataset has, as in `parse_spec`.
    Raises SpecError with every mistake that needs no values to show.
    """
    problems = Problems()
    sections, explore = read_sections(fill_classes(text, classes), source, problems)
    names = placeholder_names(sections)
    if len(names) > MOST_PLACEHOLDERS:
        problems.add(Line(source, 0), f"a template has at most {MOST_PLACEHOLDERS} placeholders")
        problems.raise_any()
    axes = read_explore(*explore, names, problems) if explore else ()
    read_fields(sections, problems, classes)
    problems.raise_any()
    _, settings = sections["Optimizer"]
    return Template(source, names, axes, epochs_placeholder(settings), _parts(sections, classes))


def _parts(sections: Sections, classes: int | None) -> tuple[Part, ...]:
    """The sections in parts: those that decide the shapes are one part, each other section is its own."""
    network = {name: section for name, section in sections.items() if name in NETWORK}
    others = [{name: section} for name, section in sections.items() if name not in NETWORK]
    return tuple(Part(placeholder_names(part), part, classes) for part in (network, *others))
