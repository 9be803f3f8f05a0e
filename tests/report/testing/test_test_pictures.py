"""The pictures of a test: the right colours, the right images, and every odd case drawn."""

import io

import numpy as np
import pytest
from examples import slowly
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.text import Text
from PIL import Image

from MNIST.report.percentages import probability_text
from MNIST.report.png import grey_png
from MNIST.report.sprite import SIDE, Sprite
from MNIST.report.testing.comparison import Evaluation
from MNIST.report.testing.confusion_picture import FAINTEST, confusion_png, error_shades
from MNIST.report.testing.error_gallery import caption, top_errors_png
from MNIST.words import DIGITS

IMAGES = np.random.default_rng(0).integers(0, 256, (50, SIDE, SIDE), dtype=np.uint8)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_a_grey_png_is_read_as_it_was_written(height, width, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    read = Image.open(io.BytesIO(grey_png(pixels)))
    assert read.mode == "L"
    assert np.array_equal(np.asarray(read), pixels)


@given(st.sets(st.integers(0, 49)))
def test_each_image_of_a_sprite_lies_in_its_place(wanted):
    sprite = Sprite(IMAGES, wanted)
    sheet = sprite.pixels()
    for number in wanted:
        column, row = sprite.place(number)
        part = sheet[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
        assert np.array_equal(part, IMAGES[number])


def test_only_errors_are_coloured_by_their_part_of_the_row():
    confusion = np.diag([1000, 0, 50, *[10] * 7])
    confusion[0, 3], confusion[2, 3], confusion[1, 4] = 10, 50, 3
    shades = error_shades(confusion)
    assert shades.max() == shades[1, 4] == 1  # it is all of its row
    assert 0 < shades[0, 3] < shades[2, 3] < 1  # 10 of 1,010 and 50 of 100
    assert np.count_nonzero(shades) == 3
    assert shades[0, 3] == pytest.approx(np.log(10 / 1010 / FAINTEST) / np.log(1 / FAINTEST))


def evaluation(labels, probabilities, classes=DIGITS):
    return Evaluation("$net$", "numpy", 1, 0.5, labels, probabilities, classes, np.arange(len(labels)))


@pytest.mark.parametrize(
    "classes", [DIGITS, ("$a$", "<b>"), ("猫", "犬"), *slowly([[f"class {label}" for label in range(200)]])]
)
@pytest.mark.filterwarnings("error")  # also not of characters that Matplotlib's font lacks
def test_every_matrix_has_a_picture(classes):
    labels = np.arange(2 * len(classes)) % len(classes)
    for answers in (labels, np.roll(labels, 1), np.zeros_like(labels)):
        picture = confusion_png(evaluation(labels, np.eye(len(classes))[answers], classes))
        assert picture.startswith(b"\x89PNG")


@pytest.mark.parametrize("errors", [0, 1, 7, *slowly([25, 40])])
def test_the_gallery_has_the_surest_errors(errors):
    labels = np.zeros(50, np.uint8)
    probabilities = np.tile([0.9, 0.1], (50, 1))
    probabilities[:errors, 1] = np.linspace(0.95, 0.99, errors)
    probabilities[:errors, 0] = 1 - probabilities[:errors, 1]
    flat = np.zeros_like(IMAGES)
    blank = top_errors_png(flat, evaluation(labels, probabilities))
    shown = [
        top_errors_png(
            np.where(np.arange(50)[:, None, None] == number, IMAGES, flat), evaluation(labels, probabilities)
        )
        != blank
        for number in ([] if errors == 0 else [0, errors - 1, 49])
    ]
    assert shown == ([] if errors == 0 else [errors <= 25, True, False])


def test_a_probability_is_never_rounded_to_certainty():
    assert [probability_text(one) for one in (1.0, 0.99999, 0.9962, 0.5, 0.0012, 0.0)] == [
        *(">99.99 %", ">99.99 %", "99.62 %", "50.0 %", "0.1 %", "<0.1 %")
    ]
    row = np.array([0.02, 0.0, 0.98])
    assert caption(7, 0, row, ("shoe", "bag", "coat"))[0] == "shoe, taken for coat"
    assert caption(7, 0, np.pad(row, (0, 7)), DIGITS) == (
        "a 0, taken for a 2",
        "2: 98.0 %, 0: 2.0 %",
        "image 7",
    )


def test_a_dollar_in_a_name_begins_no_formula(monkeypatch):
    figures = []
    for module in ("confusion_picture", "error_gallery"):
        monkeypatch.setattr(f"MNIST.report.testing.{module}.figure_png", figures.append)
    labels = np.array([0, 1, 0, 1])
    one = evaluation(labels, np.eye(2)[[1, 0, 1, 0]], ("US$, taken for A$", "b"))
    confusion_png(one)
    top_errors_png(np.zeros((4, 28, 28), np.uint8), one)
    for figure in figures:
        figure.canvas.draw()
        shown = [text for text in figure.findobj(Text) if text.get_visible() and "US$" in text.get_text()]
        assert len(shown) >= 2
        assert not any(text.get_parse_math() for text in shown)
