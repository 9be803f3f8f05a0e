"""Find the pixels of a picture that are ink: dark on light or light on dark, drawn, scanned or photographed.

The background of a drawing has one level, and its ink is kept exactly. `photos` finds the ink on uneven
paper, and `strokes` tells what was written from the rest. A sheet on a table is looked at by itself.
"""

import numpy as np
from numpy.typing import NDArray

from MNIST.data.photos import photographed
from MNIST.data.strokes import pieces, written
from MNIST.errors import DataError

EVEN = 2  # levels between the quartiles of the border; if there are more, the picture is a photo
TRACES = 32  # levels that JPEG leaves around a digit; from quality 75 on there are seldom more
SMALLEST_PHOTO = 32  # pixels of the longer side; in a smaller picture, unevenness comes from JPEG
LEAST_CONTRAST = 16  # levels between background and ink; with fewer, the picture is blank
NEARLY_WHITE = 250  # levels: such ink is not stretched; MNIST's darkest pixels have 254 or 255
FAINT = 8  # levels: pixels with less ink are faint
MANY_FAINT = 0.2  # as a share of the other pixels with ink; 1 in 2,000 of MNIST's images has more
SHEET = 0.25  # of the picture's sides, at least, that a sheet of paper on a table takes
SMALLEST_SHEET = 40  # pixels
FILLED = 0.75  # of the rectangle around a sheet is the sheet
EDGE = 0.04  # of a sheet's shorter side, where its edge and shadow may be


def ink_map(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much ink each pixel has: float32 (rows, columns) in [0, 1]; the background is 0.

    The rows and columns are those of the picture, or of the sheet of paper in it; of a large photo, a value
    stands for a square of pixels.
    Raises DataError if nothing stands out from the background.
    """
    ink = _ink_of(picture)
    sheet = _sheet(ink)
    if sheet is not None:
        times = -(-picture.shape[0] // ink.shape[0])  # a large photo's ink is that of squares of pixels
        rows, columns = (slice(part.start * times, part.stop * times) for part in sheet)
        on_sheet = _ink_or_nothing(picture[rows, columns])
        if on_sheet.any():
            return written(on_sheet)
    return ink


def _ink_of(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    ink = _ink_or_nothing(picture)
    if not ink.any():
        raise DataError("blank: nothing stands out from the background (what is transparent counts as white)")
    return written(ink)


def _ink_or_nothing(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    low, middle, high = np.percentile(border, (25, 50, 75))
    is_photo = high - low > EVEN and max(picture.shape) >= SMALLEST_PHOTO
    return photographed(picture) if is_photo else drawn(picture, middle)


def _sheet(ink: NDArray[np.float32]) -> tuple[slice, slice] | None:
    """The part of a picture that a sheet of paper fills, without its edge; None if there is none."""
    from scipy import ndimage

    labels, masses = pieces(ink)
    largest = int(masses.argmax())
    box = ndimage.find_objects(labels)[largest]
    sides = [part.stop - part.start for part in box]
    if min(sides) < SMALLEST_SHEET or (labels[box] == largest + 1).mean() < FILLED:
        return None
    if any(side < SHEET * length for side, length in zip(sides, ink.shape, strict=True)):
        return None
    edge = int(EDGE * min(sides)) + 1
    rows, columns = (slice(part.start + edge, part.stop - edge) for part in box)
    return rows, columns


def drawn(picture: NDArray[np.uint8], background: float) -> NDArray[np.float32]:
    """The ink on a background of one level; the darkest pixel is 1."""
    ink = one_side(picture - np.float32(background))
    full = ink.max()
    if full < LEAST_CONTRAST:
        return np.zeros_like(ink)
    faint = (ink > 0) & (ink < FAINT)
    if faint.sum() > MANY_FAINT * (ink >= FAINT).sum():  # more than a pen's edges leave: they are JPEG's
        ink[ink < min(TRACES, full / 4)] = 0
    return ink / np.float32(255 if full >= NEARLY_WHITE else full)


def one_side(residual: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each pixel differs from the background towards the side with the larger sum of squares."""
    darker, lighter = np.maximum(-residual, 0), np.maximum(residual, 0)
    weight = [(side**2).sum(dtype=np.float64) for side in (darker, lighter)]
    return darker if weight[0] >= weight[1] else lighter
