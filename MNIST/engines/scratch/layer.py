"""What the layers of this room have in common: a forward pass and, beside it, its backward pass.

x is a layer's input, y its output, W a weight; dx, dy and dW are the gradients of the loss with respect to
them. A forward pass computes y from x. A backward pass computes dx and dW from dy by the chain rule.
Arrays are NumPy's or PyTorch's. The code uses only what both have by the array API standard, so that it runs
on either. Source of that standard: https://data-apis.org/array-api/2024.12/

Axis order everywhere: (batch, rows, columns, channels) or (batch, units).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from array_api_compat import array_namespace

Array = Any
"""An array of NumPy or PyTorch, in the engine's precision."""

Gradients = dict[str, Array]
"""The gradient of the loss with respect to each weight, by the weight's name."""

Cache = Any
"""What a layer keeps from its forward pass for its backward pass."""

Total = Callable[[Array], Array]
"""From a sum over a piece of a batch to the sum over the whole batch, which must not be changed in place."""


def own(sums: Array) -> Array:
    """The `Total` of a piece that is the whole batch."""
    return sums


@dataclass
class Pass:
    """One pass of some images through the network: a batch, or a piece of one.

    training: whether Dropout drops and BatchNorm uses the batch's statistics.
    draws: while training, the random numbers of each layer that draws any, by its path.
    moving: the new moving averages of BatchNorm, used if this pass is a training step.
    total: adds up a sum over all pieces of the batch. Only a layer that needs the whole batch calls it.
    batch: how many images the batch has; None if this piece is the whole batch.
    """

    training: bool = False
    draws: dict[str, Array] = field(default_factory=dict)
    moving: dict[str, Array] = field(default_factory=dict)
    total: Total = own
    batch: int | None = None


def namespace(x: Array) -> Any:
    """The functions of an array's library, as the standard names them.

    They are remembered by the array's type: looking them up each time takes longer than adding two rows of
    a small network. NumPy follows the standard by itself; what makes other libraries follow it would import
    all of NumPy's parts, a third of a second.
    """
    if type(x) not in _NAMESPACES:
        _NAMESPACES[type(x)] = np if isinstance(x, np.ndarray | np.generic) else array_namespace(x)
    return _NAMESPACES[type(x)]


_NAMESPACES: dict[type, Any] = {}


def channel_sums(x: Array) -> Array:
    """The sum of each channel (or unit) over the batch and all positions: (channels,).

    One axis after the other: a sum of many numbers in a row would round in the fifth digit in float32.
    """
    xp = namespace(x)
    while x.ndim > 1:
        x = xp.sum(x, axis=0)
    return x


def add_up(arrays: Iterable[Array]) -> Array:
    """The sum of some arrays, in their order. It takes the place of the first."""
    total, *others = arrays
    for other in others:
        total += other
    return total


class Layer(Protocol):
    """A layer with its weights, which it shares with the optimizer."""

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        """Return the output y and what `backward` needs."""
        ...

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """Return the gradient dx; put those of the layer's own weights into `gradients`.

        Return None instead of dx if nothing that learns comes before the layer, because dx is not needed.
        """
        ...


@runtime_checkable
class LearningLayer(Protocol):
    """A layer with weights, which can leave out dx.

    wants_dx: False if nothing that learns comes before; then `backward` returns None instead of dx.
    """

    wants_dx: bool
