"""What an engine of this room needs of an array library beyond the array API standard."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import numpy as np

from MNIST.engines.scratch.layer import Array

Item = TypeVar("Item")
Result = TypeVar("Result")


class Library(Protocol):
    """Arrays of one library, on one device, of one precision.

    values_at_once, images_at_once: how many values between two layers, and how many images, are worked on
    in one piece at most: pieces that stay in the processor's cache, and one for each thread.
    weights_at_once: as many weights are updated in one piece, all in one thread: two that work on such short
    arrays wait for Python's lock more than they gain.
    """

    values_at_once: int
    images_at_once: int
    weights_at_once: int

    def array(self, values: np.ndarray) -> Array:
        """Values as an array of the engine's precision, never sharing memory with them."""
        ...

    def integers(self, values: np.ndarray) -> Array:
        """Whole numbers as an array of whole numbers."""
        ...

    def to_numpy(self, array: Array) -> np.ndarray:
        """A copy of an array."""
        ...

    def computing(self, pieces: bool) -> AbstractContextManager[Any]:
        """Surrounds all computation. pieces: whether its work comes in pieces, for `map` to share out."""
        ...

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """A function's values for independent items, in their order; in several threads where that pays."""
        ...

    def close(self) -> None:
        """End the threads; nothing is computed afterwards."""
        ...
