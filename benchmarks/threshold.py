"""How long 60,000 images take to become binary maps at four levels, against plain NumPy.

    python -m benchmarks.threshold

Both are run in turn, in one process, on random pixels (what they are changes nothing); the medians and
their ratio are printed. Ours must stay below 0.5 s, and the ratio below 1.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from MNIST.engines.columns.binary_maps import threshold

LEVELS = (1, 64, 128, 192)
ROUNDS = 7


def peer(images: np.ndarray) -> np.ndarray:
    """The same in one line of NumPy, the maps side by side as channels."""
    return images[..., None] >= np.array(LEVELS, np.uint8)


def ours(images: np.ndarray) -> np.ndarray:
    """What the engine sonn does before it counts."""
    return threshold(images, LEVELS)


def seconds(work: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> float:
    begun = time.perf_counter()
    work(images)
    return time.perf_counter() - begun


if __name__ == "__main__":
    images = np.random.default_rng(0).integers(0, 256, (60_000, 28, 28), dtype=np.uint8)
    times = [(seconds(ours, images), seconds(peer, images)) for _ in range(ROUNDS)]
    mine, plain = map(statistics.median, zip(*times, strict=True))
    print(f"threshold: {mine:.3f} s; plain NumPy: {plain:.3f} s; ratio {mine / plain:.2f}")
