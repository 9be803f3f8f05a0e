"""All engines' answers to one problem, side by side: do they agree?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from MNIST.certify import differences
from MNIST.certify.answers import Answer, answer
from MNIST.certify.differences import Judged
from MNIST.certify.elsewhere import answer_elsewhere
from MNIST.certify.participants import Participant
from MNIST.certify.problem import Problem
from MNIST.errors import CertifyError, UsageError
from MNIST.language.layer import Shape

TOLERANCE = 1e-9  # relative, between engines; float64 has 16 digits, and sums of thousands of terms lose some
ROUNDING = 1e-12  # of the network's largest gradient: what rounding leaves when many terms cancel

OnAnswer = Callable[[Participant, Answer], None]
OnMissing = Callable[[Participant, str], None]


@dataclass(frozen=True)
class Spread:
    """How far answers lie apart: relative difference, and the engine that is farthest from the median."""

    difference: float
    engine: str


@dataclass(frozen=True)
class ParameterRow:
    """How far the engines lie apart in one weight.

    gradient: None for weights that are not trained, such as moving averages. judged: None for those too, and
    if no finite differences are asked for.
    """

    name: str
    shape: Shape
    gradient: Spread | None
    weights: Spread
    judged: Judged | None

    @property
    def agrees(self) -> bool:
        """Whether all differences are within tolerance; nan and infinity are not."""
        spreads = [self.weights.difference] + ([self.gradient.difference] if self.gradient else [])
        judged = self.judged.difference if self.judged else None
        return all(spread <= TOLERANCE for spread in spreads) and (
            judged is None or judged <= differences.TOLERANCE
        )


@dataclass(frozen=True)
class Certificate:
    """The comparison of several engines; `passed` is its verdict.

    versions: of each compared engine. loss: that of the first engine, in nats.
    """

    versions: Mapping[str, str]
    loss: float
    losses: Spread
    rows: tuple[ParameterRow, ...]

    @property
    def passed(self) -> bool:
        return self.losses.difference <= TOLERANCE and all(row.agrees for row in self.rows)

    @property
    def largest(self) -> Spread:
        """The largest difference between engines: in the loss, a gradient or a weight."""
        spreads = [self.losses, *(row.weights for row in self.rows)]
        spreads += [row.gradient for row in self.rows if row.gradient]
        return max(spreads, key=lambda spread: spread.difference)

    @property
    def largest_judged(self) -> float | None:
        """The largest difference between a gradient and its finite differences; None without any."""
        found = (row.judged.difference for row in self.rows if row.judged)
        return max((difference for difference in found if difference is not None), default=None)


def certify(
    problem: Problem,
    participants: list[Participant],
    *,
    entries: int,
    on_answer: OnAnswer = lambda *_: None,
    on_missing: OnMissing = lambda *_: None,
) -> Certificate:
    """Let every participant compute a problem, and compare their answers.

    entries: how many of each weight are judged by finite differences of the loss of the first
        participant that answers, or 0.
    on_missing: called for a participant whose library cannot be loaded, with what it lacks; it is left out.
    Raises CertifyError if one of them cannot answer, or if none is left.
    """
    answers = {}
    able: list[Participant] = []
    for participant in participants:
        # One after the other: at the same time, on the same processors, they take longer.
        try:
            if participant.elsewhere:
                found = answer_elsewhere(problem, participant)
            else:
                found = answer(problem, participant.engine)
        except UsageError as error:
            on_missing(participant, str(error))
            continue
        able.append(participant)
        answers[participant.name] = found
        on_answer(participant, found)
    if not able:
        raise CertifyError("no engine's library can be loaded, so there is nothing to compare")
    judged = differences.judge(problem, able[0].engine, entries) if entries else {}
    return compare(problem, answers, judged)


def compare(
    problem: Problem, answers: Mapping[str, Answer], judged: Mapping[str, Judged] | None = None
) -> Certificate:
    """Compare answers to one problem. Differences are relative to the first answer, the reference.

    A weight's difference is max |a − b| over all its entries and all pairs of engines, divided by
    max |reference| over its entries. A single entry near 0 has no relative precision, because larger terms
    cancel in it. In some weights all terms cancel, as in a bias before BatchNorm: their whole gradient is
    rounding. So differences below ROUNDING of the network's largest gradient count as rounding, and so does
    what the optimizer makes of them.
    Raises CertifyError if the answers are about different weights.
    """
    reference, *_ = answers.values()
    for engine, other in answers.items():
        _refuse_other_shapes(engine, other, reference)
    largest = max(map(_largest, reference.gradients.values()), default=0.0)
    noise = largest * ROUNDING / TOLERANCE
    rows = []
    for name, weight in problem.weights.items():
        gradient, amplified = None, 0.0
        if name in reference.gradients:
            gradient = spread({engine: one.gradients[name] for engine, one in answers.items()}, noise)
            moved = _largest(reference.last[name] - weight)
            amplified = noise * moved / (_largest(reference.gradients[name]) or 1.0)
        first = spread({engine: one.first[name] for engine, one in answers.items()}, amplified)
        last = spread({engine: one.last[name] for engine, one in answers.items()}, amplified)
        weights = max(first, last, key=lambda found: found.difference)
        rows.append(ParameterRow(name, weight.shape, gradient, weights, (judged or {}).get(name)))
    losses = spread({engine: np.array([one.loss]) for engine, one in answers.items()})
    versions = {engine: one.version for engine, one in answers.items()}
    return Certificate(versions, reference.loss, losses, tuple(rows))


def spread(arrays: Mapping[str, np.ndarray], least: float = 0.0) -> Spread:
    """How far arrays of one shape lie apart, relative to the first one's largest entry, at least to `least`.

    The difference is infinite if an array is not finite, or if they differ and this divisor is 0.
    """
    stacked = np.stack([array.astype(np.float64) for array in arrays.values()])
    infinite = [engine for engine, array in zip(arrays, stacked, strict=True) if not np.isfinite(array).all()]
    if infinite:
        return Spread(np.inf, infinite[0])
    apart = float((stacked.max(axis=0) - stacked.min(axis=0)).max())
    strays = np.abs(stacked - np.median(stacked, axis=0)).reshape(len(stacked), -1).max(axis=1)
    scale = max(_largest(stacked[0]), least)
    difference = apart / scale if scale else np.inf
    return Spread(difference if apart else 0.0, list(arrays)[int(strays.argmax())])


def _largest(array: np.ndarray) -> float:
    return float(np.abs(array).max())


def _refuse_other_shapes(engine: str, found: Answer, reference: Answer) -> None:
    """Raise CertifyError if an answer is not about the same weights as the reference."""
    for what in ("gradients", "first", "last"):
        shapes, expected = (
            {name: array.shape for name, array in getattr(one, what).items()} for one in (found, reference)
        )
        odd = sorted(dict(shapes.items() ^ expected.items()))
        if odd:
            raise CertifyError(f"{engine}: its {what} differ from the others' in name or shape: {odd[0]}")
