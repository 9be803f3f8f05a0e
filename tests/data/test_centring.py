"""Two judges of how a digit is centred: MNIST's own images, and different arithmetic."""

import numpy as np
import pytest
from PIL import Image

from MNIST.data import load
from MNIST.data.centring import BOX, centred, weights

INK = np.random.default_rng(0).random((61, 37), np.float32)


def test_mnists_own_images_stay_as_they_are(mnist_folder):
    images = load(mnist_folder).test_images[:2000].reshape(-1, 28, 28)
    changed = sum((centred(image / np.float32(255)) != image).any() for image in images)
    assert changed <= 2  # in 16 of 70,000 images the digit's longer side has 19 pixels, not 20


def test_what_is_moved_or_enlarged_three_times_comes_out_the_same(mnist_folder):
    for image in load(mnist_folder).test_images[:100].reshape(-1, 28, 28):
        ink = np.pad(image, 20) / np.float32(255)
        expected = centred(ink)
        assert (centred(np.roll(ink, (9, -5), (0, 1))) == expected).all()
        assert (centred(np.kron(ink, np.ones((3, 3), np.float32))) == expected).all()


@pytest.mark.parametrize(("source", "target"), [(40, 20), (61, 20), (21, 20), (20, 20), (3, 1), (1, 1)])
def test_shrinking_is_the_mean_of_the_area_covered(source, target):
    line = np.random.default_rng(1).random(source)
    expected = np.repeat(line, target).reshape(target, source).mean(axis=1)  # `target` parts of each pixel
    assert weights(source, target) @ line == pytest.approx(expected)


@pytest.mark.parametrize(("source", "target"), [(1, 20), (3, 20), (19, 20), (13, 14)])
def test_enlarging_is_pillows_bilinear(source, target):
    line = np.random.default_rng(1).random((1, source), np.float32)
    expected = np.asarray(Image.fromarray(line).resize((target, 1), Image.Resampling.BILINEAR))
    assert weights(source, target) @ line[0] == pytest.approx(expected[0], abs=1e-6)


@pytest.mark.parametrize(("source", "target"), [(61, 20), (20, 20), (7, 20), (1, 1), (1, 20), (999, 1)])
def test_each_pixel_is_a_mean(source, target):
    assert weights(source, target).sum(axis=1) == pytest.approx(1)
    assert (weights(source, target) >= 0).all()


@pytest.mark.parametrize("shape", [(61, 37), (20, 3), (1, 1), (3, 400), (400, 2)])
def test_the_digit_fills_the_box_and_lies_in_the_middle(shape):
    image = centred(np.pad(np.ones(shape, np.float32), 7))
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert max(len(rows), len(columns)) == BOX
    assert image.max() == 255
    for places in (rows, columns):
        assert 14 <= places.mean() + 0.5 < 15


def test_thin_lines_are_stretched_to_full_ink():
    assert centred(np.eye(300, dtype=np.float32)).max() == 255


def test_ink_that_is_heavy_on_one_side_stays_inside():
    ink = np.full((100, 100), 0.01, np.float32)
    ink[:10, :10] = 1
    image = centred(ink)
    assert image[8, 8] == 255  # as far down and right as the box fits
    assert image[27, 27] > 0


def test_no_ink_gives_a_blank_image():
    assert not centred(np.zeros((5, 9), np.float32)).any()
