"""Shared by the tests of the page: a page of some networks, open in a browser, and its answers."""

import numpy as np
import pytest

from MNIST.page import draw_page


@pytest.fixture
def open_page(browser_page, tmp_path):
    """Write a page of some networks and open it from the disk."""

    def opened(*networks):
        (tmp_path / "page.html").write_text(draw_page(networks), encoding="utf-8")
        browser_page.goto((tmp_path / "page.html").as_uri())
        return browser_page

    return opened


@pytest.fixture
def answers():
    """The probabilities, float64 (n, 10), that a page's network gives for some images."""

    def asked(page, images, network=0):
        ask = "([network, images]) => Promise.all(images.map((image) => MNIST.probabilities(network, image)))"
        return np.array(page.evaluate(ask, [network, images.reshape(len(images), -1).tolist()]))

    return asked
