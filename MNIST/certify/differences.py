"""Finite differences: the loss itself, at slightly other weights, judges a gradient.

For an entry w of a weight, (L(w + h) − L(w − h)) / 2h is its derivative up to h², and Richardson's
extrapolation from h and h/2 up to h⁴. Two things limit what that can tell:

- The loss is known to some 15 digits, so a difference over h to ROUNDING · L / h: h must not be small.
- relu and MaxPool have kinks. Where one lies within the step, differences find no derivative, and with
  thousands of units that is often so: h must not be large.

So h is the smallest at which rounding stays below the tolerance, and an entry is judged only if the loss
is smooth around it; else another one takes its place, and it is counted. Smooth means that differences
over h and h/2 agree, and that the bend over h is twice that over h/2: at a kink exactly at w it is equal.
Both look at the loss alone, so a wrong gradient cannot excuse itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from MNIST.certify.answers import built
from MNIST.certify.problem import Problem
from MNIST.engines import GradientEngine

IMAGES = 4  # of the batch: each image more has kinks of its own
CANDIDATES = 5  # entries looked at for each one wanted, before the weight is left as it is
TOLERANCE = 1e-6  # relative, between a gradient and its finite difference
ROUNDING = 4e-15  # relative, of a loss in float64; measured: below 1e-15, and four losses make a difference
SMALLEST, LARGEST = 1e-7, 1e-3  # steps; weights are around 1, so that beyond it L is no longer a cubic


@dataclass(frozen=True)
class Judged:
    """What finite differences say of one weight's gradient.

    difference: the largest relative difference of the entries that were judged, None without any;
    entries: how many were judged; kinks: how many were passed over.
    """

    difference: float | None
    entries: int
    kinks: int


def judge(problem: Problem, engine: str, entries: int, seed: int = 0) -> dict[str, Judged]:
    """Compare an engine's gradients with differences of its own loss, at some entries of each weight.

    The entry with the largest gradient is the first, the others are drawn. A difference is relative to
    the weight's largest gradient, or to the least that can be told from rounding, if that is more.
    """
    problem = problem.first(IMAGES)
    with built(problem, engine) as network:
        value, gradients = network.gradients(problem.images, problem.labels)
        generator = np.random.default_rng([seed, entries])
        judged = {}
        for name, gradient in gradients.items():
            scale = max(float(np.abs(gradient).max()), ROUNDING * value / (TOLERANCE * LARGEST))
            step = max(ROUNDING * value / (TOLERANCE * scale), SMALLEST)
            found: list[float] = []
            kinks = 0
            for place in _candidates(gradient, entries, generator):
                if len(found) == entries:
                    break
                slope = _slope(_Line(network, problem, name, place), value, step, scale)
                if slope is None:
                    kinks += 1
                else:
                    found.append(abs(slope - float(gradient.flat[place])) / scale)
            largest = float(np.max(found)) if found else None  # nan if one of them is
            judged[name] = Judged(largest, len(found), kinks)
        return judged


@dataclass(frozen=True)
class _Line:
    """The loss as a function of one entry of one weight."""

    network: GradientEngine
    problem: Problem
    name: str
    place: int

    def loss(self, move: float) -> float:
        """The loss with the entry moved."""
        weight = self.problem.weights[self.name].copy()
        weight.flat[self.place] += move
        self.network.set_weights({**self.problem.weights, self.name: weight})
        return self.network.gradients(self.problem.images, self.problem.labels)[0]


def _slope(line: _Line, value: float, step: float, scale: float) -> float | None:
    """The derivative along a line whose loss at 0 is `value`; None where the loss is not smooth."""
    (up, down), (half_up, half_down) = ((line.loss(h), line.loss(-h)) for h in (step, step / 2))
    slope, half_slope = (up - down) / (2 * step), (half_up - half_down) / step
    bend, half_bend = (up - 2 * value + down) / step, (half_up - 2 * value + half_down) / (step / 2)
    limit = TOLERANCE * scale / 2
    if abs(slope - half_slope) > limit or abs(bend - 2 * half_bend) > limit:
        return None
    return (4 * half_slope - slope) / 3


def _candidates(gradient: np.ndarray, entries: int, generator: np.random.Generator) -> Iterator[int]:
    """Places in a flattened gradient: its largest, then others as they are drawn."""
    largest = int(np.abs(gradient).argmax())
    yield largest
    count = min(gradient.size, entries * CANDIDATES)
    yield from (int(place) for place in generator.choice(gradient.size, count, False) if place != largest)
