"""Preparation step by step: the picture shows each step's own pixels, and they fit the space."""

import io

import numpy as np
import pytest
from PIL import Image

from MNIST.report.explaining.preparation_steps import COLUMNS, ROWS, reduced, steps_png, terminal_lines

PICTURE = np.kron(np.arange(12, dtype=np.uint8).reshape(3, 4) * 20, np.ones((100, 100), np.uint8))
STEPS = [("picture", PICTURE), ("28 × 28", PICTURE[:28, :28])]


def test_a_picture_is_reduced_to_means():
    small = reduced(PICTURE)
    assert small.shape[0] <= ROWS
    assert small.shape[1] <= COLUMNS
    assert small.mean() == pytest.approx(PICTURE.mean(), rel=0.1)
    assert (reduced(PICTURE[:28, :28]) == PICTURE[:28, :28]).all()
    assert (reduced(np.full((57, 91), 7, np.uint8)) == 7).all()


@pytest.mark.parametrize(("width", "rows_of_pictures"), [(120, 1), (40, 2), (1, 2)])
def test_steps_stand_side_by_side_where_they_fit(width, rows_of_pictures):
    lines = terminal_lines(STEPS, width, colour=False, ascii_only=True)
    titles = [line for line in lines if "picture" in line or "28" in line]
    assert len(titles) == rows_of_pictures
    assert max(map(len, lines)) <= max(width, 40)


def test_the_picture_file_has_a_row_for_each_picture():
    one, three = (
        Image.open(io.BytesIO(steps_png([("$\\frac{1}$ <b> 模型.png", STEPS)] * count))) for count in (1, 3)
    )
    assert one.format == three.format == "PNG"
    assert three.height == 3 * one.height
    assert np.asarray(one.convert("L")).min() == 0
