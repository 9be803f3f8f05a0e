"""Finite differences: right where the loss is smooth, silent at a kink, and never fooled."""

from collections.abc import Callable

import numpy as np
import pytest

from MNIST import certify
from MNIST.certify import differences
from MNIST.certify.differences import TOLERANCE, judge
from MNIST.data.digits import make_digits
from MNIST.language import lay_out, parse_spec

TEXT = "Layers:\nConv,4,5,5,relu,stride=3\nFlatten\nDense,10,softmax\nOptimizer:\n0.001,0\n1\n8\n"


@pytest.fixture(scope="module")
def problem() -> certify.Problem:
    images, labels, _, _ = make_digits()
    return certify.pose(lay_out(parse_spec(TEXT)), images[:8], labels[:8])


class _Function:
    """A function of one number, which replaces the loss as a function of one entry."""

    def __init__(self, function: Callable[[float], float]) -> None:
        self.loss = function


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (lambda x: 3 * x + 1, 3.0),
        (lambda x: np.exp(2 * x), 2.0),
        (lambda x: abs(x - 1), -1.0),  # a kink, but far away
        (lambda x: 1 + max(x, 0.0), None),  # a kink exactly here
        (lambda x: 1 + max(x - 0.2e-5, 0.0), None),
        (lambda x: 1 + max(x - 0.333e-5, 0.0), None),
        (lambda x: 1 + max(x - 0.7e-5, 0.0), None),
        (lambda x: 1 + max(-x - 0.5e-5, 0.0), None),
    ],
)
def test_a_slope_is_exact_or_not_there(function: Callable[[float], float], slope: float | None) -> None:
    found = differences._slope(_Function(function), function(0.0), step=1e-5, scale=1.0)
    assert found == (None if slope is None else pytest.approx(slope, rel=TOLERANCE))


def test_gradients_agree_and_kinks_are_counted(problem: certify.Problem) -> None:
    judged = judge(problem, "numpy", entries=3)
    assert judged.keys() == {"conv_1/kernel", "conv_1/bias", "dense_3/kernel", "dense_3/bias"}
    for name, each in judged.items():
        assert each.difference is not None, name
        assert each.difference <= TOLERANCE, name
    # Where the image is black, a relu behind a bias of exactly 0 is at its kink: so are two biases.
    assert (judged["conv_1/bias"].entries, judged["conv_1/bias"].kinks) == (2, 2)
    assert judged["dense_3/bias"] == differences.Judged(judged["dense_3/bias"].difference, 3, 0)


def test_one_difference_that_is_no_number_counts(problem, monkeypatch: pytest.MonkeyPatch) -> None:
    slopes = iter([0.0, np.nan])
    monkeypatch.setattr(differences, "_slope", lambda *_: next(slopes, 0.0))
    assert np.isnan(judge(problem, "numpy", entries=2)["conv_1/kernel"].difference)


def test_a_wrong_gradient_is_found_by_itself(problem: certify.Problem, wrong_engine: str) -> None:
    judged = judge(problem, "wrong", entries=1)
    wrong = [name for name, each in judged.items() if (each.difference or 0) > TOLERANCE]
    assert wrong == [wrong_engine]
    assert judged[wrong_engine].difference == pytest.approx(2)
