"""Successive halving: after each rung the weaker half of the networks is trained no further.

The rungs are the numbers of epochs in the grid. Each survivor continues from its checkpoint, so that the
final network is exactly what it would be if it had been trained alone.
Source: Jamieson and Talwalkar, Non-stochastic best arm identification and hyperparameter optimization (2016).
"""

from collections.abc import Iterable, Sequence
from math import ceil

from MNIST.errors import UsageError
from MNIST.explore.plan import Point
from MNIST.explore.ranking import rank
from MNIST.explore.readings import Readings
from MNIST.language import ModelSpec

Identities = tuple[str, ...]


def weaker_half(asked: Iterable[Point], readings: Readings) -> set[Identities]:
    """The half of a rung's networks with the lower validation accuracy.

    Failed networks count as the worst. If the number is odd, the middle network stays. Of equal networks the
    one that was asked for first stays.
    """
    points = {point.identities: point for point in asked}
    best_first = sorted(points, key=lambda identities: rank(readings.of(points[identities])))
    return set(best_first[ceil(len(best_first) / 2) :])


def epochs_needed(networks: int, rungs: Sequence[int]) -> int:
    """How many epochs a whole successive halving takes. rungs: epochs, ascending."""
    total, before = 0, 0
    for epochs in rungs:
        total += networks * (epochs - before)
        before, networks = epochs, ceil(networks / 2)
    return total


def refuse_schedules(specs: Iterable[ModelSpec]) -> None:
    """Raise UsageError if a network that continues on the next rung would not get the same numbers."""
    names = {type(spec.schedule).__name__ for spec in specs if spec.schedule.needs_length}
    if names:
        raise UsageError(
            f"--halving trains the better networks of a rung on, and with {' or '.join(sorted(names))} every"
            " rate depends on the number of epochs from the first step; leave out one of the two"
        )
