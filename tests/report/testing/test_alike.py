"""Rankings of many networks: which cannot be told apart, and which are identical, found another way."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from MNIST.report.testing.alike import identical, ranking, standing
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.ranking_plot import LONGEST, ranking_plot
from MNIST.report.testing.significance import Pair

DIGITS = tuple("0123456789")


def evaluation(name, correct, images=200):
    labels = np.zeros(images, np.int64)
    probabilities = np.eye(10)[(np.arange(images) >= correct).astype(int)]
    return Evaluation(name, "numpy", 1, 0.5, labels, probabilities, DIGITS, np.arange(images))


@given(st.lists(st.booleans(), min_size=28, max_size=28), st.permutations(range(28)))
def test_runs_are_the_longest_in_which_no_pair_is_distinguishable(apart, order):
    ranked = [evaluation(f"net_{place}", 190 - place) for place in range(8)]
    couples = list(combinations(range(8), 2))
    distinct = {couple for couple, is_apart in zip(couples, apart, strict=True) if is_apart}
    pairs = [
        Pair(f"net_{b}", f"net_{a}", 0, 1, 0.01 if (a, b) in distinct else 0.5)
        for a, b in (couples[place] for place in order)
    ]
    found = standing(ranked, pairs)
    free = {(a, b) for a, b in couples if not distinct & set(combinations(range(a, b + 1), 2))}
    assert set(found.runs) == {
        (a, b) for a, b in free if not any(c <= a and b <= d and (c, d) != (a, b) for c, d in free)
    }
    assert found.apart == len(distinct)
    for place in range(8):
        others = [other for other in range(8) if {(place, other), (other, place)} & (set(couples) - distinct)]
        assert found.alike[f"net_{place}"] == tuple(f"net_{other}" for other in others)


def test_the_ranking_in_words():
    ranked = ranking([evaluation("worst", 100), evaluation("best", 190), evaluation("second", 185)])
    names = [one.name for one in ranked]
    assert names == ["best", "second", "worst"]
    p = {("best", "second"): 0.3, ("best", "worst"): 0.001, ("second", "worst"): 0.04}
    stands = standing(ranked, [Pair(*couple, 5, 0, p[couple]) for couple in p])
    assert " ".join(stands.sentences()) == (
        "2 of 3 pairs can be told apart. The first 2 of the ranking cannot be told apart: chance alone may"
        " explain the difference between any two of them. best, the first, can be told apart from 1 of the"
        " other 2."
    )
    assert stands.of("second") == (
        "Number 2 of 3, by errors. It can be told apart from 1 of the other 2, but not from best."
    )
    assert stands.of("worst") == "Number 3 of 3, by errors. It can be told apart from all others."


def test_identical_networks_are_those_with_the_same_probabilities():
    nearly = evaluation("c", 150)
    nearly.probabilities[0, 0] = np.nextafter(1, 0)
    some = [evaluation("a", 150), nearly, evaluation("b", 150), evaluation("d", 151)]
    assert identical(some) == [["a", "b"]]


def test_the_picture_holds_perfect_and_hopeless_networks_and_long_names():
    ranked = [evaluation("x" * 64, 200), evaluation("b", 199), evaluation("c", 0)]
    stands = standing(ranked, [Pair(a.name, b.name, 0, 0, 1.0) for a, b in combinations(ranked, 2)])
    plot = ranking_plot(ranked, stands)
    for row in plot.rows:
        assert plot.left <= row.low <= row.middle <= row.high <= plot.right
        assert len(row.shown) <= LONGEST
    assert len(plot.ticks) > 2
    assert all(0 < first < last < plot.height and x < plot.width for x, first, last in plot.lines)
