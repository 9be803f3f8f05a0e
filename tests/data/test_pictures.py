"""Preparing pictures: MNIST's images are disguised, and after preparing they must be as in MNIST."""

from itertools import groupby

import numpy as np
import pytest
from examples import most
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from hypothesis.strategies import integers, just
from PIL import Image, ImageDraw

from MNIST.data import like_mnist, lines_in_form, load, read_picture
from MNIST.data.strokes import in_long_runs, line_width
from MNIST.errors import DataError


@pytest.fixture(scope="module")
def images(mnist_folder) -> np.ndarray:
    return load(mnist_folder).test_images[:500]


def _seven(side: int = 400, width: int = 30, ink: int = 0, paper: int = 255) -> np.ndarray:
    """A 7 drawn with straight lines."""
    picture = Image.new("L", (side, side), paper)
    points = [(side * x, side * y) for x, y in ((0.3, 0.2), (0.7, 0.2), (0.45, 0.8))]
    ImageDraw.Draw(picture).line(points, ink, width, joint="curve")
    return np.asarray(picture)


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    """The mean difference divided by the mean ink: 0 for equal images, about 1.5 for different digits."""
    return np.abs(one.astype(float) - other).mean() / other.mean()


def test_mnists_images_stay_as_they_are_and_are_not_warned_of(images):
    prepared = [like_mnist(image) for image in images]
    equal = sum((each.image == image).all() for each, image in zip(prepared, images, strict=True))
    assert equal >= 497  # of all 10,000 test images, 9,987 stay equal and 47 give a warning
    assert sum(bool(each.warnings) for each in prepared) <= 5


@pytest.mark.parametrize(
    "disguise",
    [
        lambda image: 255 - image,
        lambda image: np.pad(np.kron(image, np.ones((3, 3), np.uint8)), ((31, 4), (0, 17))),
        lambda image: 255 - np.pad(np.kron(image, np.ones((5, 5), np.uint8)), 40),
        lambda image: np.pad(image, ((1, 30), (22, 0))),
    ],
    ids=["inverted", "enlarged", "inverted and enlarged", "shifted"],
)
def test_a_disguise_is_seen_through(disguise, images):
    expected = [like_mnist(image).image for image in images[:100]]
    seen = [like_mnist(disguise(image)).image for image in images[:100]]
    assert sum((one == other).all() for one, other in zip(seen, expected, strict=True)) >= 98


def test_the_traces_of_jpeg_do_not_count_as_ink(images, tmp_path):
    prepared = []
    for image in images[:200]:
        Image.fromarray(image).save(tmp_path / "a.jpg", quality=75)
        prepared.append(like_mnist(np.asarray(Image.open(tmp_path / "a.jpg"))))
    differences = [_difference(each.image, image) for each, image in zip(prepared, images, strict=False)]
    assert np.quantile(differences, 0.8) < 0.1  # in the other 20 %, a trace of JPEG counts as ink
    assert sum(bool(each.warnings) for each in prepared) <= 4


def test_little_contrast_is_stretched():
    expected = like_mnist(_seven()).image
    assert _difference(like_mnist(_seven(ink=120, paper=160)).image, expected) < 0.01
    assert _difference(like_mnist(_seven(ink=90, paper=40)).image, expected) < 0.01


def test_a_photo_with_uneven_light_and_noise_looks_like_the_drawing():
    random = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:400j, -1:1:400j]
    light = 170 + 30 * x - 25 * y - 15 * (x * x + y * y)
    expected = like_mnist(_seven()).image
    for ink in (0.5, 0.2):
        seen = light * (ink + (1 - ink) * _seven() / 255) + random.normal(0, 4, x.shape)
        photo = like_mnist(seen.clip(0, 255).astype(np.uint8))
        assert _difference(photo.image, expected) < 0.12
        assert photo.warnings == ()


@pytest.mark.parametrize("kind", ["drawing", "photo"])
def test_what_is_on_a_long_strip_keeps_its_resolution(images, kind, tmp_path):
    row = np.hstack([np.pad(image, ((2, 2), (8, 8))) for image in images[:40]])
    strip = 255.0 - np.kron(row, np.ones((2, 2)))
    if kind == "photo":
        noise = np.random.default_rng(0).normal(0, 3, strip.shape)
        strip = (40 + 0.8 * strip) * np.linspace(1, 0.6, strip.shape[1]) + noise
    Image.fromarray(strip.clip(0, 255).astype(np.uint8)).save(tmp_path / "strip.png")
    (line,) = lines_in_form(read_picture(tmp_path / "strip.png"))
    assert len(line) == 40
    assert not any(each.warnings for each in line)
    differences = [_difference(each.image, image) for each, image in zip(line, images, strict=False)]
    assert np.mean(differences) < (0.01 if kind == "drawing" else 0.3)


def test_a_strip_of_noise_is_reduced_to_what_memory_holds(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (4, 131_000), np.uint8)
    Image.fromarray(noise).save(tmp_path / "strip.png")
    assert max(read_picture(tmp_path / "strip.png").shape) < 20_000


def test_specks_are_dropped():
    dirty = _seven().copy()
    dirty[10:14, 10:14] = dirty[390:, 395:] = 0
    assert (like_mnist(dirty).image == like_mnist(_seven()).image).all()


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)), integers(1, 8), integers(0, 1))
def test_pixels_in_long_runs_are_those_that_counting_finds(there, least, axis):
    counted = []
    for line in there if axis else there.T:
        runs = [list(run) for _, run in groupby(line)]
        counted.append([bool(pixel) and len(run) >= least for run in runs for pixel in run])
    assert np.array_equal(in_long_runs(there, least, axis), counted if axis else np.transpose(counted))


def test_thin_lines_are_made_as_wide_as_mnists_are():
    thin = like_mnist(_seven(width=3))
    # Measured along the axes, a diagonal's outline is up to √2 too long. Thicker lines enlarge a digit.
    assert 2 / 2**0.5 <= line_width(thin.image) <= 2.1
    assert [name for name, _ in thin.steps] == ["picture", "ink", "cut out, thickened", "28 × 28"]
    assert thin.warnings == ()


@pytest.mark.parametrize("grey", [140, 180])
def test_thin_pale_lines_in_a_dark_box_are_kept(grey):
    pale = _seven(240, 3, grey)
    boxed = pale.copy()
    boxed[10, 10:230] = boxed[229, 10:230] = boxed[10:230, 10] = boxed[10:230, 229] = 0
    assert _difference(like_mnist(boxed).image, like_mnist(pale).image) < 0.01


def test_lines_that_thickening_saves_are_not_warned_of():
    medium = like_mnist(_seven(width=12))
    assert "cut out, thickened" in dict(medium.steps)
    assert medium.warnings == ()


def test_the_steps_end_with_the_image():
    prepared = like_mnist(_seven())
    assert prepared.warnings == ()
    assert [name for name, _ in prepared.steps] == ["picture", "ink", "cut out", "28 × 28"]
    assert all(step.dtype == np.uint8 for _, step in prepared.steps)
    assert (prepared.steps[-1][1] == prepared.image).all()


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_blank_picture_is_refused(grey):
    flat = np.full((60, 50), grey, np.uint8)
    noise = np.random.default_rng(0).normal(grey, 3, (200, 200)).clip(0, 255).astype(np.uint8)
    for picture in (flat, noise, flat[:1, :1]):
        with pytest.raises(DataError, match="blank"):
            like_mnist(picture)


@given(
    arrays(
        np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=90), elements=integers(0, 255), fill=just(200)
    )
)
@most(150)
def test_any_picture_is_brought_to_mnists_form_or_refused(picture):
    try:
        prepared = like_mnist(picture)
    except DataError:
        return
    assert prepared.image.shape == (28, 28)
    assert prepared.image.dtype == np.uint8
    assert prepared.image.any()


@pytest.mark.parametrize(
    ("picture", "warning"),
    [
        (np.hstack([_seven(), _seven()]), "2 separate pieces"),
        (np.kron(np.rot90(_seven()), np.ones((1, 2), np.uint8)), "wider than any digit"),
        (_seven()[:, :250], "touches the picture's border"),
        (np.pad(np.zeros((90, 70), np.uint8), 40, constant_values=255), "is ink: is it a digit"),
        (_seven(width=120), "thick lines"),
        (np.array(Image.fromarray(_seven()).resize((14, 14), Image.Resampling.BOX)), "tiny"),
    ],
    ids=["two", "turned", "cut", "full", "thick", "tiny"],
)
def test_what_is_unlike_mnist_is_said(picture, warning):
    assert any(warning in each for each in like_mnist(picture).warnings), like_mnist(picture).warnings
