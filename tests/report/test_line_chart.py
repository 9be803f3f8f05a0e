"""Curves as SVG: every number is where its axis says, and thousands of curves are still one small picture."""

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from MNIST.report import line_chart as module
from MNIST.report.line_chart import Curve, accuracy_scale, amount_scale, epoch_ticks, line_chart

LEGEND = (("best", "the best"), ("other", "others"))


def chart(*curves, scale=accuracy_scale):
    return line_chart("Accuracy", "Accuracy by epoch", curves, scale, LEGEND)


def places(path):
    """The points of an SVG path: a list for each curve in it."""
    found = []
    for command, numbers in re.findall(r"([Mlh])([-\d ]+)", path):
        x, y = map(int, numbers.split()) if command != "h" else (0, 0)
        if command == "M":
            found.append([(x, y)])
        elif command == "l":
            found[-1].append((found[-1][-1][0] + x, found[-1][-1][1] + y))
    return found


def test_of_many_curves_those_of_one_epoch_are_dots_of_their_own():
    """They are thicker than lines."""
    lines = [Curve("other", "", [(1, 0.1), (2, 0.2)])] * 150
    paths = chart(*lines, *[Curve("other", "", [(1, 0.1)])] * 150).paths
    assert [path.d.endswith("h0") for path in paths] == [False] * 40 + [True]
    assert not any("h0" in path.d for path in paths[:40])
    assert paths[40].d.count("h0") == 150


def test_every_point_is_where_the_axes_say():
    points = [(1, 0.5), (2, 0.9), (3, 0.99), (5, 0.995)]
    drawn = chart(Curve("best", "mine", points), Curve("other", "", [(1, 0.1)]))
    (path, dot) = drawn.paths
    scale = accuracy_scale([*(value for _, value in points), 0.1])
    expected = [(round(250 * (epoch - 1)), round(1000 * (1 - scale.place(value)))) for epoch, value in points]
    assert places(path.d) == [expected]
    assert dot.d.endswith("h0")  # a curve of one epoch is a dot
    assert drawn.across == ((0, "1"), (25, "2"), (50, "3"), (75, "4"), (100, "5"))
    ticks = {text: place for place, text in drawn.down}
    assert ticks["99 %"] == pytest.approx((1 - scale.place(0.99)) * 100, abs=0.01)
    assert list(ticks.values()) == sorted(ticks.values())  # the highest accuracy is on top


def test_what_is_not_a_number_is_left_out():
    nan = math.nan
    drawn = chart(
        Curve("best", "", [(1, nan), (2, 0.5), (3, math.inf), (4, 0.6)]), Curve("other", "", [(1, nan)])
    )
    assert [len(curve) for path in drawn.paths for curve in places(path.d)] == [2]
    assert drawn.legend == (("best", "the best"),)
    assert chart(Curve("other", "", [(1, nan)])) is None
    assert chart() is None


def test_thousands_of_curves_are_all_there_in_a_few_paths():
    curves = [Curve("other", f"{run}", [(1, 0.1), (2, 0.5 + run / 5000)]) for run in range(2000)]
    drawn = chart(*curves, Curve("best", "the best", [(1, 0.1), (2, 0.95)]))
    *others, best = drawn.paths
    assert len(others) == module.GROUPS
    assert all(path.is_pale and not path.name for path in others)
    assert sum(len(places(path.d)) for path in others) == 2000
    assert (best.name, best.is_pale) == ("the best", False)
    named = chart(*curves[: module.MOST_NAMED])
    assert [path.name for path in named.paths] == [f"{run}" for run in range(module.MOST_NAMED)]


def test_a_long_training_has_no_more_points_than_a_screen():
    drawn = chart(Curve("best", "", [(epoch, 1 - 1 / epoch) for epoch in range(1, 100_001)]))
    ((*_, last),) = places(drawn.paths[0].d)
    assert last[0] == 1000
    assert len(drawn.paths[0].d) < 20 * module.MOST_POINTS
    assert len(drawn.across) < 12
    assert drawn.across[-1] == (100, "100,000")


@given(st.lists(st.floats(0, 1), min_size=1))
def test_any_accuracies_have_an_axis(values):
    scale = accuracy_scale(values)
    there = [scale.place(value) for value in sorted(values)]
    assert all(0 <= place <= 1 for place in there)
    assert there == sorted(there)
    check_ticks(scale)


@given(st.lists(st.floats(-1e300, 1e300), min_size=1))
def test_any_amounts_have_an_axis(values):
    scale = amount_scale(values)
    there = [scale.place(value) for value in sorted(values)]
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in there)
    assert there == sorted(there)
    check_ticks(scale)


def check_ticks(scale):
    ticks = [place for place, _ in scale.ticks]
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in ticks)
    assert all(above - below >= module.APART for above, below in pairwise(ticks))


@pytest.mark.parametrize("last", [*range(1, 40), 99, 100, 1000, 12345])
def test_epochs_below_the_axis_are_few_and_in_order(last):
    ticks = epoch_ticks(last)
    assert ticks == sorted(set(ticks))
    assert (ticks[0], ticks[-1]) == (1, last)
    assert len(ticks) <= 9
