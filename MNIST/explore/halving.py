"""Successive halving: after each rung the weaker half of the networks is trained no further.

The rungs are the numbers of epochs in the grid. Each survivor continues from its checkpoint, so that the
final network is exactly what it would be if it had been trained alone.
Source: Jamieson and Talwalkar, Non-stochastic best arm identification and hyperparameter optimization (2016).
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
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


class OpenRung:
    """The first rung that is not wholly answered, as far as the readings say.

    stages: the points of each rung; the networks that an earlier rung drops do not count.
    """

    def __init__(self, stages: Sequence[Sequence[Point]], readings: Readings) -> None:
        self._later = deque(stages)
        self._readings = readings
        self._points: list[Point] = []
        self._unknown: list[Point] = []
        self._weaker: set[Identities] = set()

    def targets(self) -> dict[str, int]:
        """The epochs to which each of its trials is trained, by identity; nothing if all is answered."""
        while self._is_answered() and self._later:
            if self._points:
                self._weaker |= weaker_half(self._points, self._readings)
            stage = self._later.popleft()
            self._points = [point for point in stage if point.identities not in self._weaker]
            self._unknown = list(self._points)
        points = self._points if self._unknown else ()
        return {identity: point.epochs for point in points for identity in point.identities}

    def _is_answered(self) -> bool:
        while self._unknown and self._readings.of(self._unknown[-1]) is not None:
            self._unknown.pop()
        return not self._unknown


def work_left(
    targets: Mapping[str, int], rungs: Sequence[int], readings: Readings
) -> dict[str, tuple[float, float]]:
    """The epochs that each trial is expected to need, and how often it has to be started.

    targets: to which epoch each trial of this rung is trained. rungs: ascending; none without halving. Which
    half reaches a later rung is not known yet, so there each trial counts only in part.
    """
    highest, work = max(targets.values(), default=0), {}
    for identity, target in targets.items():
        if identity in readings.failures:
            continue
        left = readings.epochs_left(identity, target)
        epochs, starts = float(left), float(left > 0)
        part, reached = 1.0, highest
        for rung in (rung for rung in rungs if rung > highest):
            part /= 2
            more = min(readings.epochs_left(identity, rung), rung - reached)
            epochs, starts, reached = epochs + part * more, starts + part * (more > 0), rung
        work[identity] = epochs, starts
    return work


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
