"""Tests of whether two networks differ, or whether chance alone could explain the difference.

All networks answer the same images, so only the images count that one answers right and the other wrong.
The tests compare two trained networks; they say nothing about trainings with other seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from MNIST.words import counted

LEVEL = 0.05  # two networks are distinguishable if p is below this


@dataclass(frozen=True)
class Pair:
    """Two networks. only_first, only_second: how many images only that one answers right.

    p: McNemar's p-value, corrected by Holm's method for all pairs compared together.
    """

    first: str
    second: str
    only_first: int
    only_second: int
    p: float

    @property
    def distinguishable(self) -> bool:
        return self.p < LEVEL

    def __str__(self) -> str:
        """The pair in one sentence, the better one first."""
        if not self.only_first + self.only_second:
            return f"{self.first} and {self.second} answer the very same images right."
        (better, more), (worse, fewer) = sorted(
            [(self.first, self.only_first), (self.second, self.only_second)], key=lambda one: -one[1]
        )
        verdict = "distinguishable" if self.distinguishable else "not distinguishable"
        return (
            f"{better} answers {counted(more, 'image')} right that {worse} gets wrong,"
            f" {worse} {fewer:,} that {better} gets wrong: {verdict} ({p_text(self.p)})."
        )


def compare_pairs(names: Sequence[str], correct: np.ndarray) -> list[Pair]:
    """Compare every pair of networks. correct: bool (networks, images), whether each answer is correct."""
    pairs = list(combinations(range(len(names)), 2))
    alone = [(int((correct[a] & ~correct[b]).sum()), int((correct[b] & ~correct[a]).sum())) for a, b in pairs]
    corrected = holm([mcnemar(*counts) for counts in alone])
    return [
        Pair(names[a], names[b], *counts, p)
        for (a, b), counts, p in zip(pairs, alone, corrected, strict=True)
    ]


def mcnemar(only_first: int, only_second: int) -> float:
    """The probability of a split at least this uneven if both networks were equally likely to be right.

    It is exact: that of a fair coin, thrown once for each image that only one of them answers right.
    Source: McNemar, Note on the sampling error of the difference between correlated proportions (1947).
    """
    parting, fewer = only_first + only_second, min(only_first, only_second)
    tail, ways = 0, 1  # ways: comb(parting, heads), from one number of heads to the next
    for heads in range(fewer + 1):
        tail += ways
        ways = ways * (parting - heads) // (heads + 1)
    return min(1.0, 2 * tail / 2**parting)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected so that a false alarm among all of them is as rare as in a single test.

    Source: Holm, A simple sequentially rejective multiple test procedure (1979).
    """
    corrected, largest = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected


def p_text(p: float) -> str:
    """A p-value for readers: p = 0.20, p = 0.0031, p < 0.0001."""
    if p < 0.0001:
        return "p < 0.0001"
    if p < 0.01:
        return f"p = {p:.4f}"
    return f"p = {p:.2f}" if abs(p - LEVEL) > 0.005 else f"p = {p:.3f}"
