"""An explanation drawn: the picture and the page hold its numbers as colours, whatever the names are."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.image import imread

from MNIST.language import LAYERS
from MNIST.report.explaining.explanation import Explanation, LayerView, Scale, outlined, palette, tiles
from MNIST.report.explaining.page import LEAST, explanation_page
from MNIST.report.explaining.picture import HEAD, LEFT, MARGIN, MOST_ROWS, ROW, WIDTH, explanation_png
from MNIST.words import counted

DRAW = np.random.default_rng(0)


def layer(kind, *shape, text=None, **more):
    values, known = DRAW.normal(size=shape).astype(np.float32), LAYERS[kind]
    about = {"lesson": known.lesson, "passes_through": known.passes_through}
    return LayerView(text or kind, kind, values, **about, **more)


SCORES = layer("Dense", 10, text="Dense,10,softmax")
CONV = layer("Conv", 26, 26, 20, kernels=DRAW.normal(size=(3, 3, 1, 20)).astype(np.float32))


def explanation(*layers, label=3, **more):
    probabilities = np.full(10, 0.02)
    probabilities[4] = 0.82
    image = DRAW.integers(0, 256, (28, 28), dtype=np.uint8)
    slopes = DRAW.normal(size=(10, 28, 28)).astype(np.float32)
    names = tuple("0123456789")
    shown = list(range(10))
    whole = Explanation(
        "Net", "image 7", image, label, names, probabilities, shown, slopes, (*layers, SCORES)
    )
    return replace(whole, **more)


class Page(HTMLParser):
    """The tags, the pictures and the words of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.pictures, self.words, self.alts = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "img":
            values = dict(attributes)
            self.alts.append(values["alt"])
            kind, content = values["src"].split(",", 1)
            assert kind == "data:image/png;base64"
            self.pictures.append(read(base64.b64decode(content)))

    def handle_data(self, data):
        self.words.append(data)


def read(png):
    return (imread(io.BytesIO(png)) * 255).round().astype(np.uint8)[..., :3]


def test_a_colour_stands_for_a_number_and_white_for_0_between_signs():
    values = np.linspace(-2, 2, 256)
    signed = Scale.of(values)
    assert (signed.low, signed.high) == (-2, 2)
    assert np.array_equal(signed.paint(values), palette(True))
    assert signed.paint(np.zeros(1)).min() > 250
    plain = Scale.of(np.linspace(0, 5, 256))
    assert (plain.low, plain.high) == (0, 5)
    assert np.array_equal(plain.paint(np.linspace(0, 5, 256)), palette(False))
    assert np.array_equal(Scale.of(np.zeros(3)).paint(np.zeros(3)), palette(False)[[0, 0, 0]])


@pytest.mark.parametrize("signed", [False, True])
def test_what_is_more_has_another_lightness_also_without_colours(signed):
    """Along each half of a scale the luminance only rises, so that colour-blind people can read it."""
    luminance = palette(signed).astype(float) @ [0.2126, 0.7152, 0.0722]
    halves = (luminance[:128], luminance[128:][::-1]) if signed else (luminance,)
    assert all((np.diff(half) >= -0.8).all() and half[-1] - half[0] > 100 for half in halves)


def test_tiles_lie_in_their_order_with_nothing_between():
    maps = DRAW.random((3, 5, 7))
    scale = Scale.of(maps)
    sheet = tiles(maps, 4, scale, gap=2)
    assert sheet.shape == (3 * 2 + 2, 5 * 4 + 2 * 3, 4)
    for place in range(7):
        y, x = place // 4 * 5, place % 4 * 7
        assert np.array_equal(sheet[y : y + 3, x : x + 5, :3], scale.paint(maps[..., place]))
    assert (sheet[..., 3] == 255).sum() == maps.size


def test_the_outline_encloses_the_ink_and_leaves_the_rest():
    image = np.zeros((28, 28), np.uint8)
    image[10:20, 5:9] = 200
    drawn = (outlined(np.full((112, 112, 3), 255, np.uint8), image) != 255).all(axis=-1)
    ys, xs = np.nonzero(drawn)
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == (40, 79, 20, 35)
    assert drawn.sum() == 2 * 40 + 2 * 16 - 4


def test_the_picture_holds_the_image_the_kernels_and_the_maps():
    explained = explanation(CONV)
    picture = read(explanation_png(explained))
    image = picture[84 : 84 + 224 : 8, MARGIN : MARGIN + 224 : 8]
    assert (image == explained.image[..., None]).all()
    for place in range(16):
        x = LEFT + place * 60
        kernel = picture[HEAD : HEAD + 54 : 18, x : x + 54 : 18]
        assert np.array_equal(kernel, Scale.of(CONV.kernels[..., 0, :16]).paint(CONV.kernels[:, :, 0, place]))
        its_map = picture[HEAD + ROW : HEAD + ROW + 52 : 2, x : x + 52 : 2]
        assert np.array_equal(its_map, Scale.of(CONV.output).paint(CONV.output[..., place]))


def test_of_a_wrong_answer_both_slopes_are_drawn():
    for label, count in ((4, 1), (None, 1), (3, 2)):
        explained = explanation(CONV, label=label)
        assert len(explained.asked) == count
        assert Page(explanation_page(explained)).alts[1 : 1 + count] == [
            f"the slope of the score of {digit} along each pixel" for digit in explained.asked
        ]
    assert "which is right" in explanation(label=4).verdict
    assert "but it is 3" in explanation(label=3).verdict
    assert explanation(label=None).verdict == "The answer is 4, with a probability of 82.0 %."


@pytest.mark.slow
def test_however_many_layers_the_picture_keeps_its_height():
    tall = read(explanation_png(explanation(*[CONV] * (MOST_ROWS + 1))))
    taller = read(explanation_png(explanation(*[CONV] * (MOST_ROWS + 9))))
    assert tall.shape == taller.shape
    assert len(tall) < HEAD + (MOST_ROWS + 2) * ROW


@pytest.mark.parametrize("units", [1, 10, 100, 1000, 10_000, 100_000])
def test_however_many_numbers_a_layer_has_they_stay_in_their_row(units):
    dense = layer("Dense", units)
    picture = read(explanation_png(explanation(dense)))
    assert picture.shape == (HEAD + 2 * ROW + MARGIN, WIDTH, 3)
    assert np.array_equal(picture[HEAD, LEFT], Scale.of(dense.output).paint(dense.output[0]))
    assert (picture[HEAD + 57 : HEAD + ROW, LEFT:] == 255).all()


@pytest.mark.parametrize("shape", [(1, 1, 3), (64, 3, 2), (200, 200, 1), (28, 28, 1)])
def test_maps_of_any_size_have_room(shape):
    padded = layer("Pad", *shape)
    assert read(explanation_png(explanation(padded, CONV))).shape[1] == WIDTH
    page = Page(explanation_page(explanation(padded)))
    whole = page.pictures[page.alts.index(f"{counted(shape[2], 'map')} of Pad")]
    times = max(1, LEAST // max(shape[:2]))
    rows, columns = (slice(0, side * times, times) for side in shape[:2])
    assert np.array_equal(whole[rows, columns], Scale.of(padded.output).paint(padded.output[..., 0]))


def test_the_page_has_every_layer_also_those_in_blocks():
    inner = layer("Conv", 8, 8, 40, text="Conv,40,3,3,relu", kernels=DRAW.normal(size=(3, 3, 20, 40)))
    block = layer("Residual", 8, 8, 40, text="Residual:", inside=(inner, layer("BatchNorm", 8, 8, 40)))
    page = Page(explanation_page(explanation(CONV, block, layer("Dropout", 8, 8, 40), layer("Dense", 300))))
    words = "".join(page.words)
    for text in ("Conv,40,3,3,relu", "8×8×40", "BatchNorm", "Residual:", "2 layers inside this block"):
        assert text in words
    assert all(LAYERS[kind].lesson in words for kind in ("Conv", "Residual", "BatchNorm", "Dropout", "Dense"))
    alts = "\n".join(page.alts)
    assert "16 maps of Conv,40,3,3,relu\nthe other maps of Conv,40,3,3,relu" in alts
    first = page.pictures[page.alts.index("16 maps of Conv,40,3,3,relu")]
    assert np.array_equal(first[:16:2, :16:2], Scale.of(inner.output).paint(inner.output[..., 0]))
    assert "300 numbers of Dense" in alts


def test_every_kind_of_layer_has_a_lesson():
    taught = {name for name, layer in LAYERS.items() if layer.lesson}
    assert taught == LAYERS.keys() - {"Columns", "Path", "Repeat"}


def test_names_are_words_and_no_markup():
    evil = "<script>alert(1)</script> $x$ & 模型"
    explained = explanation(CONV, network=evil, subject=evil, names=(*[evil] * 5, *"56789"))
    page = explanation_page(explained)
    assert "script" not in Page(page).tags
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=[\"'](?!data:)", page)
    assert read(explanation_png(explained)).ndim == 3
