"""What every engine offers. Axis order everywhere: (batch, rows, columns, channels)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

Arrays = dict[str, np.ndarray]
"""Weights or state by name. A weight's name is its node's path and its own name: `conv_1/kernel`."""

OnStep = Callable[[int, float, float], None]
"""Called with the number of steps done in this epoch, and the epoch's loss and accuracy so far.

It is called after the last step, and before that after each step or after several short ones.
"""


@dataclass(frozen=True)
class EpochMetrics:
    """What an engine measures while it trains an epoch.

    loss, accuracy: means over the epoch's images, each measured at the image's own step. If the spec
    smooths labels, the loss uses the smoothed labels, as Keras reports it.
    gradient_norm_mean, gradient_norm_variance: mean and population variance over the epoch's steps. A
    step's gradient norm is the L2 norm of the gradient of that step's mean loss with respect to all
    trainable weights together, before the optimizer uses it.
    """

    loss: float
    accuracy: float
    gradient_norm_mean: float
    gradient_norm_variance: float

    @classmethod
    def of(cls, loss: float, accuracy: float, gradient_norms: np.ndarray) -> Self:
        """The metrics of an epoch whose steps had these gradient norms: (steps,)."""
        norms = gradient_norms.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):  # if the run diverges, a norm may be infinite
            return cls(loss, accuracy, float(norms.mean()), float(norms.var()))


class Engine(Protocol):
    """One network, its optimizer and the arithmetic that trains it."""

    def train_epoch(
        self, images: np.ndarray, labels: np.ndarray, rates: np.ndarray, seed: int, on_step: OnStep
    ) -> EpochMetrics:
        """Train on every image once, in the order given; return what the epoch measured.

        images: uint8 (n, 28, 28); labels: integers (n,); rates: (steps,), the learning rate of each step.
        An engine gets as many rates in every call. With rates of 0, as where a part of an epoch is timed,
        there may be fewer images than steps for them.
        seed: sets every random state inside the layers, so that an epoch's numbers do not depend on the
        epochs that this process trained before.
        """
        ...

    def logits(self, images: np.ndarray) -> np.ndarray:
        """The outputs before softmax: (n, classes), float32 or float64, for uint8 images (n, 28, 28)."""
        ...

    def get_weights(self) -> Arrays:
        """The weights by name, in the engine's precision (float32 if that is bfloat16).

        Kernels are (rows, columns, in, out) or (in, out).
        """
        ...

    def set_weights(self, weights: Arrays) -> None:
        """Replace all weights. Raises ValueError for a missing name or a wrong shape."""
        ...

    def get_state(self) -> Arrays:
        """Everything that the next epoch depends on: the weights and the optimizer's variables."""
        ...

    def set_state(self, state: Arrays) -> None:
        """Go back to a state that `get_state` returned, bit for bit."""
        ...

    def save(self) -> tuple[str, bytes]:
        """The trained network as a file: its name and its bytes."""
        ...

    def load(self, content: bytes) -> None:
        """Take the weights from a file that `save` wrote, trusting nothing in it.

        Raises ModelError unless this network could have written these bytes.
        """
        ...

    def close(self) -> None:
        """Release what the library keeps for this network."""
        ...


class GradientEngine(Engine, Protocol):
    """An engine that learns by gradients: all engines except those with their own learning rule."""

    def gradients(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, Arrays]:
        """The mean loss of one batch, in nats, and its gradient with respect to each trainable weight.

        Both are computed as in a step of `train_epoch`: labels are smoothed, BatchNorm uses the batch's own
        mean and variance, Dropout drops. Nothing changes: no weight, no moving average, no optimizer
        variable.
        """
        ...

    def features(self, images: np.ndarray) -> np.ndarray:
        """What the last layer gets of each image: float32 or float64 (n, inputs), for uint8 (n, 28, 28).

        The network must end in Dense. No layer is in training.
        """
        ...


def refuse_other_arrays(shapes: Mapping[str, tuple[int, ...]], arrays: Arrays) -> None:
    """Raise ValueError unless the arrays have exactly these names and shapes. It reads no values."""
    if shapes.keys() != arrays.keys():
        raise ValueError(f"names differ: {sorted(shapes.keys() ^ arrays.keys())}")
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise ValueError(f"{name}: shape {arrays[name].shape}, expected {shape}")
