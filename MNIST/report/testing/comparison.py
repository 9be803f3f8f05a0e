"""The comparison of trained networks on a test set: a text table, and each network's errors."""

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import numpy as np

from MNIST.files import NotAFileError, read_whole
from MNIST.report.classes import noun
from MNIST.report.intervals import wilson_interval
from MNIST.report.testing.metrics import class_figures, confusion_matrix, surest_errors

COLUMNS = (
    *("Model_Name", "Test_Loss", "Test_Accuracy"),
    *("Errors", "Images", "Accuracy_Low", "Accuracy_High", "Engine"),
)

FEW = 10  # networks; of more, a report ranks them, folds each one's details, and leaves out what is large


@dataclass(frozen=True)
class Evaluation:
    """A network's answers on a test set.

    engine: the name of the engine that computed them. labels: integer (n,); probabilities: float64
    (n, classes); loss: mean cross-entropy in nats. classes: what each label means. numbers: integer (n,),
    the images' numbers in their set, from 0. on: the set's name, "test", "training" or "validation". family:
    the same for networks that differ in nothing but their seed; "" if it has none.
    """

    name: str
    engine: str
    parameters: int
    loss: float
    labels: np.ndarray
    probabilities: np.ndarray
    classes: Sequence[str]
    numbers: np.ndarray
    on: str = "test"
    family: str = ""

    @property
    def answers(self) -> np.ndarray:
        """The likeliest class of each image, int64 (n,)."""
        return self.probabilities.argmax(axis=1)

    @property
    def images(self) -> int:
        return len(self.labels)

    @property
    def errors(self) -> int:
        return int((self.answers != self.labels).sum())

    @property
    def confusion(self) -> np.ndarray:
        """Counts, int64 (classes, classes): a row for each true class, a column for each answer."""
        return confusion_matrix(self.labels, self.answers, len(self.classes))

    @property
    def accuracy(self) -> float:
        return (self.images - self.errors) / self.images

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy (Wilson)."""
        return wilson_interval(self.images - self.errors, self.images)


def results_text(evaluations: Sequence[Evaluation]) -> str:
    """The text of `<comparison>.txt`: tab-separated, a header, then one row for each network."""
    rows: list[tuple[str, ...]] = [COLUMNS]
    for evaluation in evaluations:
        low, high = evaluation.interval
        figures = (evaluation.loss, evaluation.accuracy, evaluation.errors, evaluation.images, low, high)
        rows.append((evaluation.name, *(repr(figure) for figure in figures), evaluation.engine))
    return "".join("\t".join(row) + "\n" for row in rows)


def is_results(path: Path) -> bool:
    """Whether a file begins like a text of `results_text`."""
    with suppress(NotAFileError):
        return read_whole(path, len(COLUMNS[0]))[: len(COLUMNS[0])] == COLUMNS[0].encode()
    return False


def errors_csv(evaluation: Evaluation) -> str:
    """Every wrong answer, the surest first: image (from 0), expected, got, and the probability of each."""
    wrong = surest_errors(evaluation.labels, evaluation.probabilities)
    expected, got = evaluation.labels[wrong], evaluation.answers[wrong]
    rows = zip(
        evaluation.numbers[wrong],
        [evaluation.classes[label] for label in expected],
        [evaluation.classes[label] for label in got],
        evaluation.probabilities[wrong, got],
        evaluation.probabilities[wrong, expected],
        strict=True,
    )
    header = ("image", "expected", "got", "probability_of_got", "probability_of_expected")
    return _csv([header, *((i, e, g, f"{p:.6f}", f"{q:.6f}") for i, e, g, p, q in rows)])


def confusion_csv(evaluation: Evaluation) -> str:
    """The confusion matrix: one row for each true class, one column for each answer."""
    classes, matrix = evaluation.classes, evaluation.confusion.tolist()
    return _csv([("true", *classes), *((name, *row) for name, row in zip(classes, matrix, strict=True))])


def classes_csv(evaluation: Evaluation) -> str:
    """One row for each class: its images, its answers, precision, recall, F1; empty where undefined."""
    rows = [
        (name, one.images, one.answers, *map(_number, (one.precision, one.recall, one.f1)))
        for name, one in zip(evaluation.classes, class_figures(evaluation.confusion), strict=True)
    ]
    return _csv([(noun(evaluation.classes), "images", "answers", "precision", "recall", "f1"), *rows])


def _number(value: float) -> str:
    return "" if isnan(value) else f"{value:.6f}"


def _csv(rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()
