"""Many small images in one PNG file, of which a page shows a part at a time."""

from collections.abc import Iterable
from html import escape
from math import ceil, sqrt

import numpy as np

from MNIST.report.png import data_uri, grey_png

SIDE = 28


class Sprite:
    """Some of the test images, side by side. images: uint8 (n, 28, 28); wanted: which of them."""

    def __init__(self, images: np.ndarray, wanted: Iterable[int]) -> None:
        self.numbers = sorted({int(number) for number in wanted})
        self.columns = max(1, ceil(sqrt(len(self.numbers))))
        self._places = {number: place for place, number in enumerate(self.numbers)}
        self._images = images

    def place(self, number: int) -> tuple[int, int]:
        """The column and the row in which a test image lies."""
        row, column = divmod(self._places[number], self.columns)
        return column, row

    def pixels(self) -> np.ndarray:
        """All of them, uint8 (rows · 28, columns · 28)."""
        rows = ceil(len(self.numbers) / self.columns)
        sheet = np.zeros((max(1, rows) * self.columns, SIDE, SIDE), np.uint8)
        sheet[: len(self.numbers)] = self._images[self.numbers]
        return sheet.reshape(-1, self.columns, SIDE, SIDE).swapaxes(1, 2).reshape(-1, self.columns * SIDE)

    def style(self) -> str:
        """The CSS by which `digit` shows one; black on white on a light page."""
        return STYLE % (self.columns, data_uri(grey_png(self.pixels())))

    def digit(self, number: int, description: str) -> str:
        """A test image as HTML. description: for those who cannot see it, plain text."""
        column, row = self.place(number)
        style = f"--column:{column};--row:{row}"
        return f'<i class="digit" role="img" aria-label="{escape(description)}" style="{style}"></i>'


STYLE = """\
.digit { --side: 56px; display: inline-block; width: var(--side); height: var(--side); filter: invert(1);
  image-rendering: pixelated; background-size: calc(%d * var(--side)) auto;
  background-position: calc(-1 * var(--column) * var(--side)) calc(-1 * var(--row) * var(--side));
  background-image: url(%s); }
@media (prefers-color-scheme: dark) { .digit { filter: none; } }
"""
