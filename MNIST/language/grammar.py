"""The arguments of a line: each is a field of a frozen dataclass, and says how it is read and written.

    @dataclass(frozen=True)
    class Dropout(Layer):
        rate: float = positional(real(0, 1, below=True))

makes `Dropout,0.25` a line of the language. As in a Python call, positional arguments come first and
in order, keyword arguments after them as `key=value`; those with a default may be left out.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from functools import cache
from typing import Any

from MNIST.errors import did_you_mean, nearest, quoted
from MNIST.language.errors import Line, Problems
from MNIST.language.text import Word

_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_REAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """Which values an argument takes.

    expects: them in words, for messages. read: turns a text into a value, or raises ValueError. write: turns
    a value back into text. choices: the allowed words, if the value is one of a list. data: what `read` does,
    as JSON, for readers in other programming languages: a name, and bounds or the value of each word.
    """

    expects: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    choices: tuple[str, ...] = ()
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict, compare=False)


def whole(low: int, high: int, odd: bool = False) -> Kind:
    """A whole number in [low, high]; only an odd one if `odd`."""

    def read(text: str) -> int:
        value = int(text) if _WHOLE.fullmatch(text) else low - 1
        if not low <= value <= high or (odd and value % 2 == 0):
            raise ValueError(text)
        return value

    expects = f"{'an odd' if odd else 'a whole'} number from {low:,} to {high:,}"
    return Kind(expects, read, data={"kind": "whole", "low": low, "high": high, "odd": odd})


def real(low: float, high: float, above: bool = False, below: bool = False) -> Kind:
    """A number in [low, high]; without `low` itself if `above`, without `high` itself if `below`."""

    def read(text: str) -> float:
        value = float(text) if _REAL.fullmatch(text) else math.nan
        if not low <= value <= high or (above and value == low) or (below and value == high):
            raise ValueError(text)
        return value + 0.0  # -0.0 is 0.0

    bounds = f"{'above' if above else 'of at least'} {low:g} and {'below' if below else 'at most'} {high:g}"
    data = {"kind": "real", "low": low, "high": high, "above": above, "below": below}
    return Kind(f"a number {bounds}", read, lambda value: repr(value).removesuffix(".0"), data=data)


# What is added to a divisor: not so small that it is 0 in single precision.
EPSILON = real(1e-30, 1)


def choice(words: Iterable[str], **aliases: str) -> Kind:
    """One of some words, in upper or lower case. aliases: other spellings, each with its word."""
    by_name = {word: word for word in words} | aliases

    def read(text: str) -> str:
        if text.lower() not in by_name:
            raise ValueError(text)
        return by_name[text.lower()]

    data = {"kind": "choice", "words": by_name}
    return Kind(f"one of {', '.join(by_name)}", read, choices=tuple(by_name), data=data)


def flag() -> Kind:
    """`yes` or `no`."""
    words = {"yes": True, "true": True, "no": False, "false": False}

    def read(text: str) -> bool:
        if text.lower() not in words:
            raise ValueError(text)
        return words[text.lower()]

    data = {"kind": "flag", "words": words}
    return Kind("yes or no", read, lambda value: "yes" if value else "no", data=data)


def positional(kind: Kind, default: Any = MISSING) -> Any:
    """A field given by its place in the line; its name may also be written."""
    return dataclasses.field(default=default, metadata={"kind": kind, "place": "positional"})


def keyword(kind: Kind, default: Any) -> Any:
    """A field given as `key=value`, or left out."""
    return dataclasses.field(default=default, kw_only=True, metadata={"kind": kind, "place": "keyword"})


def many(kind: Kind) -> Any:
    """A field that takes all the positional values of the line, as a tuple."""
    return dataclasses.field(metadata={"kind": kind, "place": "many"})


def block() -> Any:
    """A field that takes the layers indented below the line, as a tuple."""
    return dataclasses.field(metadata={"place": "block"})


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a line: a field's name with what `positional`, `keyword` or `many` say about it.

    place: the name of that function. default: MISSING if the argument is required.
    """

    name: str
    kind: Kind
    place: str
    default: Any

    @property
    def required(self) -> bool:
        return self.default is MISSING


def _arguments_of(cls: type) -> tuple[Argument, ...]:
    """The arguments of a line that makes a `cls`, positional ones first."""
    fields = [field for field in dataclasses.fields(cls) if "kind" in field.metadata]
    return tuple(
        Argument(field.name, field.metadata["kind"], field.metadata["place"], field.default)
        for field in fields
    )


def _block_field(cls: type) -> str | None:
    """The name of the field that takes the indented block, or None if `cls` has no block."""
    fields = dataclasses.fields(cls)
    return next((field.name for field in fields if field.metadata.get("place") == "block"), None)


arguments_of: Callable[[type], tuple[Argument, ...]] = cache(_arguments_of)
block_field: Callable[[type], str | None] = cache(_block_field)


def usage(name: str, cls: type) -> str:
    """How a line is written without its optional arguments: `Conv,filters,rows,columns,activation`."""
    words = [argument.name for argument in arguments_of(cls) if argument.required]
    words += ["…" for argument in arguments_of(cls) if argument.place == "many"]
    return ",".join([name, *words]) + (":" if block_field(cls) else "")


def find(name: str, names: Iterable[str]) -> str | None:
    """`name` as `names` spells it, whatever its case; None if it is not there."""
    lower = name.lower()
    return next((known for known in names if known.lower() == lower), None)


def bind(
    name: str,
    cls: type,
    words: Sequence[Word],
    line: Line,
    problems: Problems,
    droppable: Mapping[str, Argument] | None = None,
) -> dict[str, Any] | None:
    """The values of a line's arguments, by field.

    None if a value is wrong (the problem is noted) or a placeholder has no value yet.
    words: those after the name. droppable: arguments that `cls` does not have, but whose keys may be given
    with a placeholder; such a value is checked, then dropped.
    """
    mistakes = len(problems)
    values: dict[str, Any] = {}
    for argument, word in _matched(name, cls, words, line, problems, droppable or {}):
        value = read_value(argument.kind, argument.name, word, line, problems)
        if argument.place == "many":
            values.setdefault(argument.name, []).append(value)
        elif argument in arguments_of(cls):
            values[argument.name] = value
    if len(problems) > mistakes or any(word.is_open or not word.text for word in words):
        return None
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def read_value(kind: Kind, what: str, word: Word, line: Line, problems: Problems, hint: str = "") -> Any:
    """The value of a word; None if it is wrong (the problem is noted) or a placeholder without a value.

    hint: what else to say of a wrong value that looks like no other.
    """
    if word.is_open or not word.text:  # text.py has noted an empty word
        return None
    try:
        return kind.read(word.text)
    except ValueError:
        near = nearest(word.text, kind.choices)
        message = f"{what}: expected {kind.expects}, found {quoted(word.text)}{hint}"
        if near:
            message = f"unknown {what} {quoted(word.text)}; did you mean '{near}'?"
        problems.add(line, message, word.span)
        return None


def statement_text(value: Any, defaults: bool = True) -> str:
    """The line that makes `value`, such as a layer. defaults: whether default values are written."""
    words = [type(value).__name__]
    for argument in arguments_of(type(value)):
        found = getattr(value, argument.name)
        if argument.place == "many":
            words += map(argument.kind.write, found)
        elif argument.required:
            words.append(argument.kind.write(found))
        elif found is not None and (defaults or found != argument.default):
            words.append(f"{argument.name}={argument.kind.write(found)}")
    return ",".join(words) + (":" if block_field(type(value)) else "")


def _matched(
    name: str,
    cls: type,
    words: Sequence[Word],
    line: Line,
    problems: Problems,
    droppable: Mapping[str, Argument],
) -> list[tuple[Argument, Word]]:
    """Each word with its argument, matched as in a Python call; notes wrong words and missing arguments.

    If there are too few or too many positional values, all of them are left out: which is which is unknown.
    """
    arguments = {argument.name: argument for argument in arguments_of(cls)}
    bare = [word for word in words if word.key is None]
    places = [argument for argument in arguments.values() if argument.place != "keyword"]
    if places and places[-1].place == "many":
        places += places[-1:] * (len(bare) - len(places))
    given = {argument.name for argument in places[: len(bare)]}
    by_key: list[tuple[Argument, Word]] = []
    for place, word in enumerate(words):
        if word.key is None:
            if place and words[place - 1].key is not None:
                problems.add(line, "values without a key come before those with one", word.span)
            continue
        key = word.key.lower()
        if key in arguments and arguments[key].place != "many":
            if key in given:
                problems.add(line, f"{key} is given twice", word.key_span)
            by_key.append((arguments[key], word))
            given.add(key)
        elif key in droppable and word.placeholder:
            by_key.append((droppable[key], word))
        else:
            problems.add(line, _unknown_key(name, word.key, arguments.values()), word.key_span)
    missing = [
        argument for argument in arguments.values() if argument.required and argument.name not in given
    ]
    if len(bare) > len(places):
        problems.add(line, _wrong_count(name, places, len(bare)), bare[len(places)].span)
    elif missing and not any(argument.required for argument, _ in by_key):
        problems.add(line, _wrong_count(name, places, len(bare)))
    elif missing:
        problems.add(line, f"{name} lacks {' and '.join(argument.name for argument in missing)}")
    else:
        return [*zip(places, bare, strict=False), *by_key]
    return by_key


def _wrong_count(name: str, places: Sequence[Argument], found: int) -> str:
    if not places:
        return f"{name} takes no values without a key"
    fewest = sum(place.required for place in places)
    count = f"{fewest}" if fewest == len(places) else f"{fewest} or {len(places)}"
    if places[-1].place == "many":
        count = f"{fewest} or more"
    values = "value" if count == "1" else "values"
    return f"{name} takes {count} {values} ({', '.join(place.name for place in places)}), found {found:,}"


def _unknown_key(name: str, key: str, arguments: Iterable[Argument]) -> str:
    known = [argument.name for argument in arguments if argument.place != "many"]
    keys = ", ".join(f"{name}=" for name in known)
    hint = did_you_mean(key, known, "=") or (f"; it knows {keys}" if keys else "; it takes none")
    return f"{name} has no key {quoted(key)}{hint}"
