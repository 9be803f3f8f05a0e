"""What the report's page says about one network: its errors, each class, and its sureness."""

from collections.abc import Sequence
from math import isnan

import numpy as np

from MNIST.report.classes import MANY, noun, one_of
from MNIST.report.percentages import percent_text
from MNIST.report.testing.calibration import calibrate
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.confusion_picture import error_shades
from MNIST.report.testing.error_gallery import ACROSS, DOWN, caption
from MNIST.report.testing.metrics import class_figures, surest_errors
from MNIST.report.testing.reliability_plot import dots

SHOWN = ACROSS * DOWN


def network_section(evaluation: Evaluation, stands: str = "") -> dict[str, object]:
    """The values for network_section.html. stands: in words, how it stands to the others."""
    confusion, classes = evaluation.confusion, evaluation.classes
    errors = surest_errors(evaluation.labels, evaluation.probabilities)
    calibration = calibrate(evaluation.labels, evaluation.probabilities)
    return {
        "name": evaluation.name,
        "on": evaluation.on,
        "errors": [_error(evaluation, int(image)) for image in errors[:SHOWN]],
        "of": "All its errors" if len(errors) <= SHOWN else f"Its {SHOWN} surest errors of {len(errors):,}",
        "stands": stands,
        "calibration": calibration,
        "dots": dots(calibration),
        "noun": noun(classes),
        "names": classes,
        "confusion": confusion.tolist() if len(classes) <= MANY else None,
        "shades": [[f"{shade * 100:.0f}" for shade in row] for row in error_shades(confusion)],
        "mistakes": _mistakes(confusion, classes),
        "figures": _figures(confusion, classes),
    }


def _error(evaluation: Evaluation, image: int) -> dict[str, object]:
    label = int(evaluation.labels[image])
    number = int(evaluation.numbers[image])
    lines = caption(number, label, evaluation.probabilities[image], evaluation.classes)
    what = one_of(label, evaluation.classes)
    return {"image": image, "number": number, "what": what, "lines": [_unbroken(line) for line in lines]}


def _unbroken(text: str) -> str:
    """The text with no-break spaces before % and after colons."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%").replace(": ", ":\N{NO-BREAK SPACE}")


def _mistakes(confusion: np.ndarray, classes: Sequence[str]) -> list[tuple[str, ...]]:
    """The most frequent mistakes, a row of texts for each: the class, the answer, how many images."""
    wrong = confusion - np.diag(confusion.diagonal())
    places = np.argsort(-wrong, axis=None, kind="stable")[:MANY]
    rows, columns = np.unravel_index(places, wrong.shape)
    return [
        (classes[row], classes[column], f"{wrong[row, column]:,}")
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if wrong[row, column]
    ]


def _figures(confusion: np.ndarray, classes: Sequence[str]) -> list[tuple[str, ...]]:
    """A row of texts for each class."""
    return [
        (
            name,
            f"{one.images:,}",
            f"{one.answers:,}",
            *("–" if isnan(part) else percent_text(part) for part in (one.precision, one.recall, one.f1)),
        )
        for name, one in zip(classes, class_figures(confusion), strict=True)
    ]
