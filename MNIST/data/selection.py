"""Choose a few images of a set to look at."""

import numpy as np
from numpy.typing import NDArray


def select(
    labels: NDArray[np.unsignedinteger], count: int, seed: int, label: int | None = None
) -> NDArray[np.int64]:
    """The numbers of at most `count` different images, drawn at random from a set, in the order drawn.

    labels: those of all images of the set. label: draw only images with this label; None draws any.
    """
    numbers = np.arange(len(labels)) if label is None else np.flatnonzero(labels == label)
    return np.random.default_rng(seed).permutation(numbers)[:count]
