"""What every kind of source gives."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from MNIST.data.centring import SIDE
from MNIST.errors import DataError

MOST_IMAGES = 1_000_000
MOST_SIDE = 4_096  # pixels of an image in a table or an array
FEW = 0.01  # of the pixels with ink: where so few are above 1, the others go from 0 to 1, and these are wrong

Progress = Callable[[int, int], None]
"""Called now and then with how many images are read, and how many there are (0: not known)."""


@dataclass(frozen=True)
class Part:
    """Images of one set and their labels: uint8 (n, 28, 28), and int64 (n,), indices into the classes."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Found:
    """What is in a source.

    test: None if the source has no test set of its own. classes: what the labels mean, from 0.
    form, ink: as in `About`; None if the source does not say it and the images show it. problems: what could
    not be read, a line each. notes: what was done to the images.
    """

    train: Part
    test: Part | None
    classes: tuple[str, ...]
    form: str | None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ink: str | None = None


def image_key(image: NDArray[np.uint8]) -> bytes:
    """A few bytes that only equal images share."""
    return hashlib.blake2b(image.data, digest_size=16).digest()


def squares(pixels: NDArray[np.generic], where: str) -> NDArray[np.generic]:
    """Rows of pixels as square images: (n, side²) to (n, side, side). Raises DataError for other lengths."""
    side = int(np.sqrt(pixels.shape[1]))
    if side * side != pixels.shape[1] or not 1 <= side <= MOST_SIDE:
        raise DataError(
            f"{where}: expected square images, {SIDE * SIDE} pixels for {SIDE}×{SIDE},"
            f" found {pixels.shape[1]:,} in each row"
        )
    return pixels.reshape(len(pixels), side, side)


def refuse_other_sides(sides: tuple[int, ...], where: str) -> None:
    """Raise DataError for images without pixels, and for larger ones than are read."""
    if not all(1 <= side <= MOST_SIDE for side in sides):
        found = "×".join(map(str, sides))
        raise DataError(f"{where}: expected images with sides of 1 to {MOST_SIDE:,} pixels, found {found}")


def white_of(sets: Iterable[NDArray[np.generic]]) -> int:
    """The level of white in a source, of which any number of arrays are given: 1 or 255.

    It is 1 if no level is higher, or nearly none, and some lie between 0 and 1: the higher ones are wrong.
    """
    inked, above, between = 0, 0, False
    for levels in sets:
        ink = levels[levels != 0]
        inked += ink.size
        above += int(np.count_nonzero(ink > 1))
        between |= bool(((ink > 0) & (ink < 1)).any())
        if above and above >= FEW * inked:
            return 255
    return 1 if between or not above else 255


def as_bytes(levels: NDArray[np.generic], white: int) -> NDArray[np.uint8]:
    """Grey levels from 0 to white, 1 or 255, as uint8."""
    if levels.dtype == np.uint8 and white == 255:
        return levels.view(np.ndarray)
    return np.rint(levels.astype(np.float32) * (255 // white)).astype(np.uint8)
