"""What the rows of a table are judged by, and how its numbers are shown."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from MNIST.report.percentages import percent_text


@dataclass(frozen=True)
class Goal:
    """A metric that says how good a row is.

    column: its name among the metrics. label: its name in words. percent: whether it is a proportion, shown
    in percent. lower: whether the lowest number is the best.
    """

    column: str = "val_accuracy"
    label: str = "validation accuracy"
    percent: bool = True
    lower: bool = False

    def shown(self, metrics: Mapping[str, np.ndarray]) -> np.ndarray:
        """The numbers as pictures show them, float (rows,): in percent, or as they are."""
        return np.asarray(metrics[self.column], float) * (100 if self.percent else 1)

    def merit(self, numbers: float | np.ndarray) -> np.ndarray:
        """The numbers such that the highest is the best, float of the same shape."""
        return np.asarray(numbers, float) * (-1 if self.lower else 1)

    @property
    def axis(self) -> str:
        """The label of an axis."""
        return f"{self.label} (%)" if self.percent else self.label

    @property
    def missing(self) -> str:
        """What is said where no row has this metric."""
        return f"No combination has a {self.label}."

    def text(self, number: float) -> str:
        """One of the numbers as the metrics have them, in a text."""
        return percent_text(number) if self.percent else f"{number:.5g}"


ACCURACY = Goal()
