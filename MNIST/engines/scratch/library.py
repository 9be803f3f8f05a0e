"""What an engine of this room needs of an array library beyond the array API standard."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import numpy as np

from MNIST.engines.scratch.layer import Array

Item = TypeVar("Item")
Result = TypeVar("Result")


class Library(Protocol):
    """Arrays of one library, on one device, in one precision.

    values_at_once, images_at_once: the largest piece, in values between two layers and in images. Pieces
    should stay in the processor's cache, and there should be one for each thread.
    weights_at_once: how many weights are updated at once, all in one thread: with arrays this short, two
    threads would lose more by waiting for Python's lock than they gain.
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
        """A context for all computation. pieces: whether the work comes in pieces that `map` shares out."""
        ...

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """A function's results for independent items, in their order; in several threads if that pays."""
        ...

    def close(self) -> None:
        """End the threads. Nothing can be computed afterwards."""
        ...
