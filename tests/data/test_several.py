"""Several digits in one picture: which strokes are one digit, and in what order digits are read."""

import numpy as np
import pytest

from MNIST.data import load
from MNIST.data.centring import cropped
from MNIST.data.several import lines_of_digits, may_be_two


def page(*strokes: tuple[int, int, int, int]) -> np.ndarray:
    """An ink map with a rectangle for each stroke: its top, bottom, left and right."""
    ink = np.zeros((200, 300), np.float32)
    for top, bottom, left, right in strokes:
        ink[top:bottom, left:right] = 1
    return ink


def test_digits_are_read_line_by_line_from_left_to_right():
    ink = page((20, 60, 200, 210), (25, 62, 20, 45), (120, 160, 30, 50), (22, 58, 100, 120))
    shapes = [[cropped(digit).shape for digit in line] for line in lines_of_digits(ink)]
    assert shapes == [[(37, 25), (36, 20), (40, 10)], [(40, 20)]]


def test_a_line_may_rise():
    strokes = [
        (100 - 12 * number, 140 - 12 * number, 20 + 40 * number, 30 + 40 * number) for number in range(6)
    ]
    below = [(top + 55, bottom + 55, left, right) for top, bottom, left, right in strokes]
    assert [len(line) for line in lines_of_digits(page(*reversed(strokes), *below))] == [6, 6]


@pytest.mark.parametrize(
    "strokes",
    [
        [(20, 60, 20, 40)],
        [(20, 60, 20, 40), (15, 20, 44, 60)],  # the bar of a 5
        [(20, 40, 20, 40), (41, 60, 20, 40)],  # an 8 in halves
        [(20, 45, 20, 30), (30, 60, 32, 36)],  # an open 4 whose link is too faint
        [(20, 60, 20, 30), (38, 42, 50, 60)],  # a digit and a dash
        [(20, 26, 20, 60), (46, 52, 20, 60)],  # =
        [(20, 30, 35, 45), (40, 46, 20, 60), (56, 66, 35, 45)],  # ÷
        [(20, 32, 20, 32), (60, 72, 20, 32)],  # :
    ],
    ids=["one", "bar", "halves", "open four", "dash", "equals", "divided by", "colon"],
)
def test_strokes_of_one_digit_stay_together(strokes):
    assert [len(line) for line in lines_of_digits(page(*strokes))] == [1]


def test_each_equals_sign_on_a_sheet_is_one_whichever_way_it_leans():
    """Its bars are parallelograms, 4 pixels higher on the right."""
    ink = np.zeros((200, 300), np.float32)
    for top in (20, 100):
        for left in (20, 90, 200):
            for column in range(left, left + 40):
                begin = top + (left - column) // 10
                ink[begin : begin + 5, column] = ink[begin + 20 : begin + 25, column] = 1
    assert [len(line) for line in lines_of_digits(ink)] == [3, 3]


@pytest.mark.parametrize("hole", [0, 10])
def test_squares_in_lines_are_as_many_signs_with_a_hole_or_without(hole):
    """Solid ones are as close as the dots of a colon. Two with a hole are no colon: they are like zeros."""
    ink = page(*((top, top + 20, left, left + 20) for top in (20, 60, 100) for left in (20, 60)))
    for top in (20, 60, 100):
        ink[top + 5 : top + 5 + hole, 25:35] = ink[top + 5 : top + 5 + hole, 65:75] = 0
    assert [len(line) for line in lines_of_digits(ink)] == [2, 2, 2]
    assert [len(line) for line in lines_of_digits(ink[:90, :50])] == ([1, 1] if hole else [1])


def test_each_digit_keeps_its_dot_and_some_paper_where_the_picture_goes_on():
    ink = page((30, 60, 0, 6), (20, 24, 0, 6), (30, 60, 80, 86), (20, 24, 80, 86))  # i i
    ((one, other),) = lines_of_digits(ink)
    assert np.array_equal(one, ink[19:61, :7])
    assert np.array_equal(other, ink[19:61, 79:87])


def test_images_of_mnist_are_one_digit_each(mnist_folder):
    inks = load(mnist_folder).test_images[:3000] / np.float32(255)
    assert sum(len(lines_of_digits(ink)[0]) > 1 for ink in inks) <= 3
    assert sum(may_be_two(ink) for ink in inks) <= 15


def test_two_that_touch_are_told_by_their_width_and_their_waist():
    two = np.ones((40, 60))
    assert not may_be_two(two)
    two[5:-5, 28:32] = 0
    assert may_be_two(two)
    assert not may_be_two(two[:, :45])


def test_a_pattern_of_many_dots_is_no_page_of_digits():
    dots = np.zeros((512, 512), np.float32)
    dots[::8, ::8] = 1
    assert [len(line) for line in lines_of_digits(dots)] == [1]
