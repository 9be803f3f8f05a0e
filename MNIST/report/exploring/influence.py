"""How much each parameter of a table matters, or why that cannot be told: for a picture and for a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from MNIST.report.exploring.columns import distinct
from MNIST.report.exploring.figures import finite
from MNIST.report.exploring.goal import ACCURACY, Goal
from MNIST.report.exploring.importance import FEWEST_POINTS, FOLDS, Importance, measure_importance
from MNIST.words import counted


@dataclass(frozen=True)
class Influence:
    """names: of the parameters that vary, in the order of `importance.drops`. rows: how many were used."""

    names: Sequence[str]
    importance: Importance
    rows: int

    @property
    def bars(self) -> list[tuple[str, float]]:
        """Each parameter with how much R² falls without what it tells, the most important first."""
        return sorted(
            zip(self.names, map(float, self.importance.means), strict=True), key=lambda bar: -bar[1]
        )


def measure_influence(
    numbers: Sequence[float] | np.ndarray,
    parameters: Mapping[str, Sequence[float | str]],
    networks: Sequence[int],
    goal: Goal = ACCURACY,
) -> Influence | str:
    """The influence of each parameter on the goal, or a sentence that says why it is not known.

    numbers: one for each row; rows whose number is not finite are left out. parameters: one value for each
    row, nan or "" where a parameter does not matter. networks: a number for the network of each row.
    """
    there = np.isfinite(numbers)
    known = np.asarray(numbers, float)[there]
    of_row = np.asarray(networks)[there]
    codes = {name: _codes(values)[there] for name, values in parameters.items()}
    codes = {name: places for name, places in codes.items() if len(np.unique(finite(places))) > 1}
    if reason := _too_little(known, codes, len(np.unique(of_row)), goal):
        return reason
    return Influence(
        [*codes], measure_importance(np.column_stack([*codes.values()]), known, of_row), len(known)
    )


def _codes(values: Sequence[float | str]) -> np.ndarray:
    """Each value's place in the order of the different values; nan where the parameter does not matter."""
    places = {value: place for place, value in enumerate(distinct(values))}
    return np.array([places.get(value, np.nan) for value in values], float)


def _too_little(known: np.ndarray, codes: Mapping[str, np.ndarray], networks: int, goal: Goal) -> str:
    """Why the influence cannot be told; "" if it can."""
    if not len(known):
        return goal.missing
    if not codes:
        return "No parameter of this scan has more than one value."
    few = "Too few to tell which parameters matter:"
    if len(known) < FEWEST_POINTS:
        combinations = counted(len(known), "combination")
        return f"{few} {combinations} with a\n{goal.label}; it takes {FEWEST_POINTS}."
    if networks < FOLDS:
        different = counted(networks, "network")
        return f"{few} {different},\nother seeds and numbers of epochs not counted; it takes {FOLDS}."
    return f"All combinations have the same {goal.label}." if np.ptp(known) == 0 else ""
