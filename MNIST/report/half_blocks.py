"""Small grey pictures in the terminal: one character for two pixels, one above the other.

In colour, ▀ has the upper pixel's grey as foreground and the lower pixel's as background. Without colours (in
a file, a pipe, or with NO_COLOR) a shade shows the mean of both. Every terminal can do this: colours are the
26 greys of the usual 256 colours, and where blocks cannot be printed (LANG=C), shades are ASCII letters.
"""

import os
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

GREYS = (16, *range(232, 256), 231)  # of the 256 colours: black, 24 greys, white
SHADES = " ░▒▓█"
LETTERS = " .:*#"
RESET = "\x1b[0m"


def half_blocks(image: NDArray[np.uint8], colour: bool = True, ascii_only: bool = False) -> list[str]:
    """A picture as lines of text, one character for two pixels, one above the other.

    image: uint8 (rows, columns), 0 is black; an odd number of rows gets a black one below.
    colour: use ANSI sequences, each line ending with a reset; otherwise shades, which are light for bright
    pixels on a terminal's dark background. ascii_only: use shades of ASCII letters, without colour.
    """
    pairs = np.pad(image, ((0, len(image) % 2), (0, 0))).reshape(-1, 2, image.shape[1])
    if colour and not ascii_only:
        return [_coloured(upper, lower) for upper, lower in _levels(pairs, len(GREYS)).tolist()]
    shades = LETTERS if ascii_only else SHADES
    means = _levels(pairs.mean(axis=1), len(shades)).tolist()
    return ["".join(shades[level] for level in row) for row in means]


def can_show(stream: TextIO) -> dict[str, bool]:
    """What this stream can show, as the arguments `colour` and `ascii_only` of `half_blocks`."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    try:
        f"{SHADES}▀".encode(encoding)
        ascii_only = False
    except UnicodeEncodeError:
        ascii_only = True
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return {"colour": stream.isatty() and not plain and not ascii_only, "ascii_only": ascii_only}


def _levels(values: NDArray[np.generic], count: int) -> NDArray[np.int64]:
    """For each value, the nearest of `count` levels that are evenly spread over [0, 255]."""
    return np.rint(values.astype(np.float64) * ((count - 1) / 255)).astype(np.int64)


def _coloured(upper: list[int], lower: list[int]) -> str:
    """A line of ▀. Its colours are written only where they change."""
    line, before = "", None
    for colours in zip(upper, lower, strict=True):
        if colours != before:
            line += f"\x1b[38;5;{GREYS[colours[0]]};48;5;{GREYS[colours[1]]}m"
        line, before = line + "▀", colours
    return line + RESET
