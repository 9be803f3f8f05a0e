"""Which values an exploration tries: the lists and ranges of `Explore:` and of the command line.

    rate=0.001,0.01               two values
    filters=16:64:16,128          16, 32, 48, 64 and 128
    convolutions+hidden=1+0,2+2   two placeholders that change together
    rate=0.0001..0.03             any number from 0.0001 to 0.03
    schedule=Constant,(Step,{n})  a value of several words, with a placeholder of its own: {n}

Values stay text here; filling a template with them checks them.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from MNIST.errors import UsageError, did_you_mean, quoted
from MNIST.language.classes import CLASSES
from MNIST.language.errors import Line, Problems
from MNIST.language.text import Statement, inner_names, is_group, pieces, stray_brace

MOST_PLACEHOLDERS = 100  # of a template, with those in values
MOST_VALUES = 10_000  # of one axis, and of all axes of a file
SHOWN = 20  # placeholders that a message lists, at most
RANGE = ".."  # between the ends of a range of all numbers

_NUMBER = re.compile(r"[+-]?(?=\.?[0-9])[0-9]{0,15}\.?[0-9]{0,15}(e[+-]?[0-9]{1,2})?", re.IGNORECASE)
_DIGITS = 300  # more than any sum of two such numbers has, so that ranges are exact


@dataclass(frozen=True)
class Axis:
    """One placeholder, or several that change together, and the values to try, in order.

    values: each is a tuple with one text for each of the names.
    is_range: whether any number will do from the first value to the second, both included.
    """

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    is_range: bool = False

    def __str__(self) -> str:
        between = RANGE if self.is_range else ","
        return f"{'+'.join(self.names)}={between.join(map('+'.join, self.values))}"

    def of(self, name: str) -> list[str]:
        """The values of one of the placeholders, as they are written; a range is one word."""
        values = [value[self.names.index(name)] for value in self.values]
        return [RANGE.join(values)] if self.is_range else values

    @cached_property
    def inner_names(self) -> list[str]:
        """The placeholders that stand in the values."""
        found = (name for value in self.values for text in value for name in inner_names(text))
        return list(dict.fromkeys(found))


def first_values(axes: Sequence[Axis], used: Sequence[str] = ()) -> list[tuple[str, ...]]:
    """The first value of each axis; but the first with a place for a placeholder that is to be used."""
    wanted = set(used)
    return [
        next(
            (value for value in axis.values if any(wanted & set(inner_names(text)) for text in value)),
            axis.values[0],
        )
        if wanted & set(axis.inner_names)
        else axis.values[0]
        for axis in axes
    ]


def values_of(axes: Sequence[Axis], chosen: Sequence[tuple[str, ...]]) -> dict[str, str]:
    """The value of each placeholder. chosen: a value of each axis."""
    return {
        name: text
        for axis, value in zip(axes, chosen, strict=True)
        for name, text in zip(axis.names, value, strict=True)
    }


class AxisError(Exception):
    """A value of an axis is wrong; the message is the reason, for the user."""


def read_explore(
    head: Statement, lines: Sequence[Statement], known: Sequence[str], problems: Problems
) -> tuple[Axis, ...]:
    """The axes of the section `Explore:`, one for each line. known: the placeholders of the other sections.

    A value in parentheses may have more placeholders, which have lines of their own.
    """
    words = (word for statement in lines for word in statement.words)
    known = list(dict.fromkeys([*known, *(name for word in words for name in inner_names(word.text))]))
    if not known:
        message = "this section has the values of placeholders, and the file has none"
        problems.add(head.line, f"{message}; write {{name}} in place of a value, or leave the section out")
        return ()
    if len(known) > MOST_PLACEHOLDERS:
        problems.add(Line(head.line.source, 0), f"a template has at most {MOST_PLACEHOLDERS} placeholders")
        return ()
    if not lines:
        problems.add(head.line, f"an empty section: it takes lines such as '{known[0]}=…', or leave it out")
    given: set[str] = set()
    axes = [_axis(statement, known, given, problems) for statement in lines]
    if sum(len(axis.values) for axis in axes) > MOST_VALUES:
        problems.add(head.line, f"more than {MOST_VALUES:,} values in all")
    return tuple(axes)


def parse_axis(text: str, what: str = "--set") -> Axis:
    """The axis that a word of the command line describes, written like a line of `Explore:`.

    Raises UsageError, whose message begins with `what`. The caller checks that the placeholders exist.
    """
    key, equals, values = text.partition("=")
    names = _names(key)
    if not (equals and all(names)):
        raise UsageError(f"{what}: expected name=value,value,…, found {quoted(text)}")
    if len(set(names)) < len(names):
        raise UsageError(f"{what}: a name is given twice in {quoted(key)}")
    return _read_axis(names, pieces(values), _refusing(what))


def read_axis(name: str, text: str, what: str) -> Axis:
    """The axis of a placeholder with values such as `0.001,0.01`, `16:64:16` or `0.0001..0.03`.

    Raises UsageError, whose message begins with `what`.
    """
    if decimal := re.search(r"(?:^|,)(0,0\d*)(?=,|$)", text):
        point = decimal[1].replace(",", ".")
        raise UsageError(f"{what}: {quoted(decimal[1])} are two values; if it is one number, write {point}")
    return _read_axis((name,), pieces(text), _refusing(what))


def _axis(statement: Statement, known: Sequence[str], given: set[str], problems: Problems) -> Axis:
    """The axis of a line; mistakes are noted, and wrong values are left out.

    given: the names of the lines above; those of this line are added.
    """
    line, word = statement.line, statement.name
    if statement.block or statement.opens:
        problems.add(line, "no line of this section ends in a colon; a range is start:end or start:end:step")
    if word.key is None:
        if word.text:
            problems.add(line, f"expected name=value,value,…, as in '{known[0]}=…'", word.span)
        return Axis((), ())
    names = _names(word.key)
    column = word.key_column
    for name, piece in zip(names, word.key.split("+"), strict=True):
        span = column + len(piece) - len(piece.lstrip()), len(name)
        column += len(piece) + 1
        if name in given:
            problems.add(line, f"{name} is given twice", span)
        elif name == CLASSES:
            message = f"{{{CLASSES}}} is the dataset's number of classes: there is nothing to explore"
            problems.add(line, message, span)
        elif name not in known:
            hint = did_you_mean(name, known) or f"; it has {', '.join(known[:SHOWN])}"
            problems.add(line, f"the template has no placeholder {quoted(name)}{hint}", span)
        else:
            given.add(name)
    words = [word._replace(key=None), *statement.words[1:]]
    for other in words:
        if other.key is not None:
            problems.add(line, f"{quoted(f'{other.key}=')} begins a line of its own", other.key_span)
        elif other.placeholder:
            problems.add(line, f"expected a value, found the placeholder {quoted(other.text)}", other.span)
    words = [other for other in words if other.text and other.key is None and not other.is_open]

    def wrong(place: int, reason: str) -> None:
        problems.add(line, reason, words[place].span)

    return _read_axis(names, [other.text for other in words], wrong)


def _names(key: str) -> tuple[str, ...]:
    """The names before `=`, which are joined by `+`."""
    return tuple(name.strip() for name in key.split("+"))


def _refusing(what: str) -> Callable[[int, str], None]:
    """A function that raises UsageError for a wrong value; the message begins with `what`."""

    def refuse(_: int, reason: str) -> None:
        raise UsageError(f"{what}: {reason}")

    return refuse


def _read_axis(names: tuple[str, ...], words: Sequence[str], wrong: Callable[[int, str], None]) -> Axis:
    """The axis that words describe; `wrong` is called with the place of each wrong word and the reason."""
    if len(words) == 1 and RANGE in words[0] and not is_group(words[0].strip()):
        try:
            return Axis(names, _ends(names, words[0]), is_range=True)
        except AxisError as error:
            wrong(0, str(error))
            return Axis(names, ())
    return Axis(names, _values(names, words, wrong))


def _values(
    names: Sequence[str], words: Sequence[str], wrong: Callable[[int, str], None]
) -> tuple[tuple[str, ...], ...]:
    """The values that words describe; `wrong` is called with the place of each wrong word and the reason."""
    values: dict[tuple[object, ...], tuple[str, ...]] = {}
    for place, word in enumerate(words):
        try:
            for value in _expanded(names, word.strip()):
                meaning = tuple(map(_meaning, value))
                if meaning in values:
                    raise AxisError(f"{_shown(values[meaning])} is given twice")
                if len(values) == MOST_VALUES:
                    raise AxisError(f"up to here more than {MOST_VALUES:,} values")
                values[meaning] = value
        except AxisError as error:
            wrong(place, str(error))
    return tuple(values.values())


def _expanded(names: Sequence[str], word: str) -> Iterator[tuple[str, ...]]:
    """The values that one word stands for: one value, or those of a range. Raises AxisError."""
    if is_group(word):
        yield (_group(names, word),)
        return
    if "=" in word:
        raise AxisError(f"expected a value, found {quoted(word)}; another name begins a list of its own")
    if RANGE in word:
        raise AxisError(
            f"{quoted(word)} stands for all numbers between its ends: it takes no others beside it"
        )
    if len(names) == 1:
        if not word:
            raise AxisError("a value is missing")
        yield from ((value,) for value in (_range(word) if ":" in word else [word]))
        return
    value = tuple(part.strip() for part in word.split("+"))
    if len(value) != len(names) or not all(value):
        joined = f"expected {len(names)} values joined by '+', for {_shown(names)}"
        raise AxisError(f"{joined}, found {quoted(word)}")
    if ":" in word:
        raise AxisError(f"joined values are written out: there is no range in {quoted(word)}")
    yield value


def _group(names: Sequence[str], word: str) -> str:
    """A value in parentheses, without spaces around its words. Raises AxisError."""
    if len(names) > 1:
        raise AxisError(f"joined values are single words: there is no place for {quoted(word)}")
    words = [piece.strip() for piece in pieces(word[1:-1])]
    if words == [""]:
        return "()"
    if not all(words):
        raise AxisError(f"a value is missing in {quoted(word)}")
    if stray_brace(word):
        raise AxisError(f"a placeholder is {{name}}, and takes the place of a whole value: {quoted(word)}")
    if RANGE in word:
        raise AxisError(
            f"a range has a placeholder and a line of its own: there is no range in {quoted(word)}"
        )
    return f"({','.join(words)})"


def _ends(names: Sequence[str], word: str) -> tuple[tuple[str], tuple[str]]:
    """The least and the greatest number of `least..greatest`. Raises AxisError."""
    if len(names) > 1:
        raise AxisError(f"joined values are written out: there is no range in {quoted(word)}")
    ends = [part.strip() for part in word.split(RANGE)]
    if len(ends) != 2 or "..." in word or not all(map(_NUMBER.fullmatch, ends)):
        raise AxisError(f"expected two numbers, as in 0.0001..0.03, found {quoted(word)}")
    least, greatest = map(float, ends)
    if least >= greatest:
        raise AxisError(
            f"expected the smaller number first and the greater one behind it, found {quoted(word)}"
        )
    return (ends[0],), (ends[1],)


def _range(word: str) -> Iterator[str]:
    """The numbers of `start:end` or `start:end:step`, with the end if a step hits it. Raises AxisError."""
    from decimal import Decimal, localcontext

    parts = [part.strip() for part in word.split(":")]
    if len(parts) not in (2, 3) or not all(map(_NUMBER.fullmatch, parts)):
        raise AxisError(f"expected a range of numbers, start:end or start:end:step, found {quoted(word)}")
    with localcontext(prec=_DIGITS):
        start, end, step = map(Decimal, (*parts, "1")[:3])
        if not step:
            raise AxisError(f"the step of {word} is 0, and leads nowhere")
        if (end - start) * step < 0:
            way = ":".join([*parts[:2], f"{-step:f}"])
            raise AxisError(f"the step of {word} leads away from its end; write {way}")
        count = int((end - start) // step) + 1
        if count == 1 and start != end:
            raise AxisError(
                f"a step of {step:f} leads from {parts[0]} beyond {parts[1]};"
                f" write a smaller one, {parts[0]}:{parts[1]}:step, or both values, {parts[0]},{parts[1]}"
            )
        if count > MOST_VALUES:
            raise AxisError(f"{word} has more than {MOST_VALUES:,} values")
        numbers = [f"{(start + place * step).normalize():f}" for place in range(count)]
    yield from numbers


def _shown(joined: Sequence[str]) -> str:
    """Names or values joined by `+`, as they are written, shortened if they are long."""
    return quoted("+".join(joined))[1:-1]


def _meaning(text: str) -> object:
    """A key that two spellings of one value share, such as 0.001 and 1e-3, or Adam and adam."""
    return float(text) if _NUMBER.fullmatch(text) else text.lower()
