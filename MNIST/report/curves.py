"""The learning curves of one run as a picture."""

import io
from collections.abc import Sequence
from math import isnan
from typing import Any

# Okabe and Ito's palette (2008): told apart by colour-blind readers too.
BLUE, ORANGE = "#0072B2", "#D55E00"
GREY = "0.6"


def curves_png(history: Sequence[Any], title: str, kept: int | None = None) -> bytes:
    """Loss and accuracy by epoch, training and validation, as the bytes of a PNG file.

    history: EpochResults, at least one. kept: the epoch whose weights are kept, marked unless it is the last.
    """
    from matplotlib.figure import Figure  # not pyplot: no window system, no global state
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    epochs = [result.epoch for result in history]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title)
    panels = (("loss", "Loss (cross-entropy, nats)"), ("accuracy", "Accuracy"))
    for axes, (field, label) in zip(figure.subplots(1, 2), panels, strict=True):
        for prefix, name, colour in (("", "training", BLUE), ("val_", "validation", ORANGE)):
            values = [getattr(result, prefix + field) for result in history]
            if all(isnan(value) for value in values):
                continue  # no image was held out
            axes.plot(epochs, values, marker="o", markersize=4, color=colour, label=name)
        if kept is not None and kept != epochs[-1]:
            axes.axvline(kept, color=GREY, linestyle=":", linewidth=1, zorder=0, label=f"kept: epoch {kept}")
        axes.set_xlabel("Epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130)
    return stream.getvalue()
