"""Many small images in one PNG file. A page shows one of them at a time."""

from collections.abc import Iterable
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
        """The column and the row of a test image."""
        row, column = divmod(self._places[number], self.columns)
        return column, row

    def pixels(self) -> np.ndarray:
        """All wanted images: uint8 (rows · 28, columns · 28)."""
        rows = ceil(len(self.numbers) / self.columns)
        sheet = np.zeros((max(1, rows) * self.columns, SIDE, SIDE), np.uint8)
        sheet[: len(self.numbers)] = self._images[self.numbers]
        return sheet.reshape(-1, self.columns, SIDE, SIDE).swapaxes(1, 2).reshape(-1, self.columns * SIDE)

    def data_uri(self) -> str:
        """All wanted images as one image address; sprite.html shows a part of it."""
        return data_uri(grey_png(self.pixels()))
