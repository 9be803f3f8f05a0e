"""Calibration: when a network is 99 % sure of an answer, is it right 99 % of the time?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from MNIST.report.colours import BLUE, GREY, ORANGE
from MNIST.report.intervals import wilson_interval
from MNIST.report.percentages import percent_text
from MNIST.report.png import figure_png
from MNIST.words import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOUBTS = (1.0, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0)
"""The doubts (1 − sureness) that limit the twelve bins.

A network that is right on 99 % of the images is more than 99 % sure of nearly all its answers. Bins of equal
width would put all of these into one bin and a handful into each of the others. Bins of equal size would put
all doubtful answers, which matter, into one bin, and answers that cannot be told from 100 % into the eleven
others. Steps that halve the doubt, more or less, avoid both.
"""
EDGE = 0.0005  # in the diagram, smaller doubts and error rates are drawn at the edge
TICKS = (0.9, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, EDGE)


@dataclass(frozen=True)
class Bin:
    """The answers whose sureness lies between two of the limits, the upper one included.

    sureness: the mean probability of the answers; accuracy: the part that is correct; both in [0, 1].
    """

    images: int
    correct: int
    sureness: float

    @property
    def accuracy(self) -> float:
        return self.correct / self.images


@dataclass(frozen=True)
class Calibration:
    """How sure a network is, and how often right. bins: those that have images, the least sure first."""

    bins: tuple[Bin, ...]

    @property
    def images(self) -> int:
        return sum(one.images for one in self.bins)

    @property
    def accuracy(self) -> float:
        return sum(one.correct for one in self.bins) / self.images

    @property
    def sureness(self) -> float:
        """The mean probability of all answers."""
        return sum(one.images * one.sureness for one in self.bins) / self.images

    @property
    def error(self) -> float:
        """The expected calibration error: |accuracy − sureness| of an image's bin, averaged over images.

        Source: Guo, Pleiss, Sun and Weinberger (2017), On Calibration of Modern Neural Networks,
        arXiv:1706.04599.
        """
        return sum(one.images * abs(one.accuracy - one.sureness) for one in self.bins) / self.images

    def __str__(self) -> str:
        """The numbers in words."""
        low, high = wilson_interval(sum(one.correct for one in self.bins), self.images)
        if low <= self.sureness <= high:
            verdict = "as sure as it should be, as far as so many images can tell"
        else:
            verdict = "surer than it should be" if self.sureness > high else "less sure than it might be"
        return (
            f"On average it is {percent_text(self.sureness)} sure of its answers, and"
            f" {percent_text(self.accuracy)} of them are right: it is {verdict}. Its expected"
            f" calibration error is {self.error * 100:.2f} percentage points: so far is its"
            f" sureness from the truth, on average over the images."
        )

    def example(self) -> str:
        """How to read the diagram, explained by the dot with the most errors."""
        dot = max(self.bins, key=lambda one: one.images - one.correct)
        return (
            "Each dot stands for answers that were about equally sure:"
            f" the one of {counted(dot.images, 'answer')} says that they were"
            f" {percent_text(dot.sureness)} sure on average, and {percent_text(dot.accuracy)} of them right."
            " The axes enlarge the last steps to 100 %, where most answers are."
        )


def calibrate(y_true: np.ndarray, probabilities: np.ndarray) -> Calibration:
    """Sort the answers into bins by their sureness.

    y_true: integer (n,), at least one; probabilities: float (n, classes).
    """
    sureness = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == y_true
    limits = 1 - np.array(DOUBTS[1:-1])
    bins = np.searchsorted(limits, sureness)
    there = [bins == place for place in range(len(limits) + 1) if (bins == place).any()]
    return Calibration(
        tuple(Bin(int(one.sum()), int(correct[one].sum()), float(sureness[one].mean())) for one in there)
    )


def calibration_png(calibration: Calibration, title: str) -> bytes:
    """The reliability diagram as the bytes of a PNG file."""
    return figure_png(reliability_diagram(calibration, title))


def reliability_diagram(calibration: Calibration, title: str) -> "Figure":
    """How often answers are right, by how sure the network was; both axes enlarge the last steps to 100 %."""
    from matplotlib.figure import Figure  # not pyplot: no window system, no global state

    figure = Figure(figsize=(6.4, 6.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([1, EDGE], [1, EDGE], color=GREY, linestyle="--", label="as often right as sure")
    for one in calibration.bins:
        low, high = wilson_interval(one.correct, one.images)
        doubt = [max(EDGE, 1 - one.sureness)]
        axes.plot(doubt * 2, [1 - low, max(EDGE, 1 - high)], color=BLUE, lw=2,
                  label="95 % interval")  # fmt: skip
        error = max(EDGE, 1 - one.accuracy)
        axes.plot(doubt, [error], "o", color=ORANGE, markersize=7,
                  zorder=3, label="answers about so sure, and how many")  # fmt: skip
        axes.annotate(f"{one.images:,}", (doubt[0], error), (-6, 3), textcoords="offset points", ha="right",
                      fontsize=8, color="0.3")  # fmt: skip
    for axis, scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
        scale("log")
        axis.set_ticks(TICKS, [f"{(1 - tick) * 100:.4g} %{'+' if tick == EDGE else ''}" for tick in TICKS])
        axis.set_ticks([], minor=True)
    for label in axes.get_xticklabels():
        label.set(rotation=45, ha="right", rotation_mode="anchor")
    axes.set(xlim=(1.5, EDGE / 1.2), ylim=(1.2, EDGE / 1.6), title=title)  # room for dots, and their numbers
    axes.set(xlabel="how sure it was", ylabel="how many of these answers were right")
    for x, y, words in ((0.03, 0.85, "more often right\nthan sure"), (0.68, 0.05, "surer than right")):
        axes.text(x, y, words, transform=axes.transAxes, color="0.4", style="italic")
    axes.grid(alpha=0.3)
    once = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(once.values(), once.keys(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
