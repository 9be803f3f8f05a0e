"""Curves over epochs as an SVG picture on a page, from three curves to thousands.

The picture stretches with the page; the words beside it are HTML, so that they keep their size.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite, log, log10

SIZE = 1000  # of the picture, in its own units, in both directions
MOST_NAMED = 100  # curves of one kind, each with its name
GROUPS = 40  # into which more curves are put: they are pale, so that one sees where many lie
MOST_POINTS = 300  # of one curve; a screen shows no more
MOST_TICKS = 6
WIDE = 20  # amounts whose largest is more than so many times the smallest have a logarithmic axis
ERRORS = (1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)  # of 100 %, where ticks may stand; and decades of these:
FINE = (0.1, 0.05, 0.02)
SMALLEST_ERROR = 1e-5
APART = 0.09  # of the height, between two ticks at least

Ticks = tuple[tuple[float, str], ...]
Points = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Curve:
    """kind: decides colour and width, by a class of CSS. points: an epoch and a number each, in order."""

    kind: str
    name: str
    points: Points


@dataclass(frozen=True)
class Scale:
    """An axis: gives each number its place from 0 to 1, and has ticks at such places."""

    place: Callable[[float], float]
    ticks: Ticks


@dataclass(frozen=True)
class Path:
    """Curves of a kind as an SVG path. name: "" for several. is_pale: whether there are many of the kind."""

    kind: str
    name: str
    d: str
    is_pale: bool = False


@dataclass(frozen=True)
class LineChart:
    """The picture. label: what it shows, in a sentence. Places of ticks are percentages of its size.

    legend: the kinds that it has, each with its words.
    """

    title: str
    label: str
    paths: tuple[Path, ...]
    across: Ticks
    down: Ticks
    legend: tuple[tuple[str, str], ...]


def line_chart(
    title: str,
    label: str,
    curves: Sequence[Curve],
    scale_of: Callable[[Sequence[float]], Scale],
    legend: Sequence[tuple[str, str]],
) -> LineChart | None:
    """Draw curves; those that come later lie above. Returns None if none has a number to show.

    scale_of: `accuracy_scale` or `amount_scale`. legend: a kind and its words.
    """
    shown = [Curve(one.kind, one.name, _thinned(one.points)) for one in curves]
    shown = [one for one in shown if one.points]
    if not shown:
        return None
    scale = scale_of([value for one in shown for _, value in one.points])
    last = max(one.points[-1][0] for one in shown)

    def across(epoch: int) -> float:
        return 0.5 if last == 1 else (epoch - 1) / (last - 1)

    there = list(dict.fromkeys(one.kind for one in shown))
    paths = [path for kind in there for path in _paths([c for c in shown if c.kind == kind], across, scale)]
    return LineChart(
        title,
        label,
        tuple(paths),
        tuple((_percent(across(epoch)), f"{epoch:,}") for epoch in epoch_ticks(last)),
        tuple((_percent(1 - place), text) for place, text in scale.ticks),
        tuple((kind, words) for kind, words in legend if kind in there),
    )


def accuracy_scale(values: Sequence[float]) -> Scale:
    """An axis of accuracies that enlarges the last steps to 100 %, where the best curves lie close together.

    The place of an accuracy is the logarithm of its error.
    """
    errors = [max(0.0, 1 - value) for value in values]
    smallest = min((error for error in errors if error > 0), default=0.1)
    perfect = min(errors) < SMALLEST_ERROR
    low = max(SMALLEST_ERROR, smallest / (2 if perfect else 1.05))
    high = max(1.05 * max(errors), 1.5 * low)

    def place(value: float) -> float:
        return log(high / min(high, max(low, 1 - value))) / log(high / low)

    candidates = [*ERRORS, *(fine / 10**decade for decade in range(6) for fine in FINE)]
    ticks = [(place(1 - error), f"{(1 - error) * 100:.6g} %") for error in candidates if low <= error <= high]
    return Scale(place, _apart([(1.0, "100 %"), *reversed(ticks)] if perfect else [*reversed(ticks)]))


def amount_scale(values: Sequence[float]) -> Scale:
    """An axis of amounts from 0 on, or a logarithmic one if they are all positive and differ much."""
    low, high = min(values), max(values)
    if low > 0 and high > WIDE * low:
        bottom, top = log10(low), log10(high)
        decades = range(floor(bottom), ceil(top) + 1)
        candidates = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
        ticks = [(log10(one), f"{one:g}") for one in candidates if low <= one <= high]
    else:
        bottom, top = min(0.0, low), max(high, low + 1e-9, 1e-9)
        step = _nice((top - bottom) / MOST_TICKS)
        first = ceil(bottom / step)
        ticks = [(step * n, f"{step * n:.6g}") for n in range(first, floor(top / step) + 1)]

    def share(value: float) -> float:
        return (value - bottom) / (top - bottom)

    logarithmic = low > 0 and high > WIDE * low
    place = (lambda value: share(log10(value))) if logarithmic else share
    return Scale(place, _apart([(share(value), text) for value, text in reversed(ticks)]))


def epoch_ticks(last: int) -> list[int]:
    """Whole epochs from 1 to the last, few enough to be written below an axis."""
    step = max(1, round(_nice(last / MOST_TICKS)))
    # The last one always stands there; the one before would be in its way.
    inner = [epoch for epoch in range(step, last, step) if last - epoch > step / 2 and epoch > 1]
    return [*({1} if last > 1 else ()), *inner, last]


def _paths(curves: Sequence[Curve], across: Callable[[int], float], scale: Scale) -> list[Path]:
    drawn = [_drawn(one.points, across, scale) for one in curves]
    if len(curves) > MOST_NAMED:
        lines = [d for d in drawn if not d.endswith("h0")]
        dots = "".join(d for d in drawn if d.endswith("h0"))
        groups = ["".join(lines[group::GROUPS]) for group in range(GROUPS)]
        return [Path(curves[0].kind, "", d, True) for d in (*groups, dots) if d]
    return [Path(one.kind, one.name, d) for one, d in zip(curves, drawn, strict=True)]


def _drawn(points: Points, across: Callable[[int], float], scale: Scale) -> str:
    """The commands of an SVG path, in whole units; a single point becomes a dot, with round line ends."""
    places = [
        (round(SIZE * across(epoch)), round(SIZE * (1 - scale.place(value)))) for epoch, value in points
    ]
    steps = "".join(f"l{x - x0} {y - y0}" for (x0, y0), (x, y) in pairwise(places)) or "h0"
    return f"M{places[0][0]} {places[0][1]}{steps}"


def _thinned(points: Points) -> Points:
    """The points whose number is finite; of many, every so many-th, and the last."""
    finite = [(epoch, value) for epoch, value in points if isfinite(value)]
    every = ceil(len(finite) / MOST_POINTS)
    return finite if every <= 1 else [*finite[:-1:every], finite[-1]]


def _nice(step: float) -> float:
    """The next of 1, 2, 5, 10, … that is not below a step."""
    decade = 10.0 ** floor(log10(step))
    return next(digit * decade for digit in (1, 2, 5, 10) if digit * decade >= step * (1 - 1e-9))


def _apart(ticks: Iterable[tuple[float, str]]) -> Ticks:
    """The ticks, from the top down, without those that the one above leaves no room."""
    found: list[tuple[float, str]] = []
    for place, text in ticks:
        if not found or found[-1][0] - place >= APART:
            found.append((place, text))
    return tuple(found)


def _percent(place: float) -> float:
    return round(100 * place, 2)
