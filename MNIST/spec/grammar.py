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

from MNIST.spec.errors import Line, Problems, did_you_mean, nearest, quoted
from MNIST.spec.text import Word

_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Kind:
    """What values an argument takes.

    expects: in words, for messages; read: from text, raising ValueError; write: back to text;
    choices: the words it knows, if it is one of a list.
    """

    expects: str
    read: Callable[[str], Any]
    write: Callable[[Any], str] = str
    choices: tuple[str, ...] = ()


def whole(low: int, high: int, odd: bool = False) -> Kind:
    """A whole number in [low, high]; only an odd one if `odd`."""

    def read(text: str) -> int:
        value = int(text) if _WHOLE.fullmatch(text) else low - 1
        if not low <= value <= high or (odd and value % 2 == 0):
            raise ValueError(text)
        return value

    return Kind(f"{'an odd' if odd else 'a whole'} number from {low:,} to {high:,}", read)


def real(low: float, high: float, above: bool = False, below: bool = False) -> Kind:
    """A number in [low, high]; without `low` itself if `above`, without `high` itself if `below`."""

    def read(text: str) -> float:
        value = float(text) if _REAL.fullmatch(text) else math.nan
        if not low <= value <= high or (above and value == low) or (below and value == high):
            raise ValueError(text)
        return value + 0.0  # -0.0 is 0.0

    bounds = f"{'above' if above else 'from'} {low:g} {'and below' if below else 'to'} {high:g}"
    return Kind(f"a number {bounds}", read, lambda value: repr(value).removesuffix(".0"))


def choice(words: Iterable[str], **aliases: str) -> Kind:
    """One of some words, in any case. aliases: other spellings, each with the word that it means."""
    by_name = {word: word for word in words} | aliases

    def read(text: str) -> str:
        if text.lower() not in by_name:
            raise ValueError(text)
        return by_name[text.lower()]

    return Kind(f"one of {', '.join(by_name)}", read, choices=tuple(by_name))


def flag() -> Kind:
    """`yes` or `no`."""
    words = {"yes": True, "true": True, "no": False, "false": False}

    def read(text: str) -> bool:
        if text.lower() not in words:
            raise ValueError(text)
        return words[text.lower()]

    return Kind("yes or no", read, lambda value: "yes" if value else "no")


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
    """One argument of a line: a field's name with what `positional`, `keyword` or `many` say of it."""

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
    """How a line is written, without what may be left out: `Conv,filters,rows,columns,activation`."""
    words = [argument.name for argument in arguments_of(cls) if argument.required]
    words += ["…" for argument in arguments_of(cls) if argument.place == "many"]
    return ",".join([name, *words]) + (":" if block_field(cls) else "")


def bind(
    name: str, cls: type, words: Sequence[Word], line: Line, problems: Problems, droppable: Mapping[str, Kind]
) -> dict[str, Any] | None:
    """The values of a line's arguments by field name, or None if they are not known: wrong, or still open.

    words: those after the name. droppable: keys that a placeholder's value may be given to although
    `cls` does not have them; the value is checked, then dropped.
    """
    arguments = arguments_of(cls)
    by_name = {argument.name: argument for argument in arguments}
    places = [argument for argument in arguments if argument.place != "keyword"]
    mistakes = len(problems)
    values: dict[str, Any] = {}
    given: set[str] = set()
    is_open = False
    keys_began = False
    for word in words:
        if word.key is None:
            if keys_began:
                problems.add(
                    line, "values without a key come before those with one", word.column, word.length or 1
                )
                continue
            place = len(given)
            if places and places[-1].place == "many":
                place = min(place, len(places) - 1)
            if place >= len(places):
                found = sum(word.key is None for word in words)
                problems.add(line, _too_many(name, cls, places, found), word.column, word.length or 1)
                break
            argument = places[place]
            kind = argument.kind
        else:
            keys_began = True
            known = by_name.get(word.key.lower())
            if known is None or known.place == "many":
                if word.placeholder and word.key.lower() in droppable:
                    if not word.is_open:
                        _read(droppable[word.key.lower()], word.key, word, line, problems)
                    continue
                problems.add(line, _unknown_key(name, word.key, by_name), word.key_column, len(word.key) or 1)
                continue
            if known.name in given:
                message = f"{name} has its {known.name} already; give it once"
                problems.add(line, message, word.key_column, len(word.key) or 1)
                continue
            argument, kind = known, known.kind
        given.add(argument.name)
        if word.is_open:
            is_open = True
        elif word.text:  # an empty value has been noted where the words were made
            value = _read(kind, argument.name, word, line, problems)
            values[argument.name] = (
                (*values.get(argument.name, ()), value) if argument.place == "many" else value
            )
    missing = [argument.name for argument in arguments if argument.required and argument.name not in given]
    if missing and len(problems) == mistakes:
        problems.add(line, f"{name} needs {' and '.join(missing)}: {usage(name, cls)}")
    return None if is_open or len(problems) > mistakes else values


def _read(kind: Kind, what: str, word: Word, line: Line, problems: Problems) -> Any:
    try:
        return kind.read(word.text)
    except ValueError:
        near = nearest(word.text, kind.choices)
        message = f"{what}: expected {kind.expects}, found {quoted(word.text)}"
        if near:
            message = f"unknown {what} {quoted(word.text)}; did you mean '{near}'?"
        problems.add(line, message, word.column, word.length)
        return None


def _too_many(name: str, cls: type, places: Sequence[Argument], found: int) -> str:
    if not places:
        return f"{name} takes no values without a key: {usage(name, cls)}"
    names = ", ".join(argument.name for argument in places)
    count = f"at most {len(places)}" if not places[-1].required else str(len(places))
    return f"{name} takes {count} values ({names}), found {found:,}"


def _unknown_key(name: str, key: str, known: Mapping[str, Argument]) -> str:
    hint = did_you_mean(key, known, "=")
    if not hint:
        hint = f"; it knows {', '.join(known)}" if known else "; it takes none"
    return f"{name} has no key {quoted(key)}{hint}"
