"""Augmented images in the browser: bit for bit those of MNIST/data/augmentation.py."""

import numpy as np
import pytest
from engine_page import ask, open_engine

from MNIST.data.augmentation import augment
from MNIST.data.digits import make_digits
from MNIST.language import parse_spec

LINES = {
    "Rotate": ["Rotate,180"],
    "Shift": ["Shift,0.3"],
    "Zoom": ["Zoom,0.4"],
    "Shear": ["Shear,60"],
    "Elastic": ["Elastic,34,4"],
    "wide": ["Elastic,700.5,28"],
    "all": ["Rotate,12.5", "Shift,0.1", "Zoom,0.2", "Shear,9", "Elastic,30,3.3"],
    "nothing": ["Rotate,0"],
}


AUGMENT = """({ images, indices, text, seed, paper }) => {
  const { augment: lines } = parseSpec(text);
  const augmented = (which) => augment(kernels[which], images, indices, lines, BigInt(seed), paper);
  return ["simd", "plain"].map(augmented);
}"""


@pytest.fixture(scope="module")
def page(modules):
    return open_engine(modules, "browser/engine/augmentation.js")


@pytest.fixture(scope="module")
def images():
    return make_digits()[0][:100]


@pytest.mark.parametrize("name", LINES)
def test_the_same_bits(name, page, images):
    text = _text(LINES[name])
    indices = np.random.default_rng(0).integers(0, len(images), 300)  # more than are computed at once
    seed, paper = 2**63 + 12345678901, 30
    expected = augment(images, indices, parse_spec(text).augment, seed, paper)
    assert (expected != images[indices]).any() == (name != "nothing")
    how = {"images": images.ravel(), "indices": indices.astype("i4"), "seed": str(seed), "paper": paper}
    for found in ask(page, AUGMENT, text=text, **how):
        assert np.array_equal(found.reshape(-1, 28, 28), expected)


def _text(lines):
    return "\n".join(
        ["Layers:", "Flatten", "Dense,10,softmax", "Optimizer:", "0.001,0", "1", "32", "Augment:", *lines]
    )
