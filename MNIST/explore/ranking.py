"""Which answers of an exploration are best, and which of them the seeds cannot tell from the best."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, isfinite

import numpy as np

from MNIST.explore.plan import Point, Value
from MNIST.explore.readings import Reading, Readings

METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Candidate:
    """One distinct answer: the points that share it, and their reading."""

    points: list[Point]
    reading: Reading

    def value(self, name: str) -> Value | None:
        """The parameter's value; None if it does not matter here (momentum under Adam)."""
        values = {point.values[name] for point in self.points}
        return values.pop() if len(values) == 1 else None


def ranked(readings: Readings, points: Iterable[Point]) -> list[Candidate]:
    """The distinct answers, best first: by validation accuracy, then validation loss, then fewer epochs.

    Accuracy and loss are means over the seeds.
    """
    candidates: dict[tuple[tuple[str, ...], int], Candidate] = {}
    for point in points:
        reading = readings.of(point)
        if reading is None or not reading.epochs or not _is_finite(reading):
            continue
        # If `Stop:` ended a trial, points that ask for more epochs than it has all share one answer.
        candidates.setdefault((point.identities, reading.trained), Candidate([], reading)).points.append(
            point
        )
    return sorted(candidates.values(), key=lambda candidate: order(candidate.reading))


def order(reading: Reading) -> tuple[float, float, int]:
    """The key by which readings are ranked; the best reading has the smallest key."""
    return -reading.mean("val_accuracy"), reading.mean("val_loss"), reading.trained


def rank(reading: Reading | None) -> tuple[float, ...]:
    """The key by which networks are ranked, smallest first; infinite without an answer that is a number."""
    if reading is None or not reading.epochs or not isfinite(reading.mean("val_accuracy")):
        return (inf,)
    return order(reading)


def like_best(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best of the ranked candidates, and those that the seeds cannot tell from it.

    Under each seed all candidates see the same images, so their accuracies are compared seed by seed with
    Student's paired t-test, two-sided, at CONFIDENCE. Differences that happen to be equal do not show that
    there is no chance: their spread counts as the least step between two accuracies. One seed allows no
    test: then the list has only the best.
    """
    if not candidates or len(candidates[0].reading.epochs) < 2:
        return list(candidates[:1])
    from scipy.special import stdtrit  # Student's t; scipy.stats takes half a second to import

    table = np.array([[epoch.val_accuracy for epoch in c.reading.epochs] for c in candidates])
    seeds = table.shape[1]
    difference = table[0] - table
    steps = np.diff(np.unique(table))
    step = steps.min(initial=1.0, where=steps > 1e-6)  # one image, or a few
    error = np.maximum(difference.std(axis=1, ddof=1), step) / np.sqrt(seeds)
    alike = np.abs(difference.mean(axis=1)) <= stdtrit(seeds - 1, (1 + CONFIDENCE) / 2) * error
    return [candidate for candidate, is_alike in zip(candidates, alike, strict=True) if is_alike]


def _is_finite(reading: Reading) -> bool:
    return all(isfinite(reading.mean(name)) for name in METRICS)
