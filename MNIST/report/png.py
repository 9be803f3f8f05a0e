"""PNG files: figures and arrays of pixels as bytes, and files as text inside a page."""

import base64
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def without_missing_glyphs() -> Iterator[None]:
    """A context in which Matplotlib draws a box for a character that its font lacks, and says nothing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def figure_png(figure: Any) -> bytes:
    """A Matplotlib figure as a PNG file."""
    stream = io.BytesIO()
    with without_missing_glyphs():
        figure.savefig(stream, format="png", dpi=130)
    return stream.getvalue()


def grey_png(pixels: np.ndarray) -> bytes:
    """Pixels, uint8 (height, width), 0 black and 255 white, as a PNG file of the same size."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format="png")
    return stream.getvalue()


def data_uri(png: bytes) -> str:
    """A PNG file as an image address that contains the file itself."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
