"""Statistics of a classifier's answers, against SciPy, scikit-learn and the definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics

from MNIST.report.metrics import confusion_matrix, surest_errors, wilson_interval


@given(st.integers(1, 10_000), st.data())
def test_the_wilson_interval_is_scipys(trials, data):
    successes = data.draw(st.integers(0, trials))
    judged = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    low, high = wilson_interval(successes, trials)
    assert (low, high) == pytest.approx((judged.low, judged.high), abs=1e-12)
    assert 0 <= low <= high <= 1


def test_an_impossible_proportion_is_a_programming_mistake():
    for successes, trials in ((1, 0), (-1, 3), (4, 3)):
        with pytest.raises(ValueError, match="trials"):
            wilson_interval(successes, trials)


def test_the_confusion_matrix_is_scikit_learns():
    generator = np.random.default_rng(0)
    y_true = generator.integers(0, 10, 500).astype(np.uint8)  # as labels come: 10 · 9 + 9 must not overflow
    y_pred = generator.integers(0, 10, 500)
    judged = metrics.confusion_matrix(y_true, y_pred, labels=range(10))
    assert np.array_equal(confusion_matrix(y_true, y_pred), judged)


def test_the_surest_error_comes_first():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    assert list(surest_errors(np.array([1, 0, 1, 1]), probabilities)) == [0, 1, 2]
