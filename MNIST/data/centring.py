"""From an ink map of any size to MNIST's form: cut out, scaled into a 20×20 box, centred in 28×28 pixels.

MNIST itself was made from NIST's digits in this way. The arithmetic is so simple that the web page's
JavaScript can repeat it to the byte: two matrices of weights, one rounding, and a shift by whole pixels.
Source: LeCun, Bottou, Bengio, Haffner, Gradient-Based Learning Applied to Document Recognition (1998), III.A.
"""

import numpy as np
from numpy.typing import NDArray

SIDE, BOX = 28, 20  # of the image; of the digit's longer side
MIDDLE = SIDE // 2  # the pixel that holds MNIST's centres of mass, as measured, to within 0.02 pixels
NEARLY_BLACK = 0.99  # of full ink: the darkest pixel of every MNIST image has 254 or 255; it is not stretched
HALF = 0.5 + 1e-6  # rounds a half up, even where sums in another order end slightly below it


def centred(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Bring one digit to MNIST's form: uint8 (28, 28), 0 the background, 255 full ink.

    ink: float32 (rows, columns) in [0, 1]; every value above 0 belongs to the digit. Without ink, the image
    is blank.
    """
    image = np.zeros((SIDE, SIDE), np.uint8)
    if ink.any():
        digit = scaled(cropped(ink))
        top, left = (offset(digit.sum(axis=1 - axis, dtype=np.int64)) for axis in (0, 1))
        image[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return image


def cropped(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """The smallest rectangle that contains all ink. There must be some ink."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def scaled(ink: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Scale the longer side to 20 pixels, and stretch the contrast so that the darkest pixel is 255."""
    longer = max(ink.shape)
    height, width = (max(1, (2 * length * BOX + longer) // (2 * longer)) for length in ink.shape)  # rounded
    digit = weights(ink.shape[0], height) @ ink.astype(np.float64) @ weights(ink.shape[1], width).T
    darkest = digit.max()
    if darkest < NEARLY_BLACK:
        digit /= darkest
    return np.floor(digit * 255 + HALF).astype(np.uint8)


def weights(source: int, target: int) -> NDArray[np.float64]:
    """The weight of each of `source` pixels in each of `target` pixels: float64 (target, source).

    Each row sums to 1. Shrinking takes the mean over the area that a target pixel covers. Enlarging
    interpolates linearly between the centres of source pixels; beyond the outermost centres their value
    continues.
    """
    step = source / target
    target_pixel, source_pixel = np.arange(target)[:, None], np.arange(source)
    if target <= source:
        begin = np.maximum(target_pixel * step, source_pixel)
        end = np.minimum((target_pixel + 1) * step, source_pixel + 1)
        return np.maximum(end - begin, 0) / step
    position = np.clip((target_pixel + 0.5) * step - 0.5, 0, source - 1)
    return np.maximum(1 - np.abs(position - source_pixel), 0)


def offset(mass: NDArray[np.int64]) -> int:
    """The offset of a line of pixels that puts its centre of mass in the middle, or as near as it fits."""
    twice_centre = (mass * np.arange(1, 2 * len(mass), 2)).sum()  # times the mass; pixel i's centre: i + ½
    pixel = twice_centre // (2 * mass.sum())
    return int(np.clip(MIDDLE - pixel, 0, SIDE - len(mass)))
