"""The picture of what it costs to be better: the front against parameters, MFLOPs and seconds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from MNIST.report.colours import BLUE, ORANGE
from MNIST.report.exploring.columns import Columns
from MNIST.report.exploring.figures import finite, new_figure, nothing
from MNIST.report.exploring.front import COSTS, front
from MNIST.report.exploring.goal import ACCURACY, Goal

DEVIATION = "val_accuracy_deviation"
LOG_FROM = 10  # the largest cost / the smallest, from which on the axis is logarithmic


def cost(
    metrics: Mapping[str, np.ndarray],
    parameters: Columns,
    costs: Mapping[str, np.ndarray] | None = None,
    goal: Goal = ACCURACY,
) -> Any:
    """Validation accuracy against each cost of the table, with the front: the best for each cost.

    costs: columns named as in COSTS, and perhaps DEVIATION.
    """
    shown = goal.shown(metrics)
    costs = costs or {}
    judged = {name: finite(column[np.isfinite(shown)]) for name, column in costs.items()}
    drawn = {
        name: label
        for name, label in COSTS.items()
        if name in judged and len(judged[name]) and np.ptp(judged[name]) > 0
    }
    if not len(finite(shown)) or not drawn:
        figure, axes = new_figure(7, 4.5)
        known = [label for name, label in COSTS.items() if name in judged and len(judged[name])]
        return nothing(figure, axes, _no_front(shown, known, goal))
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(7, 4.6 * len(drawn)), 4.8), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(drawn), sharey=True, squeeze=False)[0]
    deviation = costs.get(DEVIATION) if goal.column == "val_accuracy" else None
    for axes, (name, label) in zip(panels, drawn.items(), strict=True):
        _front_panel(axes, costs[name], shown, None if deviation is None else deviation * 100, goal)
        axes.set_xlabel(label)
    panels[0].set_ylabel(goal.axis)
    panels[0].legend(loc="upper right" if goal.lower else "lower right")
    figure.suptitle("What it costs to be better")
    return figure


def _no_front(shown: np.ndarray, known: Sequence[str], goal: Goal) -> str:
    if not len(finite(shown)):
        return goal.missing
    if not known:
        return f"The table does not say what a combination costs:\nit has no {', '.join(COSTS)}."
    return f"All combinations cost the same: {', '.join(known)}."


def _front_panel(
    axes: Any, costs: np.ndarray, shown: np.ndarray, deviation: np.ndarray | None, goal: Goal
) -> None:
    """Every point, and the front as a line with a step where a higher cost buys more."""
    from matplotlib.ticker import LogLocator, NullLocator

    places = front(costs, goal.merit(shown))
    axes.scatter(costs, shown, s=14, alpha=0.35, color=BLUE, label="combination")
    ends = [*costs[places], np.nanmax(costs[np.isfinite(costs)])]
    heights = [*shown[places], shown[places[-1]]]
    axes.step(ends, heights, where="post", color=ORANGE, label="the best for the cost")
    axes.scatter(costs[places], shown[places], s=26, color=ORANGE, zorder=3)
    if deviation is not None:
        spread = np.nan_to_num(deviation[places])
        label = "± one standard deviation of the seeds"
        axes.errorbar(
            costs[places], shown[places], yerr=spread, fmt="none", ecolor=ORANGE, capsize=3, label=label
        )
    positive = finite(costs)[finite(costs) > 0]
    if len(positive) == len(finite(costs)) and positive.max() / positive.min() > LOG_FROM:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axes.tick_params("x", rotation=45)
