"""Mistakes in a model file: where each one is, what was expected, and how it is shown."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from MNIST.errors import UsageError

MOST_PROBLEMS = 100  # a file with more is no model file; reading on would only cost time
WIDEST_EXCERPT = 100  # characters of a source line that are shown


Span = tuple[int, int]  # the column at which something begins, from 1, and its length


@dataclass(frozen=True)
class Line:
    """One line of a model file as it stands, for messages. number: from 1, or 0 for the file as a whole."""

    source: str
    number: int
    text: str = ""


@dataclass(frozen=True)
class Problem:
    """One mistake. line and column count from 1 (0: the file as a whole); carets mark `length` characters.

    of_shapes: whether the layers do not make a network, although each value may be right by itself.
    """

    line: int
    column: int
    length: int
    message: str
    source: str = "<text>"
    text: str = ""
    of_shapes: bool = False

    def __str__(self) -> str:
        if not self.line:
            return dotted(f"{self.source}: {self.message}")
        return dotted(f"{self.source}, line {self.line}: {self.message}") + "\n" + self._excerpt()

    def _excerpt(self) -> str:
        """The source line without its indentation, and carets below the mistake."""
        start = min(len(self.text) - len(self.text.lstrip(" \t")), self.column - 1)
        if self.column - start > WIDEST_EXCERPT * 3 // 4:
            start = self.column - WIDEST_EXCERPT // 2
        shown = self.text[start : start + WIDEST_EXCERPT]
        before = shown[: self.column - 1 - start]
        length = max(1, min(self.length, len(shown) - len(before)))
        margin = "".join("\t" if c == "\t" else " " * _cells(c) for c in before)
        carets = "^" * max(1, sum(map(_cells, shown[len(before) : len(before) + length])))
        return f"    {dotted(shown).rstrip()}\n    {margin}{carets}"


class SpecError(UsageError):
    """A model file cannot be used. `problems` has every mistake in it, in the order of the lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line or 1 << 30, problem.column)))
        super().__init__(self.problems)

    @property
    def only_shapes(self) -> bool:
        """Whether the only mistake is that the layers do not fit together; with other values they may."""
        return all(problem.of_shapes for problem in self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class Problems(list[Problem]):
    """Collects the mistakes of one file, so that they are reported together."""

    def add(self, line: Line, message: str, span: Span | None = None, of_shapes: bool = False) -> None:
        """Note a mistake at a span of a line, or in the whole line. of_shapes: as in `Problem`.

        Raises SpecError at once when there are MOST_PROBLEMS: a hostile file must not cost minutes.
        """
        column, length = span or _content_span(line.text)
        self.append(Problem(line.number, column, max(1, length), message, line.source, line.text, of_shapes))
        if len(self) == MOST_PROBLEMS:
            stopped = f"stopped after {MOST_PROBLEMS} mistakes"
            self.append(Problem(0, 0, 0, stopped, line.source, of_shapes=SpecError(self).only_shapes))
            raise SpecError(self)

    def raise_any(self) -> None:
        """Raise SpecError if anything was noted."""
        if self:
            raise SpecError(self)


def _content_span(text: str) -> Span:
    """Where a line's content is, without indentation and comment."""
    content = text.split("#", 1)[0].rstrip()
    start = len(content) - len(content.lstrip())
    return start + 1, len(content) - start


def dotted(text: str) -> str:
    """The text with a dot for each character that a terminal would obey instead of showing."""
    return re.sub(r"[^\S\t ]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069]", "·", text)


def _cells(character: str) -> int:
    """How many columns of a terminal a character takes."""
    import unicodedata

    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
