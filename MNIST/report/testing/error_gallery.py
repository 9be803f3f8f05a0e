"""A network's surest errors as a picture: the image, the true class, the answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from MNIST.report.classes import one_of
from MNIST.report.percentages import probability_text
from MNIST.report.png import figure_png
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.metrics import surest_errors

ACROSS = DOWN = 5  # images in the picture
SIDE = 28
CELL, CELL_HEIGHT = 40, 48  # in the images' own pixels: the cell of an image with its text
INCHES = 0.0375  # of such a pixel
TITLE = 0.7  # height of the title in inches


def top_errors_png(images: np.ndarray, evaluation: Evaluation) -> bytes:
    """The surest errors, the surest first, as the bytes of a PNG file. images: uint8 (n, 28, 28)."""
    from matplotlib.figure import Figure  # not pyplot: no window system, no global state

    labels, probabilities = evaluation.labels, evaluation.probabilities
    errors = surest_errors(labels, probabilities)
    top = errors[: ACROSS * DOWN]
    sheet = np.zeros((max(1, -(-len(top) // ACROSS)) * CELL_HEIGHT, ACROSS * CELL), np.uint8)
    height, width = np.array(sheet.shape) * INCHES
    figure = Figure(figsize=(width, height + TITLE))
    axes = figure.add_axes((0, 0, 1, height / (height + TITLE)))
    axes.set_axis_off()
    for place, image in enumerate(top):
        row, column = divmod(place, ACROSS)
        left, upper = column * CELL + (CELL - SIDE) // 2, row * CELL_HEIGHT
        sheet[upper : upper + SIDE, left : left + SIDE] = images[image]
        number, label = int(evaluation.numbers[image]), int(labels[image])
        what, *rest = caption(number, label, probabilities[image], evaluation.classes)
        centre, below = left + SIDE / 2, upper + SIDE + 2
        # A name may have a $.
        plain: dict[str, Any] = {"ha": "center", "va": "top", "size": 9, "parse_math": False}
        axes.text(centre, below, what, weight="bold", **plain)
        axes.text(centre, below + 5, "\n".join(rest), **plain)
    axes.imshow(sheet, cmap="gray_r", vmin=0, vmax=255)
    middle = 1 - TITLE / 2 / (height + TITLE)
    figure.text(
        0.5, middle, _title(evaluation.name, len(top), len(errors)), ha="center", va="center", size=13
    )
    return figure_png(figure)


def caption(
    image: int, label: int, probabilities: np.ndarray, classes: Sequence[str]
) -> tuple[str, str, str]:
    """Three lines: what was taken for what, how sure the network was, and the image's number."""
    answer = int(probabilities.argmax())
    sureness, doubt = probability_text(probabilities[answer]), probability_text(probabilities[label])
    return (
        f"{one_of(label, classes)}, taken for {one_of(answer, classes)}",
        f"{classes[answer]}: {sureness}, {classes[label]}: {doubt}",
        f"image {image}",
    )


def _title(name: str, shown: int, errors: int) -> str:
    if not errors:
        return f"{name}: no errors"
    if shown == errors:
        return f"{name}: all its errors ({errors}), the surest first"
    return f"{name}: its {shown} surest errors of {errors:,}, the surest first"
