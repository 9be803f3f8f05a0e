"""The ranking of many networks as an SVG picture: a row for each, with its accuracy and the 95 % interval.

The axis enlarges the last steps to 100 %, because an error more counts most there. At the right, a line
stands beside networks of which no two can be told apart.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

from MNIST.report.percentages import percent_text
from MNIST.report.testing.alike import Standing
from MNIST.report.testing.comparison import Evaluation

ROW, TOP, BOTTOM = 20, 28, 6  # heights in the picture's own units
LETTER, LONGEST = 7.6, 30  # the width of a letter, and the most letters of a name
AXIS, WORDS, STEP = 380, 80, 7  # widths: the axis, an accuracy, from one line at the right to the next
APART = 62  # between two ticks at least
ERRORS = (
    0.9,
    0.8,
    0.7,
    0.6,
    0.5,
    0.4,
    0.3,
    0.2,
    0.15,
)  # of 100 %, where ticks may stand; and decades of these:
FINE = (0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.015)


@dataclass(frozen=True)
class Row:
    """A network: its name, whole and as it is shown; the places of its interval and of its accuracy."""

    name: str
    shown: str
    y: float
    low: float
    middle: float
    high: float
    accuracy: str
    interval: str


@dataclass(frozen=True)
class RankingPlot:
    """The picture. ticks: place and text of each; lines: place across, first and last place downward."""

    width: float
    height: float
    left: float
    right: float
    rows: tuple[Row, ...]
    ticks: tuple[tuple[float, str], ...]
    lines: tuple[tuple[float, float, float], ...]


def ranking_plot(ranked: Sequence[Evaluation], standing: Standing) -> RankingPlot:
    """The picture of networks, of which the best comes first."""
    left = 12 + LETTER * min(LONGEST, max(len(one.name) for one in ranked))
    right = left + AXIS
    smallest = min(_error(one.interval[1]) for one in ranked) / 1.1
    largest = min(1.0, 1.1 * max(_error(one.interval[0]) for one in ranked))

    def across(error: float) -> float:
        part = log(largest / min(largest, max(smallest, error))) / log(largest / smallest)
        return round(left + AXIS * part, 1)

    rows = []
    for place, one in enumerate(ranked):
        low, high = one.interval
        left_end, middle, right_end = (across(_error(part)) for part in (low, one.accuracy, high))
        rows.append(
            Row(
                name=one.name,
                shown=_short(one.name),
                y=_y(place),
                low=left_end,
                middle=middle,
                high=right_end,
                accuracy=percent_text(one.accuracy),
                interval=f"{low * 100:.2f} to {percent_text(high)}",
            )
        )
    lines = _lines(standing.runs, right + WORDS)
    return RankingPlot(
        max([right + WORDS, *(x + STEP for x, _, _ in lines)]),
        TOP + ROW * len(rows) + BOTTOM,
        left,
        right,
        tuple(rows),
        tuple(_ticks(smallest, largest, across)),
        lines,
    )


def _error(accuracy: float) -> float:
    return max(1 - accuracy, 1e-6)  # a logarithm needs more than 0


def _y(place: float) -> float:
    return TOP + ROW * (place + 0.5)


def _short(name: str) -> str:
    """A name with at most LONGEST letters; the end stays, because names often differ in it."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 11]}…{name[-10:]}"


def _ticks(smallest: float, largest: float, across: Callable[[float], float]) -> list[tuple[float, str]]:
    candidates = [*ERRORS, *(fine / 10**decade for decade in range(6) for fine in FINE)]
    found: list[tuple[float, str]] = []
    for error in sorted(candidates, reverse=True):
        if smallest <= error <= largest:
            x = across(error)
            if not found or x - found[-1][0] >= APART:
                found.append((x, f"{(1 - error) * 100:.6g} %"))
    return found


def _lines(runs: Sequence[tuple[int, int]], begin: float) -> tuple[tuple[float, float, float], ...]:
    """The lines beside runs, each as far left as no other line is in its way."""
    ends: list[int] = []  # the last place that each column's lines reach
    lines = []
    for first, last in runs:
        column = next((index for index, end in enumerate(ends) if end < first), len(ends))
        ends[column : column + 1] = [last]
        lines.append((begin + STEP * column, _y(first) - 6, _y(last) + 6))
    return tuple(lines)
