"""From the text of a model file to its statements: lines, words and indented blocks. No meaning yet."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from MNIST.errors import quoted
from MNIST.language.errors import Line, Problem, Problems, Span, SpecError

MOST_BYTES = 1_000_000
MOST_STATEMENTS = 20_000
DEEPEST_NESTING = 64

_PLACEHOLDER = re.compile(r"\{\s*([A-Za-z][A-Za-z0-9_]{0,63})\s*\}")
_GROUPED = re.compile(r"(?:([^,=()]*)=)?([ \t]*\([^()]*\)[ \t]*)")  # the key, and a group
_PIECE = re.compile(rf"{_GROUPED.pattern}(?=,|\Z)|[^,]*")  # up to the next comma that is in no group


class Word(NamedTuple):
    """What stands between two commas: a value, or `key=value`. Columns count from 1.

    A value in parentheses, such as `(OneCycle,{peak})`, is a group: several words or none, in place of one.
    column, length: the value's place in the file.
    placeholder: NAME if the file has {NAME} in the value's place. is_open: whether it has no value yet;
    until a value is filled in, `text` is "{NAME}".
    """

    text: str
    column: int
    length: int
    key: str | None = None
    key_column: int = 0
    placeholder: str | None = None
    is_open: bool = False

    @property
    def span(self) -> Span:
        return self.column, self.length

    @property
    def key_span(self) -> Span:
        return self.key_column, len(self.key or "")

    def filled(self, values: Mapping[str, str]) -> "tuple[Word, ...]":
        """The word with its placeholder's value filled in; any other word is unchanged.

        A group without a key becomes its words, all of them at this place; a word that was written by hand
        in the group is no placeholder's.
        """
        if self.placeholder is None or self.placeholder not in values:
            return (self,)
        text = values[self.placeholder]
        if not is_group(text) or self.key is not None:
            return (self._replace(text=fill_inner(text, values), is_open=False),)
        words = (_word(piece, 1) for piece in pieces(text[1:-1]) if text != "()")
        here = self._replace(key_column=self.column, is_open=False)
        return tuple(
            here._replace(
                text=_with_values(word.text, values),
                key=word.key and _with_values(word.key, values),
                placeholder=word.placeholder,
            )
            for word in words
        )


@dataclass(slots=True)
class Statement:
    """One line with its words, and the indented lines below it.

    words: `Conv,32` has two; the first is the name in most sections. opens: whether it ends in a colon.
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

    def filled(self, values: Mapping[str, str]) -> "list[Statement]":
        """The statement and its block, with values in place of the placeholders.

        None is left if a group without words was all that it said.
        """
        words = tuple(filled for word in self.words for filled in word.filled(values))
        if not words:
            return []
        block = [filled for child in self.block for filled in child.filled(values)]
        return [Statement(self.line, words, self.opens, block)]


def is_group(text: str) -> bool:
    """Whether a value is a group."""
    return re.fullmatch(r"\([^()]*\)", text) is not None


def inner_names(text: str) -> list[str]:
    """The placeholders in a group; none in another value."""
    return _PLACEHOLDER.findall(text) if is_group(text) else []


def stray_brace(text: str) -> bool:
    """Whether a group has a brace that belongs to no placeholder."""
    return bool(re.search("[{}]", _PLACEHOLDER.sub("", text)))


def fill_inner(text: str, values: Mapping[str, str]) -> str:
    """A group with the values of its placeholders, as far as they are known; another value is unchanged."""
    return _with_values(text, values) if is_group(text) else text


def _with_values(text: str, values: Mapping[str, str]) -> str:
    """A text with the values of its placeholders, as far as they are known."""
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def read_text(path: Path | str) -> str:
    """The text of a model file: a regular file, at most 1 MB, UTF-8 with or without a byte order mark.

    Raises SpecError for anything else: a folder, a device, a pipe, other bytes.
    """
    path = Path(path)
    try:
        if not path.is_file():
            found = "a folder" if path.is_dir() else "not one" if path.exists() else "not there"
            raise _unreadable(path, f"a model file is a regular file, and this is {found}")
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise _unreadable(path, getattr(error, "strerror", None) or str(error)) from None
    return as_text(data, path)


def as_text(data: bytes, path: Path | str) -> str:
    """The bytes of a model file as text: at most 1 MB, UTF-8 with or without a byte order mark.

    path: where they are from, for the message. Raises SpecError for other bytes.
    """
    path = Path(path)
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
    """The statements of a text; each has those of its block.

    Notes mistakes in indentation, commas and placeholders, and goes on with the rest. Raises SpecError at
    once for a text beyond the limits.
    """
    roots: list[Statement] = []
    blocks: list[Block] = [(0, roots)]
    count = 0
    margins: set[str] = set()  # what this file indents with
    for line in _lines(text, source):
        content = _plain(line, line.text.split("#", 1)[0], problems).rstrip()
        start = len(content) - len(content.lstrip(" \t"))
        if start == len(content):
            continue
        if not margins:
            margins |= set(content[:start])
        elif not margins.issuperset(content[:start]):
            problems.add(line, "tabs and spaces are mixed in the indentation; use four spaces")
            margins |= set(content[:start])  # one message is enough
        statement = _statement(line, content, start, problems)
        _siblings(blocks, start, line, problems).append(statement)
        count += 1
        if count > MOST_STATEMENTS:
            problems.add(line, f"a model file has at most {MOST_STATEMENTS:,} lines that say something")
            problems.raise_any()
    return roots


DASHES = "\u2010\u2011\u2012\u2013\u2014\u2212"
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"


def _plain(line: Line, content: str, problems: Problems) -> str:
    """A line with plain characters in place of those that look like them; the first of these is noted.

    A word processor, a web page or another keyboard puts them there: spaces that do not break, full-width
    commas, dashes in place of a minus.
    """
    if content.isascii():
        return content
    plain = [plain_look(character) for character in content]
    for place, (character, look) in enumerate(zip(content, plain, strict=True)):
        if character in INVISIBLE:
            expected = "nothing"
        elif look != character:
            expected = "a space" if look == " " else f"'{look}'"
        else:
            continue
        name = f"the character {unicodedata.name(character, 'without a name')} (U+{ord(character):04X})"
        problems.add(line, f"expected {expected}, found {name}", (place + 1, 1))
        break
    return "".join(plain)


def plain_look(character: str) -> str:
    """The plain character that another one stands for; the same one if it stands for itself."""
    if character in DASHES:
        return "-"
    folded = unicodedata.normalize("NFKC", character)
    return folded if len(folded) == 1 and folded.isascii() else character


# An open block: the column at which its lines begin, from 0, and the lines.
Block = tuple[int, list[Statement]]


def _siblings(blocks: list[Block], start: int, line: Line, problems: Problems) -> list[Statement]:
    """The lines among which a line belongs that begins at column `start`; opens and closes blocks for it.

    blocks: the open blocks, outermost first.
    """
    innermost = blocks[-1][0]
    while start < blocks[-1][0]:
        blocks.pop()
    column, siblings = blocks[-1]
    if start == column:
        return siblings
    if siblings and siblings[-1].opens:
        inside = siblings[-1].block
        if start < innermost:
            problems.add(line, "this indentation is that of no line above; indent the lines of a block alike")
    else:
        problems.add(line, "this line is indented, and no line above it, ending in a colon, opens a block")
        inside = siblings
    if len(blocks) == DEEPEST_NESTING + 1:
        problems.add(line, f"blocks are nested more than {DEEPEST_NESTING} deep")
        problems.raise_any()
    blocks.append((start, inside))
    return inside


def _statement(line: Line, content: str, start: int, problems: Problems) -> Statement:
    opens = content.endswith(":")
    words: list[Word] = []
    column = start + 1
    for piece in pieces(content[start : len(content) - opens]):
        word = _word(piece, column)
        if not word.text:
            what = f"after '{word.key}='" if word.key else "here"
            problems.add(line, f"a value is missing {what}", word.span)
            if words and word.key is None and column + len(piece) > len(content) - opens:
                break  # a comma too many, at the end
        elif word.is_open and word.placeholder is None:
            message = f"{quoted(word.text)}: a placeholder is {{name}}, and takes the place of a whole value"
            problems.add(line, message, word.span)
        words.append(word)
        column += len(piece) + 1
    return Statement(line, tuple(words), opens)


def pieces(content: str) -> list[str]:
    """What stands between the commas, apart from those in groups."""
    pieces = []
    end = -1
    while end < len(content):
        match = _PIECE.match(content, end + 1)
        assert match is not None, "it may be empty"
        pieces.append(match[0])
        end = match.end()
    return pieces


def _word(piece: str, column: int) -> Word:
    """The word in a piece between commas. column: where the piece begins, even if that is a space."""
    grouped = _GROUPED.fullmatch(piece)
    if grouped:
        key, value = grouped[1], grouped[2]
    else:
        before, equals, value = piece.rpartition("=") if piece.count("=") == 1 else ("", "", piece)
        key = before if equals else None
    text = value.strip()
    value_column = column + len(piece) - len(value.lstrip()) if text else column
    match = _PLACEHOLDER.fullmatch(text)
    key_column = column + len(key) - len(key.lstrip()) if key else column
    name = match[1] if match else None
    is_open = ("{" in text or "}" in text) and not is_group(text)
    key = key.strip() if key is not None else None
    return Word(text, value_column, len(text), key, key_column, name, is_open)


def _lines(text: str, source: str) -> Iterator[Line]:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    for number, line in enumerate(text.split("\n"), start=1):
        yield Line(source, number, line)


def _unreadable(path: Path, message: str) -> SpecError:
    return SpecError([Problem(0, 0, 0, message, str(path))])
