"""Statistics of a classifier's answers, compared with SciPy, scikit-learn and the definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics

from MNIST.report.intervals import difference_interval, wilson_interval
from MNIST.report.testing.metrics import class_figures, confusion_matrix, surest_errors


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
    y_true = generator.integers(0, 10, 500).astype(np.uint8)  # as labels: 10 · 9 + 9 must not overflow
    y_pred = generator.integers(0, 10, 500)
    judged = metrics.confusion_matrix(y_true, y_pred, labels=range(10))
    assert np.array_equal(confusion_matrix(y_true, y_pred, 10), judged)


def test_the_surest_error_comes_first():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
    assert list(surest_errors(np.array([1, 0, 1, 1]), probabilities)) == [0, 1, 2]


@given(st.integers(0, 1000), st.integers(1, 60))
def test_the_surest_errors_are_all_errors_in_order(seed, images):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 10, images)
    probabilities = generator.dirichlet(np.full(10, 0.3), images)
    listed = surest_errors(labels, probabilities)
    by_hand = [(max(row), number) for number, row in enumerate(probabilities.tolist())
               if row.index(max(row)) != labels[number]]  # fmt: skip
    assert sorted(listed.tolist()) == sorted(number for _, number in by_hand)
    sureness = probabilities[listed].max(axis=1).tolist()
    assert sureness == sorted((sure for sure, _ in by_hand), reverse=True)


@given(st.integers(0, 1000), st.integers(1, 60))
def test_precision_recall_and_f1_are_scikit_learns(seed, images):
    generator = np.random.default_rng(seed)
    y_true, y_pred = generator.integers(0, 10, (2, images))  # with few images, some classes have none
    figures = class_figures(confusion_matrix(y_true, y_pred, 10))
    judged = metrics.precision_recall_fscore_support(y_true, y_pred, labels=range(10), zero_division=np.nan)
    columns = [[getattr(one, name) for one in figures] for name in ("precision", "recall", "f1", "images")]
    for ours, theirs in zip(columns, judged, strict=True):
        np.testing.assert_allclose(ours, theirs)
    assert [one.answers for one in figures] == np.bincount(y_pred, minlength=10).tolist()


@pytest.mark.parametrize(
    ("counts", "interval"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((6, 7, 2, 7), (0.0582, 0.8062)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((10, 10, 0, 10), (0.6075, 1.0)),
    ],
)
def test_the_interval_of_a_difference_is_that_of_newcombes_table(counts, interval):
    assert difference_interval(*counts) == pytest.approx(interval, abs=5e-5)
