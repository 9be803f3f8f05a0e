"""Calibration, compared with its definition written as a loop, and for networks of known confidence."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from MNIST.report.testing.calibration import DOUBTS, calibrate, calibration_png, reliability_diagram


def answers(seed, images, temperature=1.0):
    """Labels drawn from true probabilities, and stated probabilities that are surer (temperature below 1) or
    less sure (above 1)."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(images, 10)) * generator.choice([1, 3, 12], size=(images, 1))
    true, stated = (np.exp(logits / by) for by in (1, temperature))
    true, stated = (one / one.sum(axis=1, keepdims=True) for one in (true, stated))
    labels = (generator.random((images, 1)) > true.cumsum(axis=1)).sum(axis=1)
    return np.minimum(labels, 9), stated


@given(st.integers(0, 1000), st.integers(1, 300))
def test_the_error_is_the_definitions(seed, images):
    labels, probabilities = answers(seed, images, 0.7)
    calibration = calibrate(labels, probabilities)
    total = counted = 0.0
    for upper, lower in pairwise(DOUBTS):
        inside = [
            (max(row), row.index(max(row)) == label)
            for row, label in zip(probabilities.tolist(), labels.tolist(), strict=True)
            if 1 - upper < max(row) <= 1 - lower
        ]
        if inside:
            said, right = zip(*inside, strict=True)
            total += abs(sum(right) - sum(said))
            counted += len(inside)
    assert counted == images == calibration.images
    assert calibration.error == pytest.approx(total / images)
    assert calibration.sureness == pytest.approx(probabilities.max(axis=1).mean())
    assert calibration.accuracy == pytest.approx((probabilities.argmax(axis=1) == labels).mean())


@pytest.mark.parametrize(
    ("temperature", "words", "least", "most"),
    [
        (1.0, "as sure as it should be", 0, 0.012),
        (0.4, "surer than it should be", 0.05, 1),
        (3.0, "less sure than it might be", 0.05, 1),
    ],
)
def test_the_words_fit_the_network(temperature, words, least, most):
    calibration = calibrate(*answers(0, 20_000, temperature))
    assert words in str(calibration)
    assert least <= calibration.error <= most
    assert f"{calibration.error * 100:.2f} percentage points" in str(calibration)


def test_the_surest_of_answers_has_a_bin():
    right = calibrate(np.array([3, 3]), np.eye(10)[[3, 3]])
    assert [(one.images, one.correct, one.sureness) for one in right.bins] == [(2, 2, 1.0)]
    assert right.error == 0
    wrong = calibrate(np.array([4, 4]), np.eye(10)[[3, 3]])
    assert wrong.error == 1
    assert all(calibration_png(one, "$net$").startswith(b"\x89PNG") for one in (right, wrong))


def test_the_diagram_is_explained_by_its_dot_with_most_errors():
    sureness = np.array([0.95] * 40 + [0.6] * 5)
    answered = np.stack([sureness, 1 - sureness], axis=1)
    labels = np.array([0] * 36 + [1] * 4 + [0] * 3 + [1] * 2)
    words = calibrate(labels, answered).example()
    for said in ("the one of 40 answers", "95.00 % sure", "90.00 % of them right"):
        assert said in words


def test_every_dot_interval_and_number_of_the_diagram_is_inside_its_axes():
    """A network that is always right, and one that is never: on one image, and on many."""
    for right in (True, False):
        for count in (1, 3, 12_345):
            sureness = np.geomspace(0.9, 1e-7, count)  # doubts
            probabilities = np.stack([1 - sureness, sureness], axis=1)
            answers = probabilities.argmax(axis=1)
            figure = reliability_diagram(calibrate(answers if right else 1 - answers, probabilities), "net")
            figure.canvas.draw()
            axes = figure.axes[0]
            inside = axes.get_window_extent()
            for artist in (*axes.lines, *axes.texts):
                box = artist.get_window_extent()
                assert inside.x0 <= box.x0 <= box.x1 <= inside.x1, artist
                assert inside.y0 <= box.y0 <= box.y1 <= inside.y1, artist
