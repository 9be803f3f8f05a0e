"""What every picture of a table begins with: matplotlib's figures, and the numbers that are there."""

from typing import Any

import numpy as np

MOST_PARAMETERS = 12  # in one picture


def finite(values: np.ndarray) -> np.ndarray:
    return values[np.isfinite(values)]


def new_figure(width: float, height: float, rows: int = 1, **ratios: Any) -> Any:
    """A figure and its axes, in several rows if asked for."""
    from matplotlib.figure import Figure  # not pyplot: no window system, no global state

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    return figure, figure.subplots(rows, **ratios)


def nothing(figure: Any, axes: Any, reason: str) -> Any:
    """The figure with a sentence in place of a picture: why there is none."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, reason, ha="center", va="center", transform=axes.transAxes)
    return figure
