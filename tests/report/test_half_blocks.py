"""A picture in the terminal is read back to its pixels by a small terminal that this test simulates."""

import io
import re

import numpy as np
import pytest

from MNIST.report.half_blocks import GREYS, LETTERS, SHADES, can_show, half_blocks

PICTURE = np.random.default_rng(0).integers(0, 256, (9, 13)).astype(np.uint8)


def _read_back(lines: list[str]) -> np.ndarray:
    """The grey level that a terminal would show, in [0, 255], for each half of each character."""
    rows = []
    for line in lines:
        upper, lower, colours = [], [], None
        for front, back, block in re.findall(r"\x1b\[38;5;(\d+);48;5;(\d+)m|(▀)", line):
            if block:
                upper.append(colours[0])
                lower.append(colours[1])
            else:
                colours = int(front), int(back)
        assert line.endswith("\x1b[0m")
        rows += [upper, lower]
    return np.vectorize(GREYS.index)(rows) * (255 / (len(GREYS) - 1))


def test_colours_show_each_pixel_to_half_a_grey():
    shown = _read_back(half_blocks(PICTURE))
    assert shown.shape == (10, 13)
    assert np.abs(shown[:9] - PICTURE).max() <= 255 / (len(GREYS) - 1) / 2
    assert not shown[9].any()


@pytest.mark.parametrize(("ascii_only", "shades"), [(False, SHADES), (True, LETTERS)])
def test_shades_show_the_mean_of_two_pixels(ascii_only, shades):
    lines = half_blocks(PICTURE, colour=False, ascii_only=ascii_only)
    shown = np.array([[shades.index(character) for character in line] for line in lines]) * 255 / 4
    expected = np.concatenate([PICTURE, np.zeros((1, 13))]).reshape(5, 2, 13).mean(axis=1)
    assert np.abs(shown - expected).max() <= 255 / 8
    assert half_blocks(PICTURE, ascii_only=True) == half_blocks(PICTURE, False, True)
    assert not ascii_only or "".join(lines).isascii()


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_a_stream_is_shown_what_it_can_show(monkeypatch):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    pipe, plain = (io.TextIOWrapper(io.BytesIO(), encoding=encoding) for encoding in ("utf-8", "ascii"))
    assert can_show(_Terminal(io.BytesIO(), encoding="utf-8")) == {"colour": True, "ascii_only": False}
    assert can_show(pipe) == {"colour": False, "ascii_only": False}
    assert can_show(plain) == {"colour": False, "ascii_only": True}
    assert can_show(_Terminal(io.BytesIO(), encoding="latin-1")) == {"colour": False, "ascii_only": True}
    monkeypatch.setenv("NO_COLOR", "1")
    assert not can_show(_Terminal(io.BytesIO(), encoding="utf-8"))["colour"]
