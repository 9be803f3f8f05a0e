"""Templates: model files with {placeholders}, which an exploration fills from its grid."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from MNIST.errors import did_you_mean, quoted
from MNIST.spec.errors import Line, Problem, Problems, SpecError
from MNIST.spec.model import ModelSpec
from MNIST.spec.parse import assemble, placeholders
from MNIST.spec.text import Statement, read_statements


@dataclass(frozen=True)
class Template:
    """A model file with placeholders. names: those that it has, in order of first appearance."""

    source: str
    names: tuple[str, ...]
    statements: tuple[Statement, ...] = field(repr=False)

    def fill(self, values: Mapping[str, str]) -> ModelSpec:
        """The spec with a value, as text, for every name.

        A value whose key the chosen optimizer does not have (momentum under Adam) is checked and dropped.
        Raises SpecError, naming the placeholders of a line that is wrong and their values; also if
        a name has no value, or a value no name.
        """
        values = {name: value.strip() for name, value in values.items()}
        self._check_names(values)
        problems = Problems()
        statements = [statement.filled(values) for statement in self.statements]
        try:
            spec = assemble(statements, self.source, problems)
            problems.raise_any()
        except SpecError as error:
            raise SpecError(self._with_values(problem, values) for problem in error.problems) from None
        assert spec is not None  # nothing was open, nothing wrong
        return spec

    def lines(self, name: str) -> tuple[Line, ...]:
        """The lines that a placeholder stands in."""
        found = placeholders(self.statements)
        return tuple(dict.fromkeys(line for line, word in found if word.placeholder == name))

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

    def _with_values(self, problem: Problem, values: Mapping[str, str]) -> Problem:
        """The problem, saying with which values of the placeholders at its place it came to be."""
        end = problem.column + problem.length
        names = [
            word.placeholder
            for line, word in placeholders(self.statements)
            if word.placeholder and line.number == problem.line and problem.column <= word.column < end
        ]
        if not names:
            return problem
        filled = ", ".join(f"{{{name}}} = {quoted(values[name])}" for name in dict.fromkeys(names))
        return replace(problem, message=f"{problem.message} (with {filled})")


def parse_template(text: str, source: str = "<text>") -> Template:
    """The template of a model file's text; a text without placeholders is a template without names.

    source: what messages call the text. Raises SpecError with every mistake that shows without values.
    """
    problems = Problems()
    statements = tuple(read_statements(text, source, problems))
    names = dict.fromkeys(word.placeholder for _, word in placeholders(statements) if word.placeholder)
    assemble(statements, source, problems)
    problems.raise_any()
    return Template(source, tuple(names), statements)
