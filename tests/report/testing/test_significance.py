"""Tests between networks, compared with SciPy, with all outcomes listed, and with Holm's definition."""

from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binomtest

from MNIST.report.testing.significance import Pair, compare_pairs, holm, mcnemar, p_text


@given(st.integers(0, 3000), st.integers(0, 3000))
@example(21, 1054)
def test_mcnemars_p_is_scipys_binomial(only_first, only_second):
    if only_first + only_second:
        judged = binomtest(only_first, only_first + only_second).pvalue
        # SciPy says 0 for some values far above the smallest float, such as 3.7e-280 (21 against 1,054).
        assert mcnemar(only_first, only_second) == pytest.approx(judged, rel=1e-9, abs=1e-200)


@pytest.mark.parametrize(("only_first", "only_second"), [(0, 1), (1, 4), (5, 3), (0, 9), (6, 6)])
def test_mcnemars_p_counts_the_outcomes_that_are_as_uneven(only_first, only_second):
    images = only_first + only_second
    uneven = abs(only_first - only_second)
    outcomes = [abs(2 * sum(coins) - images) >= uneven for coins in product((0, 1), repeat=images)]
    assert mcnemar(only_first, only_second) == pytest.approx(sum(outcomes) / len(outcomes))


def test_where_no_image_parts_two_networks_nothing_does():
    assert mcnemar(0, 0) == 1
    assert mcnemar(10_000, 0) == 0  # below the smallest float
    assert str(Pair("A", "B", 0, 0, 1.0)) == "A and B answer the very same images right."


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.001, 0.999))
def test_holm_rejects_step_by_step(p_values, level):
    """Compare the smallest p with level / m, the next with level / (m - 1), and so on until one fails."""
    corrected = holm(p_values)
    rejected = set()
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[place] * (len(p_values) - rank) > level:
            break
        rejected.add(place)
    assert {place for place, p in enumerate(corrected) if p <= level} == rejected
    assert all(old <= new <= 1 for old, new in zip(p_values, corrected, strict=True))


def test_pairs_are_counted_and_told_in_words():
    right = np.ones((3, 200), bool)
    right[0, :31] = False
    right[1, 31 : 31 + 43] = False
    right[2, :120] = False
    first, second, third = compare_pairs(["B", "A", "C"], right)
    assert (first.only_first, first.only_second, second.only_first, second.only_second) == (43, 31, 89, 0)
    assert first.p == pytest.approx(binomtest(43, 74).pvalue)  # the largest of the three is left uncorrected
    assert str(first) == (
        "B answers 43 images right that A gets wrong, A 31 that B gets wrong: not distinguishable (p = 0.20)."
    )
    assert third.distinguishable
    assert "distinguishable (p < 0.0001)." in str(second)
    assert str(Pair("A", "B", 0, 1, 0.5)).startswith("B answers 1 image right that A gets wrong, A 0 that B")


@pytest.mark.parametrize(
    ("p", "text"), [(1.0, "p = 1.00"), (0.2049, "p = 0.20"), (0.00312, "p = 0.0031"), (1e-9, "p < 0.0001")]
)
def test_p_as_text(p, text):
    assert p_text(p) == text
