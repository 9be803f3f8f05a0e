"""The picture of which parameters decide the goal, and how far it can be trusted."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from MNIST.report.colours import BLUE, GREEN, GREY, ORANGE
from MNIST.report.exploring.columns import Columns
from MNIST.report.exploring.figures import MOST_PARAMETERS, new_figure, nothing
from MNIST.report.exploring.goal import ACCURACY, Goal
from MNIST.report.exploring.importance import Importance
from MNIST.report.exploring.influence import measure_influence
from MNIST.report.exploring.networks import networks_of

TRUST = (  # the verdict from this part of explained variance on
    (0.7, "Yes"),
    (0.3, "Roughly"),
    (-np.inf, "The blue ones, but they explain little"),
)
CHANCE = "No: chance, or too few points"  # if the interval of no parameter is above 0


def importance(
    metrics: Mapping[str, np.ndarray],
    parameters: Columns,
    networks: Sequence[int] | None = None,
    goal: Goal = ACCURACY,
) -> Any:
    """How much each parameter explains of validation accuracy, and how far this can be trusted.

    networks: a number for the network of each row; None if the parameters tell it.
    Sources: as in `measure_importance`.
    """
    numbers = metrics[goal.column]
    found = measure_influence(
        numbers, parameters, networks_of(parameters, len(numbers)) if networks is None else networks, goal
    )
    if isinstance(found, str):
        figure, axes = new_figure(7, 4.5)
        return nothing(figure, axes, found)
    shown = min(len(found.names), MOST_PARAMETERS)
    figure, panels = new_figure(8, 3.2 + 0.4 * shown, 2, height_ratios=[0.6 + 0.4 * shown, 0.8])
    _bars(panels[0], found.names, found.importance, goal)
    _trust(panels[1], found.importance, found.rows)
    return figure


def _bars(axes: Any, names: Sequence[str], measured: Importance, goal: Goal) -> None:
    """A bar for each parameter with its interval, the most important on top; grey if it may be chance."""
    ranked = np.argsort(-measured.means, kind="stable")[:MOST_PARAMETERS]
    mean, (low, high) = measured.means[ranked], (ends[ranked] for ends in measured.interval())
    places = np.arange(len(ranked))
    axes.barh(places, mean, color=[BLUE if end > 0 else GREY for end in low], height=0.65)
    spread = [mean - low, high - mean]
    axes.errorbar(mean, places, xerr=spread, fmt="none", ecolor=ORANGE, elinewidth=2, capsize=4)
    for place, value, most in zip(places, mean, high, strict=True):
        text = f"{value:.2f}".replace("-0.00", "0.00")
        axes.annotate(text, (max(0, most), place), xytext=(6, 0), textcoords="offset points", va="center")
    axes.set_yticks(places, [names[number] for number in ranked])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlim(left=min(0, low.min() * 1.1))
    axes.axvline(0, color=GREY, lw=1)
    splits = measured.drops.shape[1]
    axes.set(
        title=f"Which parameters decide {goal.label}",
        xlabel="R² lost when the parameter's values are shuffled (line: 95 % interval for\n"
        f"all of them together, from {splits} divisions into networks seen and unseen; grey: may be chance)",
    )
    axes.spines[["top", "right"]].set_visible(False)


def _trust(axes: Any, measured: Importance, of: int) -> None:
    """One bar: the part of the variance that the forest explains on networks that it has not seen."""
    share = min(1.0, max(0.0, measured.explained))
    axes.barh(0, 1, color="#E6E6E6", height=0.6)
    axes.barh(0, share, color=GREEN, height=0.6)
    verdict = next(words for least, words in TRUST if measured.explained >= least)
    seen = f"{measured.points:,}" if measured.points == of else f"{measured.points:,} of {of:,}"
    axes.set(
        xlim=(0, 1),
        title=f"Can the bars be trusted? {CHANCE if measured.is_chance() else verdict}",
        xlabel=f"A random forest explains {share * 100:.0f} % of the variance of networks it has not seen\n"
        f"({seen} combinations, cross-validated R² {measured.explained:.2f})",
    )
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.set_yticks([])
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
