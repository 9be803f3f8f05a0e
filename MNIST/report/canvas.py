"""A picture made of pixels and words. Places are in pixels from the upper left corner."""

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from MNIST.report.png import without_missing_glyphs

DPI = 100


@dataclass
class Canvas:
    """A white sheet; width and height are in pixels. Placed pictures keep their pixels unchanged."""

    width: int
    height: int
    _words: list[dict[str, Any]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._pixels = np.full((self.height, self.width, 3), 255, np.uint8)

    def place(self, picture: np.ndarray, left: int, top: int) -> None:
        """Place a picture: uint8, (rows, columns) grey or (rows, columns, 3) coloured."""
        coloured = picture if picture.ndim == 3 else picture[..., None]
        self._pixels[top : top + len(picture), left : left + picture.shape[1]] = coloured

    def write(self, words: str, left: int, top: int, size: int = 14, **style: Any) -> None:
        """Write words with their upper left corner there. size: in pixels. style: for Matplotlib's Text."""
        words = words.encode("utf-8", "replace").decode()  # a file's name need not be Unicode
        self._words.append({"s": words, "x": left, "y": top, "fontsize": size * 72 / DPI, **style})

    def png(self) -> bytes:
        """The sheet as the bytes of a PNG file."""
        from matplotlib.figure import Figure  # not pyplot: no window system, no global state

        figure: Any = Figure(figsize=(self.width / DPI, self.height / DPI), dpi=DPI)
        figure.figimage(self._pixels)
        for words in self._words:
            x, y = words["x"] / self.width, 1 - words["y"] / self.height
            style = {"va": "top", "parse_math": False, **words, "x": x, "y": y}
            figure.text(**style)
        stream = io.BytesIO()
        with without_missing_glyphs():
            figure.savefig(stream, format="png")
        return stream.getvalue()


def enlarged(picture: np.ndarray, times: int) -> np.ndarray:
    """The picture with each pixel as a square of times × times pixels."""
    return picture.repeat(times, axis=0).repeat(times, axis=1)
