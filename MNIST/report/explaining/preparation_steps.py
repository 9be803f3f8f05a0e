"""How pictures were brought into MNIST's form, step by step: in the terminal, and as a picture."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from MNIST.report.colours import FAINT
from MNIST.report.half_blocks import half_blocks
from MNIST.report.png import without_missing_glyphs

Steps = Sequence[tuple[str, NDArray[np.uint8]]]  # pictures, each with its name

ROWS, COLUMNS = 28, 40  # of a picture in the terminal, at most; an MNIST image fits unchanged
GAP = "   "
WIDTH, ROW = 8, 2.5  # of the PNG file and of each picture's row in it, in inches of 100 pixels


def terminal_lines(steps: Steps, width: int, **style: bool) -> list[str]:
    """The steps side by side, as many as fit, the others below them; style: for `half_blocks`."""
    lines: list[str] = []
    row: list[tuple[str, NDArray[np.uint8]]] = []
    for name, picture in steps:
        small = reduced(picture)
        taken = sum(max(each.shape[1], len(title)) + len(GAP) for title, each in [*row, (name, small)])
        if row and taken - len(GAP) > width:
            lines += [*_beside(row, style), ""]
            row = []
        row.append((name, small))
    return lines + _beside(row, style)


def reduced(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture reduced to fit into the terminal: means of squares of pixels, with repeated edges."""
    height, width = picture.shape
    side = max(-(-height // ROWS), -(-width // COLUMNS))
    whole = np.pad(picture, ((0, -height % side), (0, -width % side)), mode="edge")
    squares = whole.reshape(len(whole) // side, side, -1, side)
    small = np.rint(squares.mean(axis=(1, 3))).astype(np.uint8)
    return np.pad(small, ((0, len(small) % 2), (0, 0)), mode="edge")  # a character has two rows


def _beside(row: Steps, style: dict[str, bool]) -> list[str]:
    pictures = [half_blocks(picture, **style) for _, picture in row]
    widths = [max(picture.shape[1], len(name)) for name, picture in row]
    lines = [GAP.join(name.ljust(width) for (name, _), width in zip(row, widths, strict=True)).rstrip()]
    for number in range(max(map(len, pictures))):
        parts = []
        for (_, picture), text, width in zip(row, pictures, widths, strict=True):
            there = number < len(text)
            parts.append((text[number] if there else "") + " " * (width - picture.shape[1] * there))
        lines.append(GAP.join(parts).rstrip(" "))
    return lines


def steps_png(pictures: Sequence[tuple[str, Steps]]) -> bytes:
    """A row for each picture, below its title, as the bytes of a PNG file."""
    from matplotlib.figure import Figure  # not pyplot: no window system, no global state

    # The places are computed here: to let matplotlib find them takes minutes for 50 rows.
    figure = Figure(figsize=(WIDTH, ROW * len(pictures)))
    for row, (title, steps) in enumerate(pictures, 1):
        bottom, height = 1 - row / len(pictures), 1 / len(pictures)
        figure.text(0.01, bottom + 0.9 * height, title, fontsize=11, parse_math=False)
        for column, (name, picture) in enumerate(steps):
            place = ((column + 0.05) / len(steps), bottom + 0.02 * height, 0.9 / len(steps), 0.74 * height)
            axes = figure.add_axes(place)
            axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
            axes.set_title(name, fontsize=9, color=FAINT)
            axes.set(xticks=[], yticks=[])
    stream = io.BytesIO()
    with without_missing_glyphs():
        figure.savefig(stream, format="png", dpi=100)
    return stream.getvalue()
