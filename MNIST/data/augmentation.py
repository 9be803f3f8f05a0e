"""`Augment:` at work: each training image is rotated, shifted, zoomed, sheared and bent by random amounts.

`MNIST/language/augmentations.py` says what each line means, `MNIST/training/epoch_images.py` when an epoch's
images are made. The amounts for an image are a hash of the epoch's seed and the image's index. So an image
comes out the same, to the bit, in any order, in any parts and on any number of threads.

All changes together are one map from each pixel to the point that its value comes from, and one interpolation
there. This is code of our own because it takes many images at a time: 13 µs for an image on one core of Zen
4, where scipy.ndimage takes 100 (`benchmarks/augmentation.py`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from MNIST.data.counter_random import from_minus_one_to_one, splitmix64
from MNIST.language import Augmentation, Elastic, Rotate, Shear, Shift, Zoom

SIDE = 28
CENTRE = (SIDE - 1) / 2
AMOUNTS = 6  # draws for an image's affine map; those for its noise come after them
CHUNK = 64  # images at a time, in cache: 13 µs an image, 17 with 16, 12.3 with 128 or 256 (one core of Zen 4)


def augment(
    images: NDArray[np.uint8],
    which: NDArray[np.int64],
    augmentations: Sequence[Augmentation],
    seed: int,
    paper: int = 0,
) -> NDArray[np.uint8]:
    """Return the images with these indices, each changed: uint8 (n, 28, 28), a new array.

    images: uint8 (N, 28, 28); which: (n,), each in [0, N); augmentations: each kind at most once.
    seed: that of the epoch, in [0, 2⁶⁴). paper: the value of a pixel outside the images.
    """
    keys = splitmix64(np.uint64(seed), which)
    amounts = draw_amounts(augmentations, keys)
    elastic = next((each for each in augmentations if isinstance(each, Elastic)), None)
    changed = np.empty((len(which), SIDE, SIDE), np.uint8)
    for start in range(0, len(which), CHUNK):
        part = slice(start, start + CHUNK)
        rows, columns = affine_sources(amounts[:, part])
        if elastic:
            displacements = elastic_displacements(elastic, keys[part])
            rows += displacements[:, 0]
            columns += displacements[:, 1]
        changed[part] = interpolate(images[which[part]], rows, columns, paper)
    return changed


def draw_amounts(augmentations: Sequence[Augmentation], keys: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Draw six amounts for each key, evenly between minus and plus the value in the model file: (6, n).

    In this order: Rotate's angle; Shift's distances down and to the right, in pixels; Zoom's changes of the
    height and the width, as fractions; Shear's angle. Angles are in radians. The amount is 0 where the
    augmentation is not in the file.
    """
    most = np.zeros(AMOUNTS)
    for augmentation in augmentations:
        match augmentation:
            case Rotate(degrees):
                most[0] = np.radians(degrees)
            case Shift(fraction):
                most[1:3] = fraction * SIDE
            case Zoom(fraction):
                most[3:5] = fraction
            case Shear(degrees):
                most[5] = np.radians(degrees)
    return most[:, None] * from_minus_one_to_one(splitmix64(keys, np.arange(AMOUNTS)[:, None]))


def affine_sources(amounts: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The row and the column of the original image from which each pixel takes its value: both (n, 28, 28).

    amounts: (6, n), of `draw_amounts`.
    An image is zoomed, then sheared, then rotated, all about its centre, then shifted. A pixel's point is
    found in the reverse order. Let (r, c) be a point relative to the centre. Rotated back it is (u, v), where
    u = r·cos + c·sin and v = c·cos − r·sin; sheared back it is (u, v + u·tan); zooming back divides both.
    """
    angle, down, right, taller, wider, slant = amounts
    cos, sin, tan = np.cos(angle), np.sin(angle), np.tan(slant)
    r = np.arange(SIDE) - CENTRE - down[:, None]
    c = np.arange(SIDE) - CENTRE - right[:, None]

    def source(of_r: NDArray[np.float64], of_c: NDArray[np.float64]) -> NDArray[np.float32]:
        """of_r · r + of_c · c, relative to the corner again; exact where nothing moves."""
        part_of_r = (of_r[:, None] * r + CENTRE).astype(np.float32)
        part_of_c = (of_c[:, None] * c).astype(np.float32)
        return part_of_r[:, :, None] + part_of_c[:, None, :]

    rows = source(cos / (1 + taller), sin / (1 + taller))
    columns = source((cos * tan - sin) / (1 + wider), (sin * tan + cos) / (1 + wider))
    return rows, columns


def elastic_displacements(elastic: Elastic, keys: NDArray[np.uint64]) -> NDArray[np.float32]:
    """How far down and to the right of each pixel its value comes from, in pixels: (n, 2, 28, 28).

    The noise takes the middles of 256 equal cells of [−1, 1]. Beyond the border it is 0, so that pixels near
    the border move less. All sums are exact (multiples of 2⁻⁴⁵ below 2⁷), so they are the same in whatever
    order a BLAS adds.
    """
    indices = AMOUNTS + np.arange(2 * SIDE * SIDE // 8)  # eight bytes of noise each
    noise = splitmix64(keys[:, None], indices).astype("<u8", copy=False).view(np.int8) + 0.5  # times 128
    G = gaussian_matrix(elastic.sigma)
    smoothed = G @ noise.reshape(-1, 2, SIDE, SIDE) @ G
    return (smoothed * (elastic.alpha / 128)).astype(np.float32)


def gaussian_matrix(sigma: float) -> NDArray[np.float64]:
    """G[i, j] is the weight of pixel j in the smoothed pixel i, a multiple of 2⁻²², rounded down.

    The weights of a row would sum to 1 if the line of pixels had no ends.
    """
    distance = np.arange(-1000, 1001)  # far beyond what the widest Gaussian, 28 pixels, reaches
    weights = np.exp(-(distance**2) / (2 * sigma**2))
    pixel = np.arange(SIDE)
    return np.floor((weights / weights.sum())[1000 + pixel[:, None] - pixel] * 2**22) / 2**22


def interpolate(
    images: NDArray[np.uint8], rows: NDArray[np.float32], columns: NDArray[np.float32], paper: int = 0
) -> NDArray[np.uint8]:
    """Interpolate each image linearly between four pixels at these points, rounded: uint8 (n, 28, 28).

    rows, columns: float32 (n, 28, 28), in pixels; both are overwritten. paper: the value outside
    the image.
    """
    height, width = SIDE + 3, SIDE + 4  # a pixel above and at the left, two and more below and at the right
    padded = np.full((len(images), height, width), paper, np.float32)
    padded[:, 1 : 1 + SIDE, 1 : 1 + SIDE] = images
    pixels = padded.ravel()  # the images one below another

    np.clip(rows, -1, SIDE, out=rows)
    np.clip(columns, -1, SIDE, out=columns)
    top, left = np.floor(rows), np.floor(columns)
    down, right = np.subtract(rows, top, out=rows), np.subtract(columns, left, out=columns)  # in [0, 1)
    first = np.arange(len(images), dtype=np.float32) * (height * width) + (width + 1)
    index = (top * width + left + first[:, None, None]).astype(np.intp)  # exact in float32: below 2²⁴

    def along_row(offset: int) -> NDArray[np.float32]:
        # All indices are inside the array, so "wrap" never wraps; it takes half the time of checking them.
        one, two = (pixels[offset + step :].take(index, mode="wrap") for step in (0, 1))
        two -= one
        two *= right
        one += two
        return one

    value, below = along_row(0), along_row(width)
    below -= value
    below *= down
    value += below
    return np.rint(value, out=value).astype(np.uint8)
