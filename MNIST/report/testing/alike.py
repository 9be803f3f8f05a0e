"""Of many networks: a ranking, which of them cannot be told apart, and which are identical.

Two networks can be told apart if McNemar's test, corrected by Holm for all pairs, says so. That they cannot
does not mean that they are equally good: more images might part them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.significance import Pair


def ranking(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """The networks, the one with the fewest errors first; of several, the one with the lowest loss."""
    return sorted(evaluations, key=lambda one: (one.errors, one.loss))


def identical(evaluations: Sequence[Evaluation]) -> list[list[str]]:
    """Groups of networks that give every image the same probabilities, bit for bit; the names of each."""
    groups: dict[bytes, list[str]] = {}
    for one in evaluations:
        digest = hashlib.sha256(one.probabilities.tobytes()).digest()
        groups.setdefault(digest, []).append(one.name)
    return [names for names in groups.values() if len(names) > 1]


def identical_text(names: Sequence[str]) -> str:
    """A group of `identical` in a sentence."""
    *others, last = names
    together = f"{', '.join(others)} and {last}"
    return f"{together} are identical: the same probabilities for every image, to the last bit."


@dataclass(frozen=True)
class Standing:
    """How each network of a ranking stands to the others.

    names: the best first. alike: of each, the names of those that it cannot be told apart from, the best
    first. runs: the first and the last place, from 0, of networks that follow one another in the ranking and
    of which no two can be told apart; each run is as long as possible.
    """

    names: tuple[str, ...]
    alike: dict[str, tuple[str, ...]]
    runs: tuple[tuple[int, int], ...]

    @property
    def apart(self) -> int:
        """How many pairs can be told apart."""
        return self.pairs - sum(map(len, self.alike.values())) // 2

    @property
    def pairs(self) -> int:
        return len(self.names) * (len(self.names) - 1) // 2

    def sentences(self) -> list[str]:
        """What the first of the ranking can claim, in words."""
        best, others = self.names[0], len(self.names) - 1
        first, last = self.runs[0] if self.runs else (0, 0)
        alike = len(self.alike[best])
        found = [f"{self.apart:,} of {self.pairs:,} pairs can be told apart."]
        if first == 0 and last > 0:
            found.append(
                f"The first {last + 1} of the ranking cannot be told apart: chance alone may explain the"
                " difference between any two of them."
            )
        if alike < others:
            who = f"the other {others}" if not alike else f"{others - alike} of the other {others}"
            found.append(f"{best}, the first, can be told apart from {who}.")
        return found

    def of(self, name: str) -> str:
        """A network's place in the ranking, and how it stands to the others, in words."""
        alike, others = self.alike[name], len(self.names) - 1
        place = f"Number {self.names.index(name) + 1} of {len(self.names)}, by errors."
        if not alike:
            return f"{place} It can be told apart from all others."
        if len(alike) == others:
            return f"{place} It cannot be told apart from any other."
        return (
            f"{place} It can be told apart from {others - len(alike)} of the other {others}, but not from"
            f" {', '.join(alike)}."
        )


def standing(ranked: Sequence[Evaluation], pairs: Sequence[Pair]) -> Standing:
    """How the networks of a ranking stand to one another. pairs: all pairs of them, in any order."""
    names = tuple(one.name for one in ranked)
    place = {name: index for index, name in enumerate(names)}
    alike: dict[str, set[int]] = {name: set() for name in names}
    begin = [0] * len(names)  # of the run that ends at each place
    for pair in pairs:
        first, second = sorted((place[pair.first], place[pair.second]))
        if pair.distinguishable:
            begin[second] = max(begin[second], first + 1)
        else:
            alike[names[first]].add(second)
            alike[names[second]].add(first)
    for index in range(1, len(names)):
        begin[index] = max(begin[index], begin[index - 1])
    ends = [end for end in range(len(names)) if end + 1 == len(names) or begin[end + 1] > begin[end]]
    return Standing(
        names,
        {name: tuple(names[index] for index in sorted(others)) for name, others in alike.items()},
        tuple((begin[end], end) for end in ends if end > begin[end]),
    )
