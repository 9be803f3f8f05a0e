"""From the text of a model file to its statements: lines, words and indented blocks. No meaning yet."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from MNIST.spec.errors import Line, Problem, Problems, SpecError, quoted

MOST_BYTES = 1_000_000
DEEPEST_NESTING = 64

_PLACEHOLDER = re.compile(r"\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}")


class Word(NamedTuple):
    """What stands between two commas: a value, or `key=value`. Columns count from 1.

    column, length: of the value as the file has it.
    placeholder: NAME if the file has {NAME} in the value's place; then `text` is "{NAME}" while `is_open`,
    and the value that was filled in afterwards.
    """

    text: str
    column: int
    length: int
    key: str | None = None
    key_column: int = 0
    placeholder: str | None = None
    is_open: bool = False

    def filled(self, values: Mapping[str, str]) -> "Word":
        """The word with its placeholder's value in it; other words, as they are."""
        if self.placeholder is None or self.placeholder not in values:
            return self
        return self._replace(text=values[self.placeholder], is_open=False)


@dataclass(slots=True)
class Statement:
    """One line with its words, and the indented lines below it.

    words: `Conv,32` has two; the first is the name in most sections. opens: it ends in a colon.
    placeholders: the names in this line and its block, in order of appearance.
    """

    line: Line
    words: tuple[Word, ...]
    opens: bool
    block: list["Statement"] = field(default_factory=list)

    @property
    def name(self) -> Word:
        return self.words[0]

    def walk(self) -> Iterator["Statement"]:
        """This statement and all below it, in the order of the lines. Blocks are at most 64 deep."""
        yield self
        for child in self.block:
            yield from child.walk()

    def filled(self, values: Mapping[str, str]) -> "Statement":
        """The statement, with its block, with values in place of its placeholders."""
        words = tuple(word.filled(values) for word in self.words)
        return Statement(self.line, words, self.opens, [child.filled(values) for child in self.block])


def read_text(path: Path | str) -> str:
    """The text of a model file: a regular file, at most 1 MB, UTF-8 with or without a byte order mark.

    Raises SpecError for anything else: a folder, a device, a pipe, other bytes.
    """
    path = Path(path)
    try:
        if not path.is_file():
            found = "a folder" if path.is_dir() else "not a regular file" if path.exists() else "not there"
            raise _unreadable(path, f"expected a text file, found it is {found}")
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise _unreadable(path, getattr(error, "strerror", None) or str(error)) from None
    if len(data) > MOST_BYTES:
        raise _unreadable(path, f"a model file has at most {MOST_BYTES:,} bytes, and this one has more")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise _unreadable(
            path, f"not a text file in UTF-8: a byte of line {number} is no character"
        ) from None
    if "\0" in text:
        number = text.count("\n", 0, text.index("\0")) + 1
        raise _unreadable(path, f"not a text file: line {number} has a NUL character")
    return text


def read_statements(text: str, source: str, problems: Problems) -> list[Statement]:
    """The statements of a text, those in blocks below the one that opens the block.

    Notes what is wrong with indentation, commas and placeholders; goes on with the rest.
    """
    roots: list[Statement] = []
    # The blocks that are open, outermost first: the column at which their lines begin, and the lines.
    open_blocks: list[tuple[int, list[Statement]]] = [(0, roots)]
    indentation = ""  # the character that this file indents with
    too_deep = False
    for line in _lines(text, source):
        content = line.text.split("#", 1)[0].rstrip()
        start = len(content) - len(content.lstrip(" \t"))
        if start == len(content):
            continue
        margin = content[:start]
        if margin:
            indentation = indentation or margin[0]
            if margin.strip(indentation):
                problems.add(line, "tabs and spaces are mixed in the indentation; use four spaces")
        if start > open_blocks[-1][0]:
            siblings = open_blocks[-1][1]
            if len(open_blocks) > DEEPEST_NESTING:
                if not too_deep:
                    problems.add(line, f"blocks are nested more than {DEEPEST_NESTING} deep")
                too_deep = True
                continue
            if siblings:
                if not siblings[-1].opens:
                    problems.add(line, "this line is indented, but the line above it does not end in a colon")
                open_blocks.append((start, siblings[-1].block))
            else:
                problems.add(line, "the first line of a file is not indented")
        else:
            while start < open_blocks[-1][0]:
                open_blocks.pop()
            if start > open_blocks[-1][0]:
                problems.add(line, "this indentation fits no line above; indent the lines of a block alike")
        open_blocks[-1][1].append(_statement(line, content, start, problems))
    return roots


def _statement(line: Line, content: str, start: int, problems: Problems) -> Statement:
    opens = content.endswith(":")
    words = []
    column = start + 1
    for piece in content[start : len(content) - opens].split(","):
        word = _word(piece, column)
        if not word.text:
            what = f"after '{word.key}='" if word.key else "here"
            problems.add(line, f"a value is missing {what}", word.column, 1)
        elif "{" in word.text and word.placeholder is None:
            message = f"{quoted(word.text)}: a placeholder is {{name}}, and takes the place of a whole value"
            problems.add(line, message, word.column, word.length)
        words.append(word)
        column += len(piece) + 1
    return Statement(line, tuple(words), opens)


def _word(piece: str, column: int) -> Word:
    """column: of the piece, which may begin and end with spaces."""
    before, equals, value = piece.rpartition("=") if piece.count("=") == 1 else ("", "", piece)
    text = value.strip()
    value_column = column + len(piece) - len(value.lstrip()) if text else column
    match = _PLACEHOLDER.fullmatch(text)
    key = before.strip() if equals else None
    key_column = column + len(before) - len(before.lstrip())
    name = match[1] if match else None
    return Word(text, value_column, len(text), key, key_column, name, match is not None)


def _lines(text: str, source: str) -> Iterator[Line]:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), start=1):
        yield Line(source, number, line)


def _unreadable(path: Path, message: str) -> SpecError:
    return SpecError([Problem(0, 0, 0, message, str(path))])
