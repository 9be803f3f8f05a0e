"""Where the rows of a table cross an axis, and which ticks it has: numbers only, no drawing.

Every axis runs from 0 to 1, whether it shows words, numbers, or numbers on a logarithmic scale.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from MNIST.report.exploring.columns import distinct, matters, shortened

MOST_DISTINCT = 12  # numbers that have one tick each; if there are more, only round numbers have ticks
MOST_STOPS = 100
LOG_FROM = 30  # the largest positive number / the smallest
CLOSEST = 0.04  # distance of two texts, as a part of the axis
SPREAD = 0.24  # of lines that share a value, at most, as a part of the distance between two values
BESIDE = 0.015  # distance from such a line to the next, at most, as a part of the axis

Ticks = list[tuple[float, str]]  # position and text, in the order of positions


@dataclass(frozen=True)
class Axis:
    """positions: (rows,), where each row crosses the axis. ticks: all texts differ; a text of spaces marks a
    place where dragging may stop, for plotly lets filters end only beside ticks. ends: just beyond 0, 1."""

    label: str
    positions: np.ndarray
    ticks: Ticks
    ends: tuple[float, float]


def make_axis(
    label: str, values: Sequence[float | str], missing: str, length: int, percent: bool = False
) -> Axis:
    """The axis of a column that has at least two values. Rows are in order, the best first.

    The scale is logarithmic if positive numbers span more than a factor of LOG_FROM.
    missing: the tick for rows without a value, below the others. length: the most letters of a tick's word.
    percent: whether the numbers are percentages; their scale is not logarithmic.
    """
    at, ticks, is_discrete = _scale(distinct(values), length, not percent)
    ticks = [(position, f"{text} %") for position, text in ticks] if percent else ticks
    low, high = min(at.values()), max(at.values())
    if not all(map(matters, values)):
        low -= (high - low) / (len(at) - 1 if is_discrete else 7)
        ticks = [(low, missing), *ticks]
    unit = high - low
    positions = np.array([(at[value] if matters(value) else low) - low for value in values]) / unit
    ticks = [((position - low) / unit, text) for position, text in ticks]
    crossings = np.unique(positions)
    gap = float(np.diff(crossings).min())
    margin = 0.5 * gap if is_discrete else 0.02  # a filter reaches a quarter of the way to the next stop
    ends = (-margin, 1 + margin)
    stops = crossings if is_discrete and len(crossings) <= MOST_STOPS else np.linspace(0, 1, MOST_STOPS // 2)
    return Axis(
        label,
        _spread(positions, SPREAD * gap) if is_discrete else positions,
        _with_stops(_apart(ticks), [*stops, *ends]),
        ends,
    )


def _scale(there: list[float | str], length: int, log: bool) -> tuple[dict[float | str, float], Ticks, bool]:
    """The position of each value, on any scale; the ticks; whether each value has a tick."""
    numbers = [float(value) for value in there if not isinstance(value, str)]
    if len(numbers) < len(there) or not _have_scale(numbers[0], numbers[-1]):
        at = {value: float(position) for position, value in enumerate(there)}
        texts = shortened([str(value) for value in there], length)
        return at, list(zip(at.values(), texts, strict=True)), True
    positive = [number for number in numbers if number > 0]
    is_log = log and numbers[0] >= 0 and positive[-1] / positive[0] > LOG_FROM
    if is_log:
        logs = [math.log10(number) for number in positive]
        zero = [logs[0] - (logs[-1] - logs[0]) / 7] * (len(numbers) - len(positive))
        at = dict(zip(there, zero + logs, strict=True))
    else:
        at = dict(zip(there, numbers, strict=True))
    if len(there) <= MOST_DISTINCT:
        return at, list(zip(at.values(), _number_texts(numbers), strict=True)), True
    if not is_log:
        round_numbers = _round_numbers(numbers[0], numbers[-1])
        return at, list(zip(round_numbers, _number_texts(round_numbers), strict=True)), False
    round_numbers = _round_on_log_scale(positive[0], positive[-1])
    ticks = [(position, "0") for position in zero]
    ticks += zip(map(math.log10, round_numbers), _number_texts(round_numbers), strict=True)
    return at, ticks, False


def _have_scale(low: float, high: float) -> bool:
    """Whether floating point can separate positions between these numbers; if not, they become words."""
    return max(1e-300, 1e-9 * abs(low), 1e-9 * abs(high)) < high - low < 1e300


def _round_numbers(low: float, high: float) -> list[float]:
    """Three to seven multiples of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10((high - low) / 7))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (power * factor) <= 7)
    return [position * step for position in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _round_on_log_scale(low: float, high: float) -> list[float]:
    """Powers of ten, at most about seven; if they are few, also twice and five times these."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = -(-(last - first) // 7)
    factors = (1, 2, 5) if last - first <= 3 else (1,)
    powers = [float(f"{factor}e{power}") for power in range(first, last + 1, every) for factor in factors]
    return [number for number in powers if low <= number <= high]


def _number_texts(numbers: Sequence[float]) -> list[str]:
    """The numbers with the fewest digits that keep them different: 0.001, 1e-5, 12.5k."""
    for digits in (3, 4, 6, 9):
        texts = [_number_text(number, digits) for number in numbers]
        if len(set(texts)) == len(texts):
            return texts
    return [repr(number) for number in numbers]


def _number_text(number: float, digits: int) -> str:
    rounded = abs(float(f"{number:.{digits}g}"))
    for unit, least, letter in ((1e6, 1e6, "M"), (1e3, 1e4, "k")):
        if least <= rounded < 1e9:
            return f"{number / unit:.{digits}g}{letter}"
    text = f"{number:.0f}" if number.is_integer() and abs(number) < 1e4 else f"{number:.{digits}g}"
    return text.replace("e-0", "e-").replace("e+0", "e")


def _apart(ticks: Ticks) -> Ticks:
    """The ticks without those whose text would overlap the one before."""
    kept: Ticks = []
    for position, text in ticks:
        if not kept or position - kept[-1][0] >= CLOSEST:
            kept.append((position, text))
    return kept


def _with_stops(ticks: Ticks, stops: Iterable[float]) -> Ticks:
    """The ticks, and blank ones at the stops without a tick. All texts differ, as plotly requires."""
    taken = {round(position, 6) for position, _ in ticks}
    free = [stop for stop in stops if round(stop, 6) not in taken]
    return sorted([*ticks, *((float(stop), " " * number) for number, stop in enumerate(free, 1))])


def _spread(positions: np.ndarray, most: float) -> np.ndarray:
    """The positions, with rows that share one spread out beside each other, in order from the top."""
    spread = positions.copy()
    for position in np.unique(positions):
        rows = np.flatnonzero(positions == position)
        if len(rows) > 1:
            width = min(most, BESIDE * (len(rows) - 1))
            spread[rows] += np.linspace(width / 2, -width / 2, len(rows))
    return spread
