"""The diagnostic pictures: PNG files from any table, and the right correlations."""

import itertools
import math

import pytest

from MNIST.report.exploring import pictures as pictures_of_a_scan
from MNIST.report.exploring.pictures import draw_scan, rank_correlation

NAMES = ["Correlation", "Histogram", "Training", "Convolutions", "Fully_Connected", "Importance", "Front"]


def pictures(metrics, parameters) -> None:
    drawn = draw_scan(metrics, parameters)
    assert list(drawn) == NAMES
    assert all(content.startswith(b"\x89PNG") for content in drawn.values())


def test_a_grid_gives_all_pictures():
    rows = list(itertools.product([16, 32], [3, 5], [1, 2], ["Adam", "RMSprop", "SGD"], [0.001]))
    parameters = dict(zip(["conv", "kernel", "layers", "opt", "rate"], zip(*rows, strict=True), strict=True))
    accuracy = [0.9 + 0.001 * index for index in range(len(rows))]
    accuracy[3] = math.nan
    pictures({"accuracy": accuracy, "val_accuracy": accuracy, "loss": accuracy}, parameters)


@pytest.mark.parametrize("accuracy", [[0.5], [math.nan], [math.nan, 0.5], [0.5, 0.5]])
def test_little_or_nothing_to_draw_is_drawn_too(accuracy):
    pictures(
        {"val_accuracy": accuracy}, {"conv": list(range(len(accuracy))), "opt": ["$x_{"] * len(accuracy)}
    )


@pytest.mark.parametrize(
    ("y", "expected"),
    [([1, 2, 3, 4], 1), ([4, 3, 2, 1], -1), ([1, 1, 1, 1], math.nan), ([1, 2, 3, math.nan], 1)],
)
def test_rank_correlation(y, expected):
    assert rank_correlation([1, 10, 100, 1000], y) == pytest.approx(expected, nan_ok=True)


def test_rank_correlation_with_equal_values():
    assert rank_correlation([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(3 / math.sqrt(10))


def test_hostile_names_and_many_values_are_drawn():
    many = list(range(200))
    parameters = {"$conv_{": many, "dense": ["$x_{", "y" * 5000] * 100, "units": [f"{n}u" for n in many]}
    pictures({"val_accuracy": [0.001 * value for value in many]}, parameters)


def test_long_words_that_begin_alike_stay_apart(monkeypatch):
    seen = {}

    def correlation(numbers, varying, goal):
        seen.update(varying)
        return pictures_of_a_scan.correlation(numbers, varying, goal)

    monkeypatch.setitem(pictures_of_a_scan.PICTURES, "Correlation", correlation)
    values = ["(Step,every=2,factor=0.5)", "(Step,every=2,factor=0.1)", "any", ""]
    draw_scan(
        {"val_accuracy": [0.1, 0.2, 0.3, 0.4]},
        {"rate_of_the_first_convolution": [1, 2, 3, 4], "rate_of_the_first_convolutional_block": values},
    )
    first, second = seen.values()
    assert first == [1, 2, 3, 4]
    assert len(set(second[:2])) == 2
    assert second[2:] == values[2:]
