"""The reliability diagram of the report's page: the places of its lines, dots and words, for an SVG picture.

`calibration.reliability_diagram` draws the same as a PNG file, which takes 0.4 s for each network.
"""

from dataclasses import dataclass
from math import log

from MNIST.report.intervals import wilson_interval
from MNIST.report.testing.calibration import EDGE, TICKS, Calibration

LEFT, TOP, SIDE = 74, 8, 330  # the square between the axes, in the picture's own units
MOST_DOUBT, MOST_ERRORS = 1.5, 1.2  # where the axes begin: room for a dot at 1, and for its number
ROOM = 1.5  # and they end at so small a part of EDGE


@dataclass(frozen=True)
class Dot:
    """The answers of a bin: where its dot and the ends of its interval are, and how many they are."""

    x: float
    y: float
    low: float
    high: float
    answers: str


def dots(calibration: Calibration) -> list[Dot]:
    """The dots of a diagram, the least sure first."""
    found = []
    for one in calibration.bins:
        low, high = wilson_interval(one.correct, one.images)
        y, below, above = (_upward(1 - part) for part in (one.accuracy, low, high))
        found.append(Dot(_across(1 - one.sureness), y, below, above, f"{one.images:,}"))
    return found


def ticks() -> list[tuple[float, float, str]]:
    """The ticks of both axes: the place across, the place upward, and the text."""
    return [
        (_across(tick), _upward(tick), f"{(1 - tick) * 100:.4g} %{'+' if tick == EDGE else ''}")
        for tick in TICKS
    ]


def diagonal() -> tuple[float, float, float, float]:
    """The line on which a network is right as often as it is sure: x and y of both ends."""
    return _across(1), _upward(1), _across(EDGE), _upward(EDGE)


def _across(doubt: float) -> float:
    return round(LEFT + SIDE * _part(doubt, MOST_DOUBT), 1)


def _upward(error: float) -> float:
    return round(TOP + SIDE * (1 - _part(error, MOST_ERRORS)), 1)


def _part(value: float, most: float) -> float:
    """How far along its axis a doubt or an error rate is, from 0 to 1; the axis is logarithmic."""
    return log(most / max(EDGE, value)) / log(most * ROOM / EDGE)
