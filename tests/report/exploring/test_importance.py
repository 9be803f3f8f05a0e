"""Importance: it ranks the parameters that matter, and says so if there is nothing to find."""

import itertools
import math
import random
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex

from MNIST.report.colours import GREY
from MNIST.report.exploring.importance import (
    FEWEST_POINTS,
    FOLDS,
    MOST_POINTS,
    REPEATS,
    measure_importance,
)
from MNIST.report.exploring.networks import networks_of
from MNIST.report.exploring.pictures import PICTURES


def grid(*levels: int) -> np.ndarray:
    return np.array(list(itertools.product(*map(range, levels))), float)


def test_the_one_that_decides_has_all_the_importance():
    codes = grid(3, 4, 5, 2)
    measured = measure_importance(codes, 0.9 + 0.01 * codes[:, 2])
    assert measured.drops.shape == (4, REPEATS * FOLDS)
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
    runs = np.arange(len(codes)) // 3
    noise = np.random.default_rng(seed).normal(0.9, 0.01, len(codes) // 3)[runs]
    assert measure_importance(codes, noise).explained > 0.2  # it learns the noise by heart
    assert measure_importance(codes, noise, runs).explained < 0.05


# Sizes of grids, and how many rows each network has: epochs of one run, or other seeds.
GRIDS = [((3, 4), 1), ((2, 3, 4), 1), ((3, 4, 5), 1), ((2, 3, 4), 3), ((2, 2, 3, 4), 2)]


@pytest.mark.slow
@pytest.mark.parametrize(("levels", "rows"), GRIDS, ids=str)
def test_in_tables_of_noise_every_interval_contains_0(levels, rows):
    """The noise belongs to a network, and its rows share it, as epochs of one run and points over seeds do.

    In 5 of 100 tables an interval may lie above 0. Of 10 tables, that is 4 or more once in 1,000 times.
    """
    codes = grid(*levels, *([rows] if rows > 1 else []))
    networks = np.arange(len(codes)) // rows
    mistaken = 0
    for seed in range(10):
        noise = np.random.default_rng(seed).normal(0.9, 0.01, networks[-1] + 1)[networks]
        mistaken += not measure_importance(codes, noise, networks).is_chance()
    assert mistaken < 4


@pytest.mark.slow
@pytest.mark.parametrize(("levels", "rows"), GRIDS[2:], ids=str)
def test_an_effect_is_found_and_its_interval_contains_its_size(levels, rows):
    """One parameter makes half of the variance, noise of the networks the other half.

    Whoever knew the effect would lose twice its part of the variance, which is 1.0, when it is shuffled:
    the mean square of the difference of two independent values is twice their variance.
    """
    codes = grid(*levels, *([rows] if rows > 1 else []))
    networks = np.arange(len(codes)) // rows
    effect = (codes[:, 0] - codes[:, 0].mean()) / codes[:, 0].std()
    found = contained = 0
    for seed in range(5):
        noise = np.random.default_rng(seed).normal(0, 1, networks[-1] + 1)[networks]
        measured = measure_importance(codes, effect + noise, networks)
        low, high = measured.interval()
        found += measured.means.argmax() == 0 and low[0] > 0
        contained += low[0] <= 1 <= high[0]
    assert found >= (3 if len(np.unique(networks)) < 50 else 4)
    assert contained >= 4


def test_the_interval_is_that_of_the_corrected_resampled_t_test():
    """By hand, from Nadeau and Bengio (2003), section 3, and tables of Student's t: 19 degrees of freedom."""
    drops = np.tile([0.1, 0.3], 10)[None] + np.array([[0.0], [0.4]])
    low, high = replace(measure_importance(grid(3, 4), np.arange(12.0)), drops=drops).interval()
    half = 2.433 * 0.1 * math.sqrt(20 / 19) * math.sqrt(1 / 20 + 1 / 3)  # t for 0.05 / 2 / 2 at either end
    assert [*low, *high] == pytest.approx([0.2 - half, 0.6 - half, 0.2 + half, 0.6 + half], abs=1e-4)


def test_runs_that_differ_are_explained_all_the_same():
    codes = grid(3, 4, 4, 3)
    measured = measure_importance(
        codes, 0.9 + 0.01 * codes[:, 1] + 0.005 * codes[:, 3], np.arange(len(codes)) // 3
    )
    assert measured.explained > 0.9
    assert list(np.argsort(-measured.means)[:2]) == [1, 3]


@pytest.mark.parametrize(
    ("parameters", "runs", "expected"),
    [
        ({"rate": [1, 1, 2], "epochs": [1, 2, 1]}, None, [0, 0, 1]),
        ({"rate": [1, 1, 2], "random_state": [1, 2, 1]}, None, [0, 0, 1]),
        ({"rate": [1, 1, math.nan, math.nan], "opt": ["a", "b", "a", "a"]}, None, [0, 1, 2, 2]),
        ({"rate": [1, 2, 3, 4]}, ["x", "y", "y", "z"], [0, 1, 1, 2]),
        ({"rate": [1, 2, 3, 4]}, ["v w", "x y", "y z", "w z"], [0, 0, 0, 0]),  # a chain
        ({"units": [1, 2, 1]}, ["x", "y", "z"], [0, 1, 0]),
    ],
)
def test_rows_of_one_network_are_told_by_its_run_and_by_its_values(parameters, runs, expected):
    numbers = networks_of(parameters, len(expected), runs)
    assert [numbers.index(number) for number in numbers] == [expected.index(number) for number in expected]


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
    assert "of the variance of networks it has not seen" in said
    assert "24 combinations" in said
    assert "trusted? Yes" in said


def test_of_chance_the_picture_says_so_and_has_no_blue_bar():
    codes = grid(3, 4, 5)
    parameters = {name: codes[:, place].tolist() for place, name in enumerate(["opt", "dropout", "conv"])}
    noise = np.random.default_rng(0).normal(0.9, 0.01, len(codes))
    assert "trusted? No: chance" in texts(noise, parameters)
    figure = PICTURES["Importance"]({"val_accuracy": noise}, parameters)
    assert {to_hex(bar.get_facecolor()).upper() for bar in figure.axes[0].patches} == {GREY}


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
    assert "conv" in texts(np.linspace(0, 1, 24), {"conv": values, "units": list(range(24))})
