"""Importance: it ranks the parameters that matter, and says so if there is nothing to find."""

import itertools
import math
import random

import numpy as np
import pytest

from MNIST.report.exploring.importance import FEWEST_POINTS, MOST_POINTS, SHUFFLES, measure_importance
from MNIST.report.exploring.pictures import PICTURES


def grid(*levels: int) -> np.ndarray:
    return np.array(list(itertools.product(*map(range, levels))), float)


def test_the_one_that_decides_has_all_the_importance():
    codes = grid(3, 4, 5, 2)
    measured = measure_importance(codes, 0.9 + 0.01 * codes[:, 2])
    assert measured.drops.shape == (4, SHUFFLES)
    assert measured.explained > 0.99
    means = measured.drops.mean(axis=1)
    assert means.argmax() == 2
    assert np.delete(means, 2) == pytest.approx(0, abs=0.01)


def test_the_order_is_that_of_a_known_response():
    codes = grid(3, 3, 3, 3)
    noise = np.random.default_rng(1).normal(0, 0.001, len(codes))
    accuracy = 0.9 + codes @ [0.003, 0, 0.02, 0.008] + noise
    assert list(np.argsort(-measure_importance(codes, accuracy).drops.mean(axis=1))) == [2, 3, 0, 1]


def test_chance_is_not_explained():
    codes = grid(3, 4, 5)
    measured = measure_importance(codes, np.random.default_rng(0).normal(0.9, 0.01, len(codes)))
    assert measured.explained < 0.2


@pytest.mark.parametrize("seed", range(5))
def test_noise_that_the_epochs_of_a_run_share_is_not_explained(seed):
    codes = grid(3, 4, 4, 3)  # the last: epochs of one run
    noise = np.repeat(np.random.default_rng(seed).normal(0.9, 0.01, len(codes) // 3), 3)
    runs = [str(number // 3) for number in range(len(codes))]
    assert measure_importance(codes, noise).explained > 0.2  # it learns the noise by heart
    assert measure_importance(codes, noise, runs).explained < 0.05


def test_runs_that_differ_are_explained_all_the_same():
    codes = grid(3, 4, 4, 3)
    runs = [str(number // 3) for number in range(len(codes))]
    measured = measure_importance(codes, 0.9 + 0.01 * codes[:, 1] + 0.005 * codes[:, 3], runs)
    assert measured.explained > 0.9
    assert list(np.argsort(-measured.drops.mean(axis=1))[:2]) == [1, 3]


def test_where_a_parameter_does_not_matter_tells_nothing():
    """Momentum is missing under Adam; if Adam is better, the optimizer is the reason, not momentum."""
    codes = grid(2, 3, 4)  # optimizer, momentum, filters
    accuracy = 0.9 + 0.02 * codes[:, 0] + 0.005 * codes[:, 2]
    codes[codes[:, 0] == 1, 1] = np.nan
    optimizer, momentum, filters = measure_importance(codes, accuracy).drops.mean(axis=1)
    assert optimizer > filters > 10 * abs(momentum)


def test_of_many_points_a_part_is_taken_and_the_answer_is_the_same_again():
    codes = np.random.default_rng(0).integers(0, 4, (MOST_POINTS + 1000, 3)).astype(float)
    measured = measure_importance(codes, codes[:, 1])
    assert measured.points == MOST_POINTS
    assert np.array_equal(measured.drops, measure_importance(codes, codes[:, 1]).drops)


def texts(accuracy, parameters) -> str:
    figure = PICTURES["Importance"]({"val_accuracy": np.array(accuracy, float)}, parameters)
    parts = [part for axes in figure.axes for part in (*axes.texts, *axes.get_yticklabels(), axes.title)]
    return "\n".join([*(part.get_text() for part in parts), *(axes.get_xlabel() for axes in figure.axes)])


def test_the_picture_names_the_parameters_best_first_and_says_what_is_explained():
    rows = list(itertools.product(["Adam", "SGD"], [0.1, 0.2, 0.3], [16, 32, 64, 128]))
    random.Random(0).shuffle(rows)
    parameters = dict(zip(["opt", "dropout", "conv"], zip(*rows, strict=True), strict=True))
    accuracy = [0.5 + 0.1 * (opt == "Adam") + 0.02 * math.log2(conv) for opt, _, conv in rows]
    said = texts(accuracy, parameters)
    assert said.index("opt") < said.index("conv") < said.index("dropout")
    assert "of the variance of points it has not seen" in said
    assert "24 combinations" in said


@pytest.mark.parametrize(
    ("accuracy", "values", "reason"),
    [
        ([0.1] * 3, [1, 2, 3], "Too few"),
        ([0.1, math.nan] * (FEWEST_POINTS - 1), [1, 2] * (FEWEST_POINTS - 1), "No parameter"),
        ([*range(FEWEST_POINTS - 1), *[math.nan] * 9], list(range(FEWEST_POINTS + 8)), "Too few"),
        ([0.1] * 20, list(range(20)), "the same validation accuracy"),
    ],
)
def test_where_nothing_can_be_told_the_picture_says_so(accuracy, values, reason):
    assert reason in texts(accuracy, {"conv": values})


@pytest.mark.parametrize("values", [["a", ""] * 10 + ["b"] * 4, [1e300, -1e300, math.inf, math.nan] * 6])
def test_odd_values_are_places_in_an_order(values):
    assert "conv" in texts(np.linspace(0, 1, 24), {"conv": values})
