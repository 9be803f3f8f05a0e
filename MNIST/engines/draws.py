"""The random numbers that layers need while training, drawn by NumPy: one function a distribution."""

from collections.abc import Callable
from typing import Any

import numpy as np

from MNIST.language.layers import Distribution, Kept, Normal


def draw(
    distribution: Distribution, shape: tuple[int, ...], generator: np.random.Generator, kind: type
) -> np.ndarray:
    """Numbers of a distribution. kind: np.float32 or np.float64, the type in which they are drawn."""
    return DISTRIBUTIONS[type(distribution)](distribution, shape, generator, kind)


DISTRIBUTIONS: dict[type, Callable[[Any, tuple[int, ...], np.random.Generator, type], np.ndarray]] = {
    Kept: lambda kept, shape, generator, kind: generator.random(shape, kind) >= kept.rate,
    Normal: lambda normal, shape, generator, kind: generator.standard_normal(shape, kind),
}
