"""The pages in Firefox: a text becomes a network there too, and the page to draw on answers."""

import numpy as np
import pytest
from firefox import firefox_page

from MNIST import cli
from MNIST.language import lay_out, parse_spec
from MNIST.page import draw_page, page_network
from MNIST.training.draws import initial_weights

MODEL = """Layers:
Conv,4,3,3,linear
BatchNorm
Activation,relu
MaxPool,2,2
Dropout,0.25
Flatten
Dense,10,softmax
Optimizer:
0.01,1e-4
3
50
Augment:
Rotate,5
"""
pytestmark = pytest.mark.slow  # Chromium proves nearly the same
ESCAPE, BACKSPACE = "\ue00c", "\ue003"
EDITOR = "document.querySelector('textarea')"


@pytest.fixture(scope="module")
def firefox():
    """A page in Firefox for all tests of this file."""
    with firefox_page() as page:
        yield page


def shown(name):
    """A JavaScript expression for what the page says."""
    return f"document.querySelector('[data-test=\"{name}\"]').textContent"


def pressed(name):
    """A JavaScript expression that presses a button."""
    return (
        f"[...document.querySelectorAll('button')].find((one) => one.textContent.trim() === '{name}').click()"
    )


def test_a_text_becomes_a_network(firefox, digits_folder, tmp_path):
    (tmp_path / "my_net.txt").write_text(MODEL)
    words = "lab", digits_folder, tmp_path / "lab.html", "--models", tmp_path / "my_net.txt"
    assert cli.main([str(word) for word in words]) == 0
    firefox.goto((tmp_path / "lab.html").as_uri())
    firefox.wait_for(f"{shown('state')} === 'ready'")
    firefox.evaluate(f"({EDITOR}.focus(), {EDITOR}.setSelectionRange(0, 0))")
    firefox.press("X", ESCAPE)
    firefox.wait_for(f"{shown('problems')}.includes('XLayers')")
    firefox.press(BACKSPACE)
    firefox.wait_for(f"{shown('problems')} === ''")
    firefox.evaluate(pressed("Train"))
    firefox.wait_for(f"{shown('state')} === 'finished'")
    assert firefox.evaluate(shown("epoch")) == "3"
    firefox.evaluate(pressed("Test"))
    firefox.wait_for(f"{shown('test-accuracy')}.includes('%')")
    assert float(firefox.evaluate(shown("test-accuracy")).split()[0]) > 60  # of ten digits


def test_the_page_to_draw_on_answers(firefox, tmp_path):
    network = lay_out(parse_spec(MODEL))
    page = page_network("net", network, initial_weights(network, 0), (0.13, 0.31))
    (tmp_path / "draw.html").write_text(draw_page([page]), encoding="utf-8")
    firefox.goto((tmp_path / "draw.html").as_uri())
    found = firefox.evaluate("MNIST.probabilities(0, Array.from({ length: 784 }, (_, place) => place % 256))")
    assert np.sum(found) == pytest.approx(1, abs=1e-5)
    assert np.ptp(found) > 0.001
