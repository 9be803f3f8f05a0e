"""What every engine offers. Axis order everywhere: (batch, rows, columns, channels)."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

Arrays = dict[str, np.ndarray]
"""Weights or state by name. A weight's name is its node's path and its own: `conv_1/kernel`."""

OnStep = Callable[[int, float, float], None]
"""Called after each step with the steps done in this epoch, and its loss and accuracy so far."""


class Engine(Protocol):
    """One network, its optimizer and the arithmetic that trains it."""

    def train_epoch(
        self, images: np.ndarray, labels: np.ndarray, rates: np.ndarray, seed: int, on_step: OnStep
    ) -> tuple[float, float]:
        """Train on every image once, in the order given; return the epoch's mean loss and accuracy.

        images: uint8 (n, 28, 28); labels: uint8 (n,); rates: float32 (steps,), the learning rate of
        each step. seed: sets every random state inside (dropout), so that an epoch's numbers do not
        depend on the epochs that this process has lived through.
        """
        ...

    def logits(self, images: np.ndarray) -> np.ndarray:
        """The network's outputs before softmax: float32 (n, 10) for uint8 images (n, 28, 28)."""
        ...

    def get_weights(self) -> Arrays:
        """The weights by name, float32: kernels (rows, columns, in, out) or (in, out)."""
        ...

    def set_weights(self, weights: Arrays) -> None:
        """Replace all weights. Raises ValueError for a missing name or another shape."""
        ...

    def get_state(self) -> Arrays:
        """All that the next epoch depends on: the weights and the optimizer's variables."""
        ...

    def set_state(self, state: Arrays) -> None:
        """Go back to a state that `get_state` gave, bit for bit."""
        ...

    def save(self) -> tuple[str, bytes]:
        """The trained network as a file: its name and its bytes."""
        ...

    def load(self, content: bytes) -> None:
        """Take the weights of a file that `save` wrote, trusting nothing in it.

        Raises ModelError unless the bytes are what this very network would have written.
        """
        ...

    def close(self) -> None:
        """Give back what the library keeps for this network."""
        ...
