"""What an engine of this room needs of an array library beyond the array API standard."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import numpy as np

from MNIST.engines.scratch.layer import Array, Total

Item = TypeVar("Item")
Result = TypeVar("Result")


class Library(Protocol):
    """Arrays of one library, on one device, in one precision.

    values_at_once, images_at_once: the largest piece, in values between two layers and in images.
    fewest_pieces: into how many pieces a batch is cut at least, so that more than one thread has work; but a
    piece has fewest_images, if the batch has.
    pieces_in_step: into how many pieces a batch may be cut if they go in step; 1 if they cannot.
    weights_at_once: the most weights in a part that one thread updates.
    threads: how many threads `map` uses.
    """

    values_at_once: int
    images_at_once: int
    fewest_pieces: int
    fewest_images: int
    pieces_in_step: int
    weights_at_once: int
    threads: int

    def array(self, values: np.ndarray) -> Array:
        """Values as an array of the engine's precision, never sharing memory with them."""
        ...

    def integers(self, values: np.ndarray) -> Array:
        """Whole numbers as an array of whole numbers."""
        ...

    def to_numpy(self, array: Array) -> np.ndarray:
        """A copy of an array."""
        ...

    def computing(self) -> AbstractContextManager[Any]:
        """A context for all computation."""
        ...

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        """A function's results for independent items, in their order; in several threads if that pays."""
        ...

    def map_in_step(self, function: Callable[[Item, Total], Result], items: Sequence[Item]) -> list[Result]:
        """The results for at most `pieces_in_step` items that add up sums: see `in_step`."""
        ...

    def close(self) -> None:
        """End the threads. Nothing can be computed afterwards."""
        ...
