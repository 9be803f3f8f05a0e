"""Find the pixels of a picture that are ink: dark on light or light on dark, drawn, scanned or photographed.

The background of a drawing has one level, and its ink is kept exactly. The paper of a photo is uneven and
noisy: a smooth surface is fitted to its light, and pixels within the noise count as paper. Specks are removed
from both.
"""

import numpy as np
from numpy.typing import NDArray

from MNIST.data.centring import BOX, cropped
from MNIST.errors import DataError

EVEN = 2  # levels between the quartiles of the border; if there are more, the picture is a photo
TRACES = 32  # levels that JPEG leaves around a digit; from quality 75 on there are seldom more
SMALLEST_PHOTO = 64  # pixels of the longer side; in a smaller picture, unevenness comes from JPEG
LEAST_CONTRAST = 16  # levels between background and ink; with fewer, the picture is blank
NEARLY_WHITE = 250  # levels: such ink is not stretched; MNIST's darkest pixels have 254 or 255
FAINT = 8  # levels: pixels with less ink are faint
MANY_FAINT = 0.2  # as a share of the other pixels with ink; 1 in 2,000 of MNIST's images has more
NOISE = 4  # standard deviations of the paper; pixels that differ by more are ink
USUAL_WIDTH = 2.0  # of the lines in MNIST's images, whose median is 1.96
FITTED = 64  # points on each side, at most, to which the paper's light is fitted
QUADRATIC = [0, 1, 2, 3, 4, 6]  # of the products of powers of y and x: 1, x, x², y, yx, y²


def ink_map(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much ink each pixel has: float32 (rows, columns) in [0, 1]; the background is 0.

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
    """The ink on a background of one level; the darkest pixel is 1."""
    ink = one_side(picture - np.float32(background), 0)
    full = ink.max()
    if full < LEAST_CONTRAST:
        return np.zeros_like(ink)
    faint = (ink > 0) & (ink < FAINT)
    if faint.sum() > MANY_FAINT * (ink >= FAINT).sum():  # more than a pen's edges leave: they are JPEG's
        ink[ink < min(TRACES, full / 4)] = 0
    return ink / np.float32(255 if full >= NEARLY_WHITE else full)


def photographed(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The ink on uneven, noisy paper: 0 up to a quarter of the usual ink, 1 from three quarters on."""
    light, spread = paper(picture)
    residual, noise = picture - light, NOISE * spread
    ink = one_side(residual, noise)
    ink[ink < noise] = 0
    full = (ink**2).sum() / max(ink.sum(), 1)  # a mean weighted by the ink, so that noise counts little
    if full < LEAST_CONTRAST:
        return np.zeros_like(ink)
    ink -= max(full / 4, noise)
    return np.clip(ink / (full / 2), 0, 1)


def paper(picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """The paper's light, as the quadratic surface nearest to all pixels that are not ink; and the noise."""
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
        spread = standard_deviation(residual)
        is_paper = np.abs(residual) <= max(3 * spread, 1)
    surface = np.zeros(9, np.float32)
    surface[QUADRATIC] = coefficients
    return (_powers(y).T @ surface.reshape(3, 3) @ _powers(x)).astype(np.float32), spread


def _powers(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """1, x and x² below one another: (3, n)."""
    return np.stack([np.ones_like(x), x, x * x])


def standard_deviation(residual: NDArray[np.floating]) -> float:
    """The standard deviation of most of these values, from their median distance. Ink does not change it."""
    return float(1.4826 * np.median(np.abs(residual - np.median(residual))))


def one_side(residual: NDArray[np.float32], noise: float) -> NDArray[np.float32]:
    """How far each pixel differs from the background towards the side with the larger sum of squares."""
    darker, lighter = np.maximum(-residual, 0), np.maximum(residual, 0)
    weight = [(side[side > noise] ** 2).sum(dtype=np.float64) for side in (darker, lighter)]
    return darker if weight[0] >= weight[1] else lighter


def without_specks(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keep only the pieces that are at least one pixel high or wide in MNIST's form."""
    from scipy import ndimage

    labels, _ = pieces(ink)
    sizes = [max(part.stop - part.start for part in box) for box in ndimage.find_objects(labels)]
    keep = np.array([False, *(size >= max(sizes) / BOX for size in sizes)])
    return np.where(keep[labels], ink, np.float32(0))


def pieces(ink: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The number of the piece that each pixel belongs to, from 1 (0: no ink), and the ink of each piece."""
    from scipy import ndimage

    labels, count = ndimage.label(ink > 0, np.ones((3, 3)))  # corners connect
    return labels, ndimage.sum_labels(ink, labels, np.arange(1, count + 1))


def line_width(ink: NDArray[np.floating]) -> float:
    """The mean line width in pixels of MNIST's form: twice the ink divided by the outline's length."""
    padded = np.pad(cropped(ink), 1).astype(np.float64)
    outline = sum(np.abs(np.diff(padded, axis=axis)).sum() for axis in (0, 1))
    return float(2 * padded.sum() / outline * BOX / (max(padded.shape) - 2))


def thickened(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thicken each line until it is as wide as most lines of MNIST."""
    from scipy import ndimage

    more = (USUAL_WIDTH - line_width(ink)) / 2 * max(cropped(ink).shape) / BOX
    padded = np.pad(ink, int(more) + 2)
    distance = ndimage.distance_transform_edt(padded < 0.5)
    return np.maximum(padded, np.clip(more + 0.5 - distance, 0, 1)).astype(np.float32)
