"""A confusion matrix as a picture: the counts, and each count's part of its row as a colour.

Only errors are coloured, on a logarithmic scale; otherwise the diagonal would hide them. The scale is the
same for every network, so that two pictures can be compared.
"""

from typing import Any

import numpy as np

from MNIST.report.classes import MANY, are_digits, noun
from MNIST.report.colours import FAINT, ORANGE, PALE_BLUE
from MNIST.report.png import figure_png
from MNIST.report.testing.comparison import Evaluation

FAINTEST, STRONGEST = 0.0003, 1.0  # rates: one error in 1,000 images is just visible


def error_shades(confusion: np.ndarray) -> np.ndarray:
    """How strong each cell's colour is, from 0 to 1: the logarithm of its rate; 0 on the diagonal."""
    rates = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(rates, 0)
    logarithms = np.log(np.maximum(rates, FAINTEST) / FAINTEST)
    return logarithms / np.log(STRONGEST / FAINTEST)


def confusion_png(evaluation: Evaluation) -> bytes:
    """The picture as the bytes of a PNG file, with a row for each true class.

    Of many classes, it has colours alone.
    """
    from matplotlib.colors import LinearSegmentedColormap, to_rgba
    from matplotlib.figure import Figure  # not pyplot: no window system, no global state

    confusion, names = evaluation.confusion, evaluation.classes
    classes, one = len(names), noun(names)
    white_to_orange = LinearSegmentedColormap.from_list("errors", ["white", ORANGE])
    colours = white_to_orange(error_shades(confusion))
    colours[np.diag_indices(classes)] = to_rgba(PALE_BLUE)
    side = min(30, max(7, 0.62 * classes))
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(colours)
    if classes <= MANY:
        _numbers(axes, confusion)
        axes.set_xticks(range(classes), names, rotation=0 if are_digits(names) else 90)
        axes.set_yticks(range(classes), names)
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set_parse_math(False)  # a name may have a $
        axes.set_xticks(np.arange(-0.5, classes), minor=True)
        axes.set_yticks(np.arange(-0.5, classes), minor=True)
        axes.grid(which="minor", color="0.9")
        axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    title = f"{evaluation.name}: what it takes each {one} for"
    axes.set(xlabel="the network's answer", ylabel=f"the {one}", title=title)
    _scale(figure, axes, white_to_orange, one)
    return figure_png(figure)


def _numbers(axes: Any, confusion: np.ndarray) -> None:
    """Write each count that is not 0, and beside each row the part that is right."""
    for row, column in zip(*np.nonzero(confusion), strict=True):
        axes.text(column, row, f"{confusion[row, column]:,}", ha="center", va="center")
    for row, images in enumerate(confusion.sum(axis=1)):
        correct = f"{confusion[row, row] / images * 100:.1f} %" if images else "–"
        axes.text(len(confusion) - 0.35, row, correct, va="center", color=FAINT)
    axes.text(len(confusion) - 0.35, -0.6, "right", color=FAINT)


def _scale(figure: Any, axes: Any, colours: Any, one: str) -> None:
    """Draw the scale of colours below the matrix."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm

    bar = figure.colorbar(
        ScalarMappable(LogNorm(FAINTEST, STRONGEST), colours),
        ax=axes,
        location="bottom",
        shrink=0.6,
        aspect=40,
        label=f"errors: of this {one}'s images, the part that got this answer",
    )
    bar.set_ticks([0.001, 0.01, 0.1, 1], labels=["0.1 %", "1 %", "10 %", "100 %"])
    bar.set_ticks([], minor=True)
    bar.outline.set_visible(False)
