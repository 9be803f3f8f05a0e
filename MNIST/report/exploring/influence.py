"""How much each parameter matters, as bars of a page, from the answers that are known so far."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from MNIST.report.exploring.importance import FEWEST_POINTS, FOLDS, measure_importance
from MNIST.report.exploring.networks import networks_of
from MNIST.report.exploring.pictures import distinct
from MNIST.words import counted

MOST_BARS = 12


@dataclass(frozen=True)
class Influence:
    """bars: for each parameter, the most important first, how much R² falls without what it tells.

    explained: the part of the variance that all parameters explain together, at best 1.
    is_chance: whether the interval of no parameter is above 0.
    """

    bars: tuple[tuple[str, float], ...]
    explained: float
    answers: int
    is_chance: bool


def measure_influence(
    accuracy: Sequence[float], parameters: Mapping[str, Sequence[float | str]], runs: Sequence[str]
) -> Influence | str:
    """The influence of each parameter on accuracy, or a sentence that says why it is not known.

    accuracy: one number for each answer. parameters: one value for each answer, nan or "" where a parameter
    does not matter. runs: the run that each answer is read from.
    """
    known = [place for place, value in enumerate(accuracy) if isfinite(value)]
    codes = {}
    for name, values in parameters.items():
        places = {value: place for place, value in enumerate(distinct([values[one] for one in known]))}
        if len(places) > 1:
            codes[name] = [places.get(values[one], np.nan) for one in known]
    if not codes:
        return "No parameter has more than one value yet."
    if len(known) < FEWEST_POINTS:
        return f"This takes {FEWEST_POINTS} answers; there {'is' if len(known) == 1 else 'are'} {len(known)}."
    numbers = np.array([accuracy[one] for one in known])
    if not np.ptp(numbers):
        return "All answers have the same validation accuracy."
    known_values = {name: [values[one] for one in known] for name, values in parameters.items()}
    networks = networks_of(known_values, len(known), [runs[one] for one in known])
    if len(set(networks)) < FOLDS:
        return f"This takes {counted(FOLDS, 'distinct network')}."
    measured = measure_importance(np.column_stack([*codes.values()]).astype(float), numbers, networks)
    bars = sorted(zip(codes, map(float, measured.means), strict=True), key=lambda bar: -bar[1])[:MOST_BARS]
    return Influence(tuple(bars), measured.explained, len(known), measured.is_chance())
