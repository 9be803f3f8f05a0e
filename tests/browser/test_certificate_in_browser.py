"""A certificate in a real browser: same weights, images and dropout masks, same numbers as in Python.

In float32 one rounding is 6e-8 of a number; through twenty layers and sums over a batch, 1e-5 of the largest
value of each array is left. The numpy engine computes in float64.
"""

from pathlib import Path

import numpy as np
import pytest
from engine_page import ask, open_engine, posed, problem_data
from examples import slowly

from MNIST import certify
from MNIST.language import optimizers

EVERYTHING = (Path(__file__).parents[1] / "certify" / "everything.txt").read_text(encoding="utf-8")
TOLERANCE = 1e-5

OPTIMIZERS = {
    "SGD": "SGD,0.1,decay=0.01",
    "Momentum": "Momentum,0.1",
    "Nesterov": "Nesterov,0.1,momentum=0.8",
    "RMSprop": "RMSprop,0.001,rho=0.8",
    "RMSprop with momentum": "RMSprop,0.001,rho=0.8,momentum=0.7",
    "Adam": "Adam,0.003,beta1=0.8",
    "AdamW": "AdamW,0.003,weight_decay=0.1",
    "Adagrad": "Adagrad,0.01",
}
# Where squares are tiny, RMSprop makes much of what rounding does, and momentum adds it up: a small rate.
FOR_EVERYTHING = OPTIMIZERS | {"RMSprop with momentum": "RMSprop,0.0001,rho=0.8,momentum=0.7"}
SMALL = """Layers:
Conv,3,5,5,relu,stride=3
BatchNorm
Flatten
Dropout,0.2
Dense,10,softmax
Optimizer:
{}
1
8
"""


@pytest.fixture(scope="module")
def page(modules):
    return open_engine(modules)


@pytest.fixture(scope="module")
def everything():
    """The problem of everything.txt with an optimizer, and the numpy engine's answer."""

    def of(optimizer):
        text = EVERYTHING.replace("Adam,0.003", optimizer)
        problem = posed(text, seed=2)
        return text, problem, certify.answer(problem, "numpy")

    return of


def _refuse_strays(found, expected):
    """Fail if a number is farther from the expected one than TOLERANCE of the largest of its array.

    A gradient that is 0 but for rounding is exactly 0 here: that of a bias whose shift BatchNorm takes away.
    """
    assert found["loss"] == pytest.approx(expected.loss, rel=TOLERANCE)
    largest = max(np.abs(each).max() for each in expected.gradients.values())
    for place in ("gradients", "first", "last"):
        assert found[place].keys() == getattr(expected, place).keys()
        for name, each in getattr(expected, place).items():
            numbers = found[place][name].reshape(each.shape)
            if place == "gradients" and np.abs(each).max() < 1e-12 * largest:
                assert not numbers.any(), name
            else:
                atol = TOLERANCE * np.abs(each).max()
                np.testing.assert_allclose(numbers, each, rtol=0, atol=atol, err_msg=f"{place}: {name}")


@pytest.mark.parametrize("optimizer", ["Adam,0.003", *slowly(FOR_EVERYTHING.values())])
def test_everything(optimizer, page, everything):
    text, problem, expected = everything(optimizer)
    _refuse_strays(ask(page, "answer", problem=problem_data(problem, text)), expected)


def test_no_optimizer_is_left_out():
    follow_gradients = {name for name, kind in optimizers.OPTIMIZERS.items() if kind.follows_gradients}
    assert {line.split(",")[0] for line in OPTIMIZERS.values()} == follow_gradients


@pytest.mark.parametrize("line", OPTIMIZERS.values(), ids=list(OPTIMIZERS))
def test_every_optimizer(line, page):
    text = SMALL.format(line)
    problem = posed(text)
    found = ask(page, "answer", problem=problem_data(problem, text))
    _refuse_strays(found, certify.answer(problem, "numpy"))


@pytest.mark.parametrize("drawn", [True, False], ids=["draws given", "draws of its own"])
def test_the_same_bits_for_any_number_of_workers_and_without_simd(drawn, page, everything):
    text, problem, _ = everything("Adam,0.003")
    data = problem_data(problem, text, drawn=drawn)
    one, *others = (
        ask(page, "answer", problem=data, count=count, which=which)
        for count, which in [(1, "simd"), (2, "simd"), (4, "simd"), (8, "simd"), (1, "plain")]
    )
    for other in others:
        np.testing.assert_equal(other, one)


def test_few_images_leave_some_leaves_without_any(page):
    text = SMALL.format("Adam,0.01")
    problem = posed(text, batch=3)
    one = ask(page, "answer", problem=problem_data(problem, text))
    _refuse_strays(one, certify.answer(problem, "numpy"))
    np.testing.assert_equal(ask(page, "answer", problem=problem_data(problem, text), count=4), one)
