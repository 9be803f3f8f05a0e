"""The reliability diagram of the page: its dots lie where the bins say, inside the axes."""

import numpy as np
import pytest

from MNIST.report.testing.calibration import calibrate
from MNIST.report.testing.reliability_plot import LEFT, SIDE, TOP, diagonal, dots, ticks


def test_a_dot_is_at_its_sureness_and_at_its_accuracy():
    sureness = np.array([0.9] * 40)
    labels = np.array([0] * 36 + [1] * 4)
    (dot,) = dots(calibrate(labels, np.stack([sureness, 1 - sureness], axis=1)))
    ((x, y, _),) = [tick for tick in ticks() if tick[2] == "90 %"]
    assert (dot.x, dot.y, dot.answers) == (pytest.approx(x), pytest.approx(y), "40")
    assert dot.high < dot.y < dot.low  # downward is worse


@pytest.mark.parametrize("right", [True, False])
def test_perfect_and_hopeless_networks_stay_inside_the_axes(right):
    doubts = np.geomspace(0.49, 1e-7, 1000)
    labels = np.zeros(1000, int) if right else np.ones(1000, int)
    for dot in dots(calibrate(labels, np.stack([1 - doubts, doubts], axis=1))):
        assert LEFT < dot.x < LEFT + SIDE
        assert all(TOP < y < TOP + SIDE for y in (dot.low, dot.y, dot.high))
    x, y, far, top = diagonal()
    assert LEFT < x < far < LEFT + SIDE
    assert TOP < top < y < TOP + SIDE
