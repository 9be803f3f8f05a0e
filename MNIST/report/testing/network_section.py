"""What the report's page says about one network: its errors, each digit, and its sureness."""

from math import isnan

import numpy as np

from MNIST.report.percentages import percent_text
from MNIST.report.png import data_uri
from MNIST.report.testing.calibration import calibrate
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.confusion_picture import error_shades
from MNIST.report.testing.error_gallery import ACROSS, DOWN, caption
from MNIST.report.testing.metrics import class_figures, confusion_matrix, surest_errors

SHOWN = ACROSS * DOWN


def network_section(evaluation: Evaluation, reliability: bytes) -> dict[str, object]:
    """The values for network_section.html. reliability: the network's reliability diagram as a PNG file."""
    confusion = confusion_matrix(evaluation.labels, evaluation.answers)
    errors = surest_errors(evaluation.labels, evaluation.probabilities)
    return {
        "name": evaluation.name,
        "errors": [_error(evaluation, int(image)) for image in errors[:SHOWN]],
        "of": "All its errors" if len(errors) <= SHOWN else f"Its {SHOWN} surest errors of {len(errors):,}",
        "calibration": calibrate(evaluation.labels, evaluation.probabilities),
        "reliability": data_uri(reliability),
        "confusion": confusion.tolist(),
        "shades": [[f"{shade * 100:.0f}" for shade in row] for row in error_shades(confusion)],
        "classes": _classes(confusion),
    }


def _error(evaluation: Evaluation, image: int) -> dict[str, object]:
    label = int(evaluation.labels[image])
    lines = caption(image, label, evaluation.probabilities[image])
    return {"image": image, "label": label, "lines": [_unbroken(line) for line in lines]}


def _unbroken(text: str) -> str:
    """The text with no-break spaces before % and after colons."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%").replace(": ", ":\N{NO-BREAK SPACE}")


def _classes(confusion: np.ndarray) -> list[tuple[str, ...]]:
    """A row of texts for each digit."""
    return [
        (
            str(digit),
            f"{one.images:,}",
            f"{one.answers:,}",
            *("–" if isnan(part) else percent_text(part) for part in (one.precision, one.recall, one.f1)),
        )
        for digit, one in enumerate(class_figures(confusion))
    ]
