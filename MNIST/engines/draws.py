"""The random numbers that layers need while training, drawn by NumPy: one function for each distribution."""

from collections.abc import Callable
from typing import Any

import numpy as np

from MNIST.language.layer import Distribution, Kept, Normal


def draw(
    distribution: Distribution, shape: tuple[int, ...], generator: np.random.Generator, kind: type
) -> np.ndarray:
    """Draw numbers from a distribution. kind: their type when they are drawn, np.float32 or np.float64."""
    return DISTRIBUTIONS[type(distribution)](distribution, shape, generator, kind)


DISTRIBUTIONS: dict[type, Callable[[Any, tuple[int, ...], np.random.Generator, type], np.ndarray]] = {
    Kept: lambda kept, shape, generator, kind: generator.random(shape, kind) >= kept.rate,
    Normal: lambda normal, shape, generator, kind: generator.standard_normal(shape, kind),
}
