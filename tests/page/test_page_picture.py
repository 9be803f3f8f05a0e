"""The picture that the page makes of a drawing, compared with the one that Python makes of the same ink."""

import numpy as np
import pytest
from web_pages import watched_page

from MNIST.data.centring import centred
from MNIST.language import lay_out, parse_spec
from MNIST.page import draw_page, page_network
from MNIST.training.draws import initial_weights


@pytest.fixture(scope="module")
def pictured(chromium, tmp_path_factory):
    network = lay_out(parse_spec("Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.001,0\n1\n32\n"))
    file = tmp_path_factory.mktemp("page") / "page.html"
    plan = page_network("it", network, initial_weights(network, 0), (0.1, 0.3))
    file.write_text(draw_page([plan]), encoding="utf-8")
    with watched_page(chromium) as page:
        page.goto(file.as_uri())

        def of(ink):
            """The picture of some ink. The ink is given in bytes, as a canvas gives it: 255 is full ink."""
            make = "([shades, ...shape]) => MNIST.picture(shades.map((shade) => shade / 255), ...shape)"
            return np.array(page.evaluate(make, [ink.ravel().tolist(), *ink.shape]), np.uint8)

        yield of


def _walk(rows, columns, seed):
    """A random stroke with a soft edge: uint8 (rows, columns)."""
    draw = np.random.default_rng(seed)
    place = draw.uniform(0.2, 0.8, 2) * (rows, columns)
    grid = np.indices((rows, columns)) + 0.5
    distance = np.full((rows, columns), np.inf)
    for _ in range(draw.integers(1, 40)):
        place = np.clip(place + draw.normal(0, 0.08, 2) * (rows, columns), 0, (rows, columns))
        distance = np.minimum(distance, np.hypot(*(grid - place[:, None, None])))
    return (255 * np.clip(0.05 * min(rows, columns) - distance, 0, 1)).astype(np.uint8)


def _expected(ink):
    return centred(ink.astype(np.float32) / 255).ravel()


@pytest.mark.parametrize("shape", [(280, 280), (280, 90), (28, 28), (11, 7), (3, 64)])
def test_the_page_sees_what_python_sees(shape, pictured):
    for seed in range(2 if min(shape) > 200 else 4):
        ink = _walk(*shape, seed)
        if ink.any():
            np.testing.assert_array_equal(pictured(ink), _expected(ink))


def test_one_pixel_a_line_and_pale_ink(pictured):
    dot, line, pale = (np.zeros((50, 50), np.uint8) for _ in range(3))
    dot[7, 3], line[:, 20], pale[5:30, 8:20] = 255, 255, 60
    for ink in (dot, line, pale, line + dot // 2):
        np.testing.assert_array_equal(pictured(ink), _expected(ink))


def test_without_ink_there_is_no_picture(pictured):
    assert pictured(np.zeros((28, 28), np.uint8)).size == 0
