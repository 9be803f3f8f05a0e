"""PNG files: figures and arrays of pixels as bytes, and files as text inside a page."""

import base64
import io
from typing import Any

import numpy as np


def figure_png(figure: Any) -> bytes:
    """A Matplotlib figure as a PNG file."""
    stream = io.BytesIO()
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
