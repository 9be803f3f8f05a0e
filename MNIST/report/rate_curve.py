"""The loss at each learning rate of a range test, as a picture and as lines for the terminal."""

from typing import Any

import numpy as np

from MNIST.report.colours import BLUE, GREEN, GREY, ORANGE
from MNIST.report.png import figure_png

ROOM = 0.25  # of the fall: so much is shown above the first loss, however high the last ones are
ROWS = 10  # of letters
WIDEST = 72  # columns


def rate_png(result: Any, title: str, file_rate: float) -> bytes:
    """`draw_rate_curve` as the bytes of a PNG file."""
    return figure_png(draw_rate_curve(result, title, file_rate))


def draw_rate_curve(result: Any, title: str, file_rate: float) -> Any:
    """A Figure: the loss of each step and their smooth curve over the rate, on a logarithmic axis.

    result: a RateRange that is a curve. file_rate: the rate of the model file, marked.
    """
    from matplotlib.figure import Figure  # not pyplot: no window system, no global state

    figure: Any = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, parse_math=False)
    axes.plot(result.rates, result.losses, ".", color=GREY, markersize=3, label="each step's batch")
    axes.plot(result.rates, result.smoothed, color=BLUE, linewidth=2, label="smoothed")
    if result.suggestion:
        low, high = result.suggestion.low, result.suggestion.high
        axes.axvspan(low, high, color=GREEN, alpha=0.2, linewidth=0, label="suggested")
    axes.axvline(file_rate, color=ORANGE, linestyle="--", linewidth=1.5, label="the file's rate")
    axes.set_xscale("log")
    axes.set_xlim(result.rates[0] / 1.1, result.rates[-1] * 1.1)
    axes.set_ylim(*_shown_losses(result.smoothed))
    axes.set_xlabel("Learning rate")
    axes.set_ylabel("Loss (cross-entropy, nats)")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower left")
    return figure


def rate_lines(result: Any, file_rate: float, width: int, ascii_only: bool = False) -> list[str]:
    """The smooth curve as lines of text, at most `width` columns wide where possible.

    result: a RateRange that is a curve. The axis is thick where rates are suggested; below it the file's rate
    is marked, if it is among those that were tried. ascii_only: use ASCII letters.
    """
    known = np.isfinite(result.smoothed)
    rates, losses = np.log10(result.rates[known]), result.smoothed[known]
    bottom, top = _shown_losses(losses)
    columns = max(16, min(WIDEST, width) - 9)
    places = np.linspace(rates[0], rates[-1], columns)
    heights = (np.clip(np.interp(places, rates, losses), bottom, top) - bottom) / (top - bottom)
    rows = _dots(np.rint(heights * (2 * ROWS - 1)).astype(int), ascii_only)
    line, thick, edge, corner, mark = "-=|+^" if ascii_only else "─━│└▲"
    suggestion = result.suggestion
    inside = [bool(suggestion) and suggestion.low <= 10**place <= suggestion.high for place in places]
    nearest = _nearest(places, file_rate)
    if suggestion and not any(inside):  # narrower than a column
        inside[_nearest(places, suggestion.low) or 0] = True
    labels = [f"{top:7.2f}", *[""] * (ROWS - 2), f"{bottom:7.2f}"]
    shown = [f"{label:7} {edge}{row}".rstrip() for label, row in zip(labels, rows, strict=True)]
    shown.append(f"{'':8}{corner}" + "".join(thick if one else line for one in inside))
    shown.append(f"{'':9}" + _ticks(places))
    if nearest is not None:
        shown.append(f"{'':9}" + " " * nearest + mark)
    legend = [f"{thick} suggested"] * any(inside) + [f"{mark} the file's rate"] * (nearest is not None)
    return [*shown, *[f"{'':9}{', '.join(legend)}"] * bool(legend)]


def _shown_losses(smoothed: np.ndarray) -> tuple[float, float]:
    """The lowest and the highest loss that are shown; what diverged would make the rest flat."""
    known = smoothed[np.isfinite(smoothed)]
    low, first = float(known.min()), float(known[0])
    high = min(float(known.max()), first + ROOM * max(first - low, 0.1 * first))
    margin = 0.05 * max(high - low, 1e-6)
    return low - margin, high + margin


def _dots(levels: np.ndarray, ascii_only: bool) -> list[str]:
    """A curve as ROWS lines, two levels each. levels: int (columns,), from 0, the lowest, to 2 · ROWS − 1."""
    upper, lower = "'." if ascii_only else "▀▄"
    return [
        "".join(" " if level // 2 != row else upper if level % 2 else lower for level in levels)
        for row in reversed(range(ROWS))
    ]


def _nearest(places: np.ndarray, rate: float) -> int | None:
    """The column of a rate; None if it lies outside. places: float64 (columns,), logarithms."""
    place, step = np.log10(rate), places[1] - places[0]
    if not places[0] - step / 2 <= place <= places[-1] + step / 2:
        return None
    return int(np.abs(places - place).argmin())


def _ticks(places: np.ndarray) -> str:
    """Each power of ten below its column, as far as there is room."""
    line = ""
    for power in range(int(np.ceil(places[0] - 1e-9)), int(np.floor(places[-1] + 1e-9)) + 1):
        column, label = int(np.abs(places - power).argmin()), f"{10.0**power:g}"
        if column >= len(line) + bool(line) and column + len(label) <= len(places) + 4:
            line += " " * (column - len(line)) + label
    return line
