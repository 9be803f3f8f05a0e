"""Images side by side: the picture has their exact pixels, and in the terminal they fit its width."""

import io
import re

import numpy as np
import pytest
from matplotlib.image import imread

from MNIST.data.catalogue import about_published
from MNIST.report.image_grid import (
    CELL,
    HEAD,
    LINE,
    MARGIN,
    TIMES,
    Images,
    count_table,
    grid_png,
    terminal_grid,
)

DIGITS, FASHION = about_published("mnist").classes, about_published("fashion").classes


def images_of(count, name="7", seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)
    return Images(f"{count} images", pixels, [name] * count, list(range(40_000, 40_000 + count)))


def test_the_picture_holds_every_pixel_of_every_image():
    sets = [images_of(13, FASHION[0]), images_of(10, seed=1)]
    picture = (imread(io.BytesIO(grid_png(sets, "Dätá <b> $x$ 模型"))) * 255).round().astype(np.uint8)
    top = MARGIN + HEAD + 26
    for shown, rows in zip(sets, (2, 1), strict=True):
        for place, image in enumerate(shown.images):
            row, column = divmod(place, 10)
            y, x = top + row * LINE, MARGIN + column * CELL
            square = picture[y : y + 28 * TIMES, x : x + 28 * TIMES, :3]
            assert (square == image.repeat(TIMES, 0).repeat(TIMES, 1)[..., None]).all()
        top += HEAD + rows * LINE


def test_no_image_at_all_is_a_picture_and_no_line():
    assert imread(io.BytesIO(grid_png([images_of(0)], "none"))).ndim == 3
    assert list(terminal_grid(images_of(0), 80, False, False)) == []


@pytest.mark.parametrize("width", [10, 14, 40, 80, 147, 148, 300])
@pytest.mark.parametrize("name", ["7", "T-shirt/top"])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_lines_keep_to_the_width_if_an_image_can(width, name, ascii_only):
    lines = list(terminal_grid(images_of(12, name), width, False, ascii_only))
    least = 14 if name == "7" else len("T-shirt/top #40011")
    assert max(map(len, lines)) <= max(width, least)
    assert "\n".join(lines).isascii() or not ascii_only
    assert re.findall(r"#(\d+)", " ".join(lines)) == [str(40_000 + place) for place in range(12)]


def test_where_five_whole_images_fit_none_is_halved():
    (wide,), (narrow,) = (
        {line.count("#") for line in terminal_grid(images_of(20), width, False, False) if "#" in line}
        for width in (148, 78)
    )
    assert (wide, narrow) == (5, 5)
    assert len(list(terminal_grid(images_of(5), 148, False, False))) == 14 + 2
    assert len(list(terminal_grid(images_of(5), 147, False, False))) == 7 + 2


def test_in_colour_each_image_begins_where_its_caption_does():
    *_, picture, caption, _ = terminal_grid(images_of(5, "Ankle boot"), 95, True, False)
    bare = picture.split("\x1b[0m")  # each image's part of a line ends with a reset
    assert len(bare) == 6
    assert [part.count(" ") for part in bare] == [0, 5, 5, 5, 5, 0]  # an image has 14 columns, a caption 17
    begins = [place for place in range(len(caption)) if caption.startswith("Ankle", place)]
    assert begins == [0, 19, 38, 57, 76]


@pytest.mark.parametrize("names", [DIGITS, FASHION])
def test_the_counts_are_those_of_the_labels(names):
    draw = np.random.default_rng(0)
    labels = {"training": draw.integers(0, 10, 6000), "test": draw.integers(0, 9, 50)}
    header, *rows, total = count_table(names, labels, 80, True)
    assert header.split() == ["training", "test"]
    for label, (name, row) in enumerate(zip(names, rows, strict=True)):
        assert row.startswith(name)
        counts = [int(word.replace(",", "")) for word in row.removeprefix(name).split() if word.strip("#")]
        assert counts == [np.bincount(of_set, minlength=10)[label] for of_set in labels.values()]
    assert total.split() == ["6,000", "50"]
    longest = [max(len(bar) for row in rows for bar in row.split() if bar.startswith("#"))]
    assert longest == [20]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_bars_give_way_to_the_width(width):
    labels = {"training": np.arange(60_000) % 10, "test": np.arange(10_000) % 10}
    assert max(map(len, count_table(DIGITS, labels, width, False))) <= width


def test_names_of_wide_letters_keep_the_columns():
    """Each of these letters takes two columns of a terminal, and the accent takes none."""
    names, wide = ["名前テスト", "abcdefghij", "e\u0301"], [5, 0, -1]
    labels = {"training": np.arange(30) % 3, "test": np.arange(30) % 3}
    rows = list(count_table(names, labels, 80, True))[1:4]
    starts = [row.index("#") + more for row, more in zip(rows, wide, strict=True)]
    assert len(set(starts)) == 1
    images = np.zeros((3, 28, 28), np.uint8)
    captions = list(terminal_grid(Images("", images, names, [0, 1, 2]), 160, False, True))[-2]
    assert [captions.index("#1") + 5, captions.index("#2") + 4] == [30 + 11, 60 + 2]
