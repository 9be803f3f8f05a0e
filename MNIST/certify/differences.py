"""Finite differences: the loss at slightly different weights judges a gradient.

For an entry w of a weight, (L(w + h) − L(w − h)) / 2h is the derivative with an error of order h², and
Richardson's extrapolation from h and h/2 has one of order h⁴. Two things limit their precision:

- The loss is known to about 15 digits, so the quotient is known to ROUNDING · L / h: h must not be small.
- relu and MaxPool have kinks. If a kink lies within the step, differences find no derivative. With thousands
  of units that happens often: h must not be large.

So h is the smallest step at which rounding stays below the tolerance. An entry is judged only if the loss is
smooth around it; otherwise it is counted as a kink, and another entry takes its place. Smooth means that the
differences over h and h/2 agree, and that the bend over h is twice the bend over h/2 (at a kink exactly at w
the two are equal). Both conditions use only the loss, so a wrong gradient cannot excuse itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from MNIST.certify.answers import built
from MNIST.certify.problem import Problem
from MNIST.engines import GradientEngine

IMAGES = 4  # of the batch: each further image adds its own kinks
CANDIDATES = 5  # entries that may be tried for each one wanted
TOLERANCE = 1e-6  # relative, between a gradient and its finite difference
ROUNDING = 4e-15  # relative, of a loss in float64: measured below 1e-15, and a slope is made of four losses
SMALLEST, LARGEST = 1e-7, 1e-3  # of h; weights are around 1, and over a larger step L is no cubic


@dataclass(frozen=True)
class Judged:
    """What finite differences say about one weight's gradient.

    difference: the largest relative difference among the judged entries, None if there are none;
    entries: how many were judged; kinks: how many were skipped.
    """

    difference: float | None
    entries: int
    kinks: int


def judge(problem: Problem, engine: str, entries: int, seed: int = 0) -> dict[str, Judged]:
    """Compare an engine's gradients with differences of its own loss, at some entries of each weight.

    The entry with the largest gradient comes first; the others are drawn. A difference is relative to the
    weight's largest gradient, or to the smallest that can be told from rounding if that is larger.
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
        """The loss after `move` is added to the entry."""
        weight = self.problem.weights[self.name].copy()
        weight.flat[self.place] += move
        self.network.set_weights({**self.problem.weights, self.name: weight})
        return self.network.gradients(self.problem.images, self.problem.labels)[0]


def _slope(line: _Line, value: float, step: float, scale: float) -> float | None:
    """The derivative along a line whose loss at 0 is `value`; None if the loss is not smooth there."""
    (up, down), (half_up, half_down) = ((line.loss(h), line.loss(-h)) for h in (step, step / 2))
    slope, half_slope = (up - down) / (2 * step), (half_up - half_down) / step
    bend, half_bend = (up - 2 * value + down) / step, (half_up - 2 * value + half_down) / (step / 2)
    limit = TOLERANCE * scale / 2
    if abs(slope - half_slope) > limit or abs(bend - 2 * half_bend) > limit:
        return None
    return (4 * half_slope - slope) / 3


def _candidates(gradient: np.ndarray, entries: int, generator: np.random.Generator) -> Iterator[int]:
    """Places in a flattened gradient: that of its largest entry, then others in the order drawn."""
    largest = int(np.abs(gradient).argmax())
    yield largest
    count = min(gradient.size, entries * CANDIDATES)
    yield from (int(place) for place in generator.choice(gradient.size, count, False) if place != largest)
