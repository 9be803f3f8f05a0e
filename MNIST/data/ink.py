"""Which pixels of a picture are ink: dark on light or light on dark, drawn, scanned or photographed.

A drawing's background is one level, and its ink is kept to the bit. A photo's paper is uneven and noisy: its
light is fitted by a smooth surface, and what lies within the noise is paper. Specks are dropped from both.
"""

import numpy as np
from numpy.typing import NDArray

from MNIST.data.centring import BOX, cropped
from MNIST.errors import DataError

EVEN = 2  # levels between the quartiles of the border: with more, the picture is a photo
TRACES = 32  # levels of what JPEG leaves around a digit; it is seldom more from quality 75 on
SMALLEST_PHOTO = 64  # pixels of its longer side; in a smaller picture they are JPEG's traces
LEAST_CONTRAST = 16  # levels between background and ink: with less, the picture is blank
NEARLY_WHITE = 250  # ink so many levels from the background is full as it is; MNIST's darkest is 254 or 255
FAINT = 8  # levels: pixels with less ink are faint
MANY_FAINT = 0.2  # of the other pixels with ink; of MNIST's images 1 in 2,000 has more
NOISE = 4  # standard deviations of the paper: what differs by more is ink
USUAL_WIDTH = 2.0  # of the lines of MNIST's images: the median is 1.96
FITTED = 64  # points a side, at most, that the paper's light is fitted to
QUADRATIC = [0, 1, 2, 3, 4, 6]  # of the products of powers of y and x: 1, x, x², y, yx, y²


def ink_map(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much ink each pixel has: float32 (rows, columns) in [0, 1], 0 the background.

    Raises DataError if nothing stands out from the background.
    """
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    low, middle, high = np.percentile(border, (25, 50, 75))
    is_photo = high - low > EVEN and max(picture.shape) >= SMALLEST_PHOTO
    ink = photographed(picture) if is_photo else drawn(picture, middle)
    if not ink.any():
        raise DataError("blank: nothing stands out from the background (what is transparent counts as white)")
    return without_specks(ink)


def drawn(picture: NDArray[np.uint8], background: float) -> NDArray[np.float32]:
    """The ink on a background of one level; the fullest is 1."""
    ink = one_side(picture - np.float32(background), 0)
    full = ink.max()
    if full < LEAST_CONTRAST:
        return np.zeros_like(ink)
    faint = (ink > 0) & (ink < FAINT)
    if faint.sum() > MANY_FAINT * (ink >= FAINT).sum():  # more than a pen's edges have: the traces of JPEG
        ink[ink < min(TRACES, full / 4)] = 0
    return ink / np.float32(255 if full >= NEARLY_WHITE else full)


def photographed(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The ink on paper that is uneven and noisy: 0 to a quarter of the usual ink, 1 from three quarters."""
    light, spread = paper(picture)
    residual, noise = picture - light, NOISE * spread
    ink = one_side(residual, noise)
    ink[ink < noise] = 0
    full = (ink**2).sum() / max(ink.sum(), 1)  # a mean weighted by the ink: noise counts little
    if full < LEAST_CONTRAST:
        return np.zeros_like(ink)
    ink -= max(full / 4, noise)
    return np.clip(ink / (full / 2), 0, 1)


def paper(picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """The paper's light, the quadratic surface nearest to all that is not ink; and the noise around it."""
    y, x = (np.linspace(-1, 1, length, dtype=np.float32) for length in picture.shape)
    rows, columns = (slice(None, None, -(-length // FITTED)) for length in picture.shape)
    some = picture[rows, columns].ravel().astype(np.float64)
    products = np.einsum("iy,jx->yxij", _powers(y[rows]), _powers(x[columns]))
    terms = products.reshape(len(some), 9)[:, QUADRATIC]
    is_paper = np.ones(len(some), bool)
    for _ in range(8):  # each fit finds more of the ink, which is left out of the next
        A = terms[is_paper]
        coefficients = np.linalg.solve(A.T @ A + 1e-9 * np.eye(len(QUADRATIC)), A.T @ some[is_paper])
        residual = some - terms @ coefficients
        spread = deviation(residual)
        is_paper = np.abs(residual) <= max(3 * spread, 1)
    surface = np.zeros(9, np.float32)
    surface[QUADRATIC] = coefficients
    return (_powers(y).T @ surface.reshape(3, 3) @ _powers(x)).astype(np.float32), spread


def _powers(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """1, x and x² below one another: (3, n)."""
    return np.stack([np.ones_like(x), x, x * x])


def deviation(residual: NDArray[np.floating]) -> float:
    """The standard deviation of most of these values, from their median distance: ink does not disturb it."""
    return float(1.4826 * np.median(np.abs(residual - np.median(residual))))


def one_side(residual: NDArray[np.float32], noise: float) -> NDArray[np.float32]:
    """How far each pixel is from the background on the ink's side, where the sum of squares is larger."""
    darker, lighter = np.maximum(-residual, 0), np.maximum(residual, 0)
    weight = [(side[side > noise] ** 2).sum(dtype=np.float64) for side in (darker, lighter)]
    return darker if weight[0] >= weight[1] else lighter


def without_specks(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Only the pieces that would have at least a pixel's height or width in MNIST's form."""
    from scipy import ndimage

    labels, _ = pieces(ink)
    sizes = [max(part.stop - part.start for part in box) for box in ndimage.find_objects(labels)]
    keep = np.array([False, *(size >= max(sizes) / BOX for size in sizes)])
    return np.where(keep[labels], ink, np.float32(0))


def pieces(ink: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The number of each pixel's piece, from 1, 0 where there is no ink; and how much ink each piece has."""
    from scipy import ndimage

    labels, count = ndimage.label(ink > 0, np.ones((3, 3)))  # corners connect
    return labels, ndimage.sum_labels(ink, labels, np.arange(1, count + 1))


def line_width(ink: NDArray[np.floating]) -> float:
    """The mean width of its lines in pixels of MNIST's form: twice the ink by the length of its outline."""
    padded = np.pad(cropped(ink), 1).astype(np.float64)
    outline = sum(np.abs(np.diff(padded, axis=axis)).sum() for axis in (0, 1))
    return float(2 * padded.sum() / outline * BOX / (max(padded.shape) - 2))


def thickened(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The ink with so much more around each line that it is as wide as MNIST's mostly are."""
    from scipy import ndimage

    more = (USUAL_WIDTH - line_width(ink)) / 2 * max(cropped(ink).shape) / BOX
    padded = np.pad(ink, int(more) + 2)
    distance = ndimage.distance_transform_edt(padded < 0.5)
    return np.maximum(padded, np.clip(more + 0.5 - distance, 0, 1)).astype(np.float32)
