"""Families: networks that differ in nothing but their seed. Together they show what a text reaches."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import fmean, stdev

from MNIST.report.percentages import percent_text
from MNIST.report.testing.alike import identical
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.significance import LEVEL, holm, p_text
from MNIST.words import counted


@dataclass(frozen=True)
class Family:
    """At least two networks of a family, and the accuracy of each on the same images.

    images: how many these are. namesake: whether another family's networks have the same names but for their
    numbers.
    """

    members: tuple[str, ...]
    accuracies: tuple[float, ...]
    images: int
    namesake: bool = False

    @property
    def name(self) -> str:
        """What all names are without a number at the end: net for net_0 to net_9; but no namesake's name."""
        names = _without_numbers(self.members)
        if len(names) == 1 and not self.namesake:
            return names.pop()
        return f"{self.members[0]} and {len(self.members) - 1} more"

    @property
    def mean(self) -> float:
        return fmean(self.accuracies)

    @property
    def deviation(self) -> float:
        """The standard deviation of the accuracies, as an estimate from this sample."""
        return stdev(self.accuracies)

    @property
    def spread(self) -> float:
        """The deviation to judge by: at least one image, because accuracies come in such steps.

        Two seeds that get equally many right do not show that all seeds would.
        """
        return max(self.deviation, 1 / self.images)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean under all seeds, by Student's t; within [0, 1].

        It is that of these test images; other images would differ too.
        """
        from scipy.special import stdtrit  # Student's t; scipy.stats takes half a second to import

        seeds = len(self.members)
        margin = float(stdtrit(seeds - 1, 0.975)) * self.spread / sqrt(seeds)
        return max(0.0, self.mean - margin), min(1.0, self.mean + margin)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.name}, {counted(len(self.members), 'seed')}: mean accuracy {percent_text(self.mean)}"
            f" (95 % interval {low * 100:.2f} to {percent_text(high)}),"
            f" standard deviation {self.deviation * 100:.2f}"
        )


@dataclass(frozen=True)
class FamilyPair:
    """Two families, the better one first. p: Welch's, corrected by Holm's method for all pairs together."""

    better: Family
    worse: Family
    p: float

    def __str__(self) -> str:
        apart = (self.better.mean - self.worse.mean) * 100
        verdict = "distinguishable" if self.p < LEVEL else "not distinguishable"
        return (
            f"{self.better.name} is better than {self.worse.name} by {apart:.2f} points in the mean:"
            f" {verdict} ({p_text(self.p)})."
        )


def families(evaluations: Iterable[Evaluation]) -> list[Family]:
    """The families of which at least two networks were evaluated, in the order of their first members.

    Identical networks count once: they are copies, and no sample of seeds.
    """
    evaluations = list(evaluations)
    copies = {name for names in identical(evaluations) for name in names[1:]}
    members: dict[str, list[Evaluation]] = {}
    for evaluation in evaluations:
        if evaluation.name not in copies:
            members.setdefault(evaluation.family or evaluation.name, []).append(evaluation)
    found = {tuple(one.name for one in some): some for some in members.values() if len(some) > 1}
    short = [name for names in found for name in _without_numbers(names)]
    return [
        Family(
            names,
            tuple(one.accuracy for one in some),
            some[0].images,
            namesake=any(short.count(name) > 1 for name in _without_numbers(names)),
        )
        for names, some in found.items()
    ]


def _without_numbers(names: Iterable[str]) -> set[str]:
    return {re.sub(r"[_-]?\d+$", "", name) for name in names} - {""}


def compare_families(found: Sequence[Family]) -> list[FamilyPair]:
    """Compare the mean accuracies of every two families.

    Source: Welch, The generalization of "Student's" problem when several different population variances are
    involved (1947). Student's own test would need equal variances.
    """
    pairs = [sorted(pair, key=lambda one: -one.mean) for pair in combinations(found, 2)]
    corrected = holm([_welch(better, worse) for better, worse in pairs])
    return [FamilyPair(better, worse, p) for (better, worse), p in zip(pairs, corrected, strict=True)]


def summary(pairs: Sequence[FamilyPair]) -> str:
    """How many pairs of families can be told apart, in words."""
    apart = sum(pair.p < LEVEL for pair in pairs)
    return f"{apart:,} of {counted(len(pairs), 'pair')} of texts are distinguishable in the mean."


def _welch(better: Family, worse: Family) -> float:
    """The p of Welch's t-test, with the degrees of freedom of the same paper."""
    from scipy.special import stdtr  # Student's t; scipy.stats takes half a second to import

    # The variance of each mean, and the degrees of freedom of that.
    variances = [(one.spread**2 / len(one.members), len(one.members) - 1) for one in (better, worse)]
    together = sum(variance for variance, _ in variances)
    freedom = together**2 / sum(variance**2 / of_its_own for variance, of_its_own in variances)
    return float(2 * stdtr(freedom, -(better.mean - worse.mean) / sqrt(together)))
