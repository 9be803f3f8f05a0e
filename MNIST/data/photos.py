"""The ink in a photo or a scan, on paper that is unevenly lit and noisy.

The paper's light is what is brightest nearby: a closing fills in all strokes. Ink is measured as the part of
that light that it takes away, so that it is as dark in a shadow as beside it. Otsu's threshold parts the
densities of paper and ink; squared paper, and ink that shows through, mostly lie below it.
Sources: Serra (1982), Image Analysis and Mathematical Morphology, for the closing; Otsu (1979), A threshold
selection method from gray-level histograms.
"""

from math import isqrt

import numpy as np
from numpy.typing import NDArray

LARGEST = 256  # pixels of the `length`: in a larger picture, means over squares are less noisy
SIDE = 96  # pixels, about, of the `length` of the picture in which the paper's light is estimated
WINDOW = 0.4  # of the shorter side: wider than any stroke, and than half the picture's ink
DARKEST = 8.0  # levels: no paper is taken for darker
LEAST_DENSITY = 0.06  # of ink; below it, the picture is blank
NOISE = 4  # standard deviations of the paper's density, at least, that ink lies above it
NOTHING, FULL = 0.35, 0.65  # of the usual ink's density: from where on there is some ink, and full ink
FAR = 3.0  # times as dense
EXTREMES = 0.2, 99.8  # percentiles: a thin stroke in a large picture covers less than 1 % of it
BINS = 128


def photographed(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much ink each pixel has: float32 in [0, 1]; all 0 if nothing stands out.

    Of a large picture, how much ink each square of pixels has.

    picture: uint8 (rows, columns), dark ink on bright paper or bright on dark.
    """
    grey = _reduced(picture.astype(np.float32), max(1, length(picture.shape) // LARGEST))
    if _is_bright(grey):
        grey = 255 - grey
    density = np.clip(1 - grey / np.maximum(light(grey), DARKEST), 0, 1)
    threshold = _threshold(density)
    ink, paper = density[density >= threshold], density[density < threshold]
    if not (len(ink) and len(paper)):
        return np.zeros_like(density)
    usual, spread = float(np.median(ink)), standard_deviation(paper)
    if usual < max(LEAST_DENSITY, NOISE * spread):
        return np.zeros_like(density)
    nothing = max(NOTHING * usual, float(np.median(paper)) + 3 * spread)
    return np.clip((density - nothing) / ((FULL - NOTHING) * usual), 0, 1).astype(np.float32)


def length(sides: tuple[int, ...]) -> int:
    """The longer of two sides; of a strip, that of a picture twice as long as high with as many pixels.

    What is written on a strip is small beside its longer side. But it counts as at least a sixteenth of that
    side: what is read of a longer one would need too much memory.
    """
    longer = max(sides)
    return min(longer, max(isqrt(2 * sides[0] * sides[1]), longer // 16))


def _threshold(density: NDArray[np.floating]) -> float:
    """From where on a density is ink's: Otsu's threshold, or a higher one that parts far denser ink from it.

    What lies between the two is light that was taken for brighter than it is, as near the picture's border.
    """
    threshold = otsu(density)
    dense = density[density >= threshold]
    higher = otsu(dense) if len(dense) else threshold
    above, below = dense[dense >= higher], dense[dense < higher]
    far = len(above) and len(below) and np.median(above) > FAR * np.median(below)
    return higher if far else threshold


def _is_bright(grey: NDArray[np.float32]) -> bool:
    """Whether the ink is brighter than the paper around it: than a surface through most of the picture."""
    from scipy import ndimage

    residual = grey - ndimage.gaussian_filter(grey, length(grey.shape) / 3, mode="nearest")
    low, high = np.percentile(residual, EXTREMES)
    return bool(high > -low)


def light(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """The level that the paper has, or would have, at each pixel, where its ink is dark: (rows, columns)."""
    from scipy import ndimage

    times = max(1, length(grey.shape) // SIDE)
    small = ndimage.median_filter(_reduced(grey, times), 3, mode="nearest")  # without single bright pixels
    window = max(3, int(WINDOW * min(small.shape))) | 1
    filled = ndimage.grey_closing(small, size=(window, window), mode="nearest")
    smooth = ndimage.gaussian_filter(filled, window / 6, mode="nearest")
    if times > 1:
        smooth = ndimage.zoom(smooth, times, order=1, mode="nearest", grid_mode=True)
    return smooth[: grey.shape[0], : grey.shape[1]].astype(np.float32)


def otsu(values: NDArray[np.floating]) -> float:
    """The threshold in [0, 1] that parts values into two groups with the largest variance between them."""
    counts, edges = np.histogram(values, BINS, (0, 1))
    middles = (edges[:-1] + edges[1:]) / 2
    below, sums = np.cumsum(counts), np.cumsum(counts * middles)
    both = below * (below[-1] - below)
    between = (sums[-1] * below / below[-1] - sums) ** 2 / np.maximum(both, 1)
    return float(middles[between.argmax()])


def standard_deviation(values: NDArray[np.floating]) -> float:
    """The standard deviation of most of these values, from their median distance."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def _reduced(grey: NDArray[np.float32], times: int) -> NDArray[np.float32]:
    """The means over squares of times × times pixels, with repeated edges."""
    rows, columns = grey.shape
    padded = np.pad(grey, ((0, -rows % times), (0, -columns % times)), mode="edge")
    squares = padded.reshape(len(padded) // times, times, -1, times)
    return squares.mean(axis=(1, 3))
