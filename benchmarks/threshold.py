"""How long 60,000 images take to become binary maps at four levels, against plain NumPy.

    python -m benchmarks.threshold [<rounds> [<images>]]

Both run in turn, in one process, on random pixels (their values change nothing). It prints the medians of 7
rounds and their ratio. For 60,000 images ours must stay below 0.5 s, and the ratio below 1.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from benchmarks.arguments import read_arguments
from MNIST.engines.columns.binary_maps import threshold

LEVELS = (1, 64, 128, 192)


def peer(images: np.ndarray) -> np.ndarray:
    """The same in one line of NumPy, with the maps innermost, as channels elsewhere: that makes it slow."""
    return images[..., None] >= np.array(LEVELS, np.uint8)


def ours(images: np.ndarray) -> np.ndarray:
    """What the engine sonn does before it counts."""
    return threshold(images, LEVELS)


def seconds(work: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> float:
    begun = time.perf_counter()
    work(images)
    return time.perf_counter() - begun


if __name__ == "__main__":
    given = read_arguments(__doc__, rounds=7, images=60_000)
    images = np.random.default_rng(0).integers(0, 256, (given.images, 28, 28), dtype=np.uint8)
    times = [(seconds(ours, images), seconds(peer, images)) for _ in range(given.rounds)]
    mine, plain = map(statistics.median, zip(*times, strict=True))
    print(f"threshold: {mine:.3f} s; plain NumPy: {plain:.3f} s; ratio {mine / plain:.2f}")
