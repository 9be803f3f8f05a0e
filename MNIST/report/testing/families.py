"""Families: networks that differ in nothing but their seed. Together they show what a text reaches."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from statistics import fmean, stdev

from MNIST.report.percentages import percent_text
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.significance import LEVEL, holm, p_text
from MNIST.words import counted


@dataclass(frozen=True)
class Family:
    """At least two networks of a family, and the accuracy of each on the same images."""

    members: tuple[str, ...]
    accuracies: tuple[float, ...]

    @property
    def name(self) -> str:
        """What all names are without a number at the end: net for net_0 to net_9."""
        names = {re.sub(r"[_-]?\d+$", "", member) for member in self.members} - {""}
        return names.pop() if len(names) == 1 else f"{self.members[0]} and {len(self.members) - 1} more"

    @property
    def mean(self) -> float:
        return fmean(self.accuracies)

    @property
    def deviation(self) -> float:
        """The standard deviation of the accuracies, as an estimate from this sample."""
        return stdev(self.accuracies)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the mean under all seeds, by Student's t; within [0, 1].

        It is that of these test images; other images would differ too.
        """
        from scipy.stats import t

        seeds = len(self.members)
        margin = float(t.ppf(0.975, seeds - 1)) * self.deviation / sqrt(seeds)
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
    """The families of which at least two networks were evaluated, in the order of their first members."""
    members: dict[str, list[Evaluation]] = {}
    for evaluation in evaluations:
        members.setdefault(evaluation.family or evaluation.name, []).append(evaluation)
    return [
        Family(tuple(one.name for one in some), tuple(one.accuracy for one in some))
        for some in members.values()
        if len(some) > 1
    ]


def compare_families(found: Sequence[Family]) -> list[FamilyPair]:
    """Compare the mean accuracies of every two families.

    Source: Welch, The generalization of "Student's" problem when several different population variances are
    involved (1947). Student's own test would need equal variances.
    """
    pairs = [sorted(pair, key=lambda one: -one.mean) for pair in combinations(found, 2)]
    corrected = holm([_welch(better, worse) for better, worse in pairs])
    return [FamilyPair(better, worse, p) for (better, worse), p in zip(pairs, corrected, strict=True)]


def _welch(better: Family, worse: Family) -> float:
    from scipy.stats import ttest_ind

    if better.deviation == worse.deviation == 0:  # the test would divide by it
        return 1.0 if better.mean == worse.mean else 0.0
    return float(ttest_ind(better.accuracies, worse.accuracies, equal_var=False).pvalue)
