"""The learning curves of one run as a picture: loss, accuracy, and the learning rate of every step."""

from collections.abc import Sequence
from math import isnan
from typing import Any

import numpy as np

from MNIST.report.colours import BLUE, GREEN, GREY, ORANGE
from MNIST.report.png import figure_png

WIDTH, HEIGHT = 4.4, 3.6  # of a panel, in inches
LEFT, RIGHT, BOTTOM, TOP = 0.9, 0.15, 0.5, 0.4  # what a panel leaves for labels and the title, in inches
MOST_MARKED = 40  # epochs; if there are more, lines without marks are enough
MOST_RATES = 4_000  # drawn
SMALL = 0.1  # of the largest rate; if over a third of the steps have less, the scale is logarithmic


def curves_png(
    history: Sequence[Any], title: str, kept: int | None = None, rates: Sequence[np.ndarray] = ()
) -> bytes:
    """`draw_curves` as the bytes of a PNG file."""
    return figure_png(draw_curves(history, title, kept, rates))


def draw_curves(
    history: Sequence[Any], title: str, kept: int | None = None, rates: Sequence[np.ndarray] = ()
) -> Any:
    """A Figure: loss and accuracy by epoch, in training and validation, and beside them the learning rate.

    history: EpochResults, at least one. kept: the epoch whose weights are kept, marked unless it is the last.
    rates: the rate of each step, one array for each epoch; without them that panel is left out.
    All panels share the epoch axis: an epoch's figures are at its end, a step is at its place in the epoch.
    """
    from matplotlib.figure import Figure  # not pyplot: no window system, no global state
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    panels = 3 if len(rates) else 2
    figure: Any = Figure(figsize=(WIDTH * panels, HEIGHT))
    figure.suptitle(title)
    loss, accuracy, *rate = figure.subplots(1, panels, sharex=True, gridspec_kw=_margins(panels))
    _measured(loss, history, "loss", "Loss (cross-entropy, nats)")
    _measured(accuracy, history, "accuracy", "Accuracy")
    accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
    low, high = accuracy.get_ylim()
    accuracy.set_ylim(low, min(high, 1 + 0.05 * (1 - low)))  # no tick above 100 %
    for axes in rate:
        _learning_rate(axes, rates)
    last = history[-1].epoch
    for axes in (loss, accuracy, *rate):
        if kept is not None and kept != last:
            axes.axvline(
                kept, color=GREY, linestyle=":", linewidth=1.5, zorder=0, label=f"kept: epoch {kept}"
            )
        axes.set_xlabel("Epoch")
        axes.set_xlim(-0.03 * last, 1.03 * last)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in (loss, accuracy):
        axes.legend(frameon=False)
    return figure


def _margins(panels: int) -> dict[str, float]:
    """Where the axes of the panels are, as Matplotlib's GridSpec takes it: in parts of the whole figure.

    Matplotlib could measure the labels, but it would then draw everything twice.
    """
    inner = WIDTH - LEFT - RIGHT
    return {
        "left": LEFT / (WIDTH * panels),
        "right": 1 - RIGHT / (WIDTH * panels),
        "bottom": BOTTOM / HEIGHT,
        "top": 1 - TOP / HEIGHT,
        "wspace": (LEFT + RIGHT) / inner,
    }


def _measured(axes: Any, history: Sequence[Any], field: str, label: str) -> None:
    """Draw one figure of each epoch: in training, and in validation if images were held out."""
    epochs = [result.epoch for result in history]
    size = 4 if len(epochs) <= MOST_MARKED else 0
    for prefix, name, colour, marker in (("", "training", BLUE, "o"), ("val_", "validation", ORANGE, "s")):
        values = [getattr(result, prefix + field) for result in history]
        if not all(map(isnan, values)):
            axes.plot(epochs, values, marker=marker, markersize=size, color=colour, label=name)
    axes.set_ylabel(label)


def _learning_rate(axes: Any, rates: Sequence[np.ndarray]) -> None:
    """Draw the rate of each step, or of as many steps as the picture can show."""
    most = max(2, MOST_RATES // len(rates))
    places, values = [], []
    for epoch, of_epoch in enumerate(rates):
        steps = len(of_epoch)
        chosen = np.unique(np.linspace(0, steps - 1, min(most, steps)).round().astype(int))
        places.append(epoch + (chosen + 0.5) / steps)
        values.append(of_epoch[chosen])
    every = np.concatenate(values)
    axes.plot(np.concatenate(places), every, color=GREEN, marker="o" if len(every) == 1 else None)
    axes.set_ylabel("Learning rate, step by step")
    if every.min() > 0 and np.mean(every < SMALL * every.max()) > 1 / 3:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)  # so that a rate that hardly changes looks so
        axes.yaxis.set_major_formatter(lambda rate, _: f"{rate:g}")
