"""Numbers in everyday words."""

import pytest

from MNIST.words import counted


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (10_000, "10,000 images")]
)
def test_one_is_no_plural(number, text):
    assert counted(number, "image") == text
