"""Numbers in everyday words, and texts that are safe to print."""

import pytest

from MNIST.words import counted, escaped


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (10_000, "10,000 images")]
)
def test_one_is_no_plural(number, text):
    assert counted(number, "image") == text


def test_names_are_printed_without_what_a_terminal_would_obey():
    assert escaped("a\x1b[2J\n\u202eb\udcff") == r"a\x1b[2J\n\u202eb\udcff"
    plain = "Ziffer 7 – größer 模型 [red] <script>.png"
    assert escaped(plain) == plain
