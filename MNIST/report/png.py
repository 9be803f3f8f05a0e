"""PNG files as bytes: of figures, of arrays of pixels; and as text that stands in a page."""

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np


def figure_png(figure: Any) -> bytes:
    """A Matplotlib figure as a PNG file."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130)
    return stream.getvalue()


def grey_png(pixels: np.ndarray) -> bytes:
    """Pixels, uint8 (height, width), 0 black and 255 white, as a PNG file of as many.

    Source: PNG Specification, third edition (W3C, 2025): 8 bits of grey, no filter.
    """
    height, width = pixels.shape
    rows = np.pad(pixels, ((0, 0), (1, 0))).tobytes()  # before each row, its filter: 0, none
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def data_uri(png: bytes) -> str:
    """A PNG file as the address of an image that a page carries in itself."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
