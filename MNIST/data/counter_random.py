"""Random numbers without a state: each is a hash of its seed and its position, so each can be computed alone.

So images can be augmented in any order, in parts and by several threads, and come out the same to the bit.
"""

import numpy as np
from numpy.typing import NDArray

GAMMA = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ / golden ratio, odd


def splitmix64(seeds: NDArray[np.uint64] | np.uint64, positions: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The numbers at these positions, from 0, of the streams with these seeds, evenly spread over [0, 2⁶⁴).

    seeds, positions: together they broadcast to the result's shape.
    A number may itself be the seed of a stream. Different streams then share numbers only by chance.
    Source: Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators; the mixing is
    Stafford's 13th variant, as in Java's SplittableRandom.
    """
    z = seeds + (positions.astype(np.uint64) + np.uint64(1)) * GAMMA
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def from_minus_one_to_one(numbers: NDArray[np.uint64]) -> NDArray[np.float64]:
    """The upper 53 bits of each number as a float64, evenly distributed in [−1, 1)."""
    return (numbers >> np.uint64(11)).astype(np.float64) / 2**52 - 1
