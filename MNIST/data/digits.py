"""The 1,797 handwritten digits that scikit-learn carries, brought to MNIST's form: data without a network.

They are 8×8 images of 17 grey levels, by 13 writers. As in MNIST, each is scaled to fill a 20×20 box
with its proportions unchanged, and placed in 28×28 pixels with its centre of mass in the middle.
All arithmetic is in whole numbers, so that the bytes are the same on every machine.
Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI (1998).
"""

import numpy as np
from numpy.typing import NDArray

from MNIST.data.idx import IMAGE_SIDE

BOX = 20  # MNIST's digits fill a box of this side
TEST_COUNT = 297
DARKEST = 16  # of scikit-learn's levels


def make_digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return training images and labels, test images and labels: always the same 1,500 and 297.

    Images: uint8 (n, 28, 28); labels: uint8 (n,).
    """
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.stack([enlarge(image) for image in digits.images.astype(np.int64)])
    labels = digits.target.astype(np.uint8)
    # RandomState, because NumPy has frozen its stream for good; a Generator's may change.
    order = np.random.RandomState(0).permutation(len(images))
    test, train = order[:TEST_COUNT], order[TEST_COUNT:]
    return images[train], labels[train], images[test], labels[test]


def enlarge(image: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Bring one digit to MNIST's form: int64 (8, 8) in [0, 16] to uint8 (28, 28) in [0, 255]."""
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    ink = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, length * BOX // max(ink.shape)) for length in ink.shape)
    vertical, horizontal = _interpolation(ink.shape[0], height), _interpolation(ink.shape[1], width)
    levels = vertical @ ink @ horizontal.T  # in [0, DARKEST · 2 height · 2 width]
    scaled = levels * 255 // (DARKEST * 4 * height * width)
    sharp = np.clip(2 * scaled - 128, 0, 255)  # bilinear edges are softer than MNIST's
    return _centred(sharp).astype(np.uint8)


def _interpolation(source: int, target: int) -> NDArray[np.int64]:
    """The weights that interpolate `source` pixels linearly at `target` points: int64 (target, source).

    Each row sums to 2 · target. Pixel i of the target has its centre at (2i + 1) · source / (2 · target).
    Beyond the outermost centres of the source, the border's value continues.
    """
    positions = np.arange(1, 2 * target, 2) * source - target  # from the first centre, in 1 / (2 · target)
    positions = np.clip(positions, 0, 2 * target * (source - 1))
    distances = np.abs(positions[:, None] - 2 * target * np.arange(source))
    return np.maximum(2 * target - distances, 0)


def _centred(ink: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place `ink` in a 28×28 image with its centre of mass in the middle, or as near to it as it fits."""
    top, left = (_offset(ink.sum(axis=1 - axis)) for axis in (0, 1))
    image = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.int64)
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return image


def _offset(mass: NDArray[np.int64]) -> int:
    """The rounded offset of a line that puts its centre of mass in the middle of 28 pixels, if it fits."""
    total = mass.sum()
    twice_centre = (mass * np.arange(1, 2 * len(mass), 2)).sum()  # times the total
    offset = (IMAGE_SIDE * total - twice_centre + total) // (2 * total)
    return int(np.clip(offset, 0, IMAGE_SIDE - len(mass)))
