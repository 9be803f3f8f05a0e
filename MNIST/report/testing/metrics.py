"""What a classifier's answers on a test set say about it."""

from dataclasses import dataclass

import numpy as np


def confusion_matrix(y_true: np.ndarray, y_pred: np.ndarray, classes: int) -> np.ndarray:
    """Counts, int64 (classes, classes): a row for each true class, a column for each answer."""
    flat = np.bincount(y_true.astype(np.int64) * classes + y_pred, minlength=classes**2)
    return flat.reshape(classes, classes)


def surest_errors(y_true: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Indices of the wrongly answered images, int64, the surest wrong answer first.

    y_true: integer (n,); probabilities: float (n, classes).
    """
    y_pred = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(y_pred != y_true)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]


@dataclass(frozen=True)
class ClassFigures:
    """How well a classifier does on one class; a figure is nan if its denominator is 0.

    images: how many are of this class; answers: how often the answer is this class. precision: the part of
    these answers that is correct; recall: the part of these images that is; f1: their harmonic mean.
    """

    images: int
    answers: int
    precision: float
    recall: float
    f1: float


def class_figures(confusion: np.ndarray) -> list[ClassFigures]:
    """The figures of each class. confusion: counts as `confusion_matrix` returns them."""
    images, answers, correct = confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal()
    with np.errstate(invalid="ignore"):
        precision, recall, f1 = correct / answers, correct / images, 2 * correct / (images + answers)
    columns = (column.tolist() for column in (images, answers, precision, recall, f1))
    return [ClassFigures(*row) for row in zip(*columns, strict=True)]
