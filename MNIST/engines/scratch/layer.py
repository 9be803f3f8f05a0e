"""What the layers of this room have in common: a forward pass and, beside it, its backward pass.

x is a layer's input, y its output, and dx, dy, dW the gradients of the loss with respect to them: a
forward pass computes y of x, the backward pass dx and the dW of its weights of dy, by the chain rule.
Arrays are NumPy's or PyTorch's; what is called on them is in both by the array API standard, so that one
source serves the two. Source of that standard: https://data-apis.org/array-api/2024.12/

Axis order everywhere: (batch, rows, columns, channels) or (batch, units).
"""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from array_api_compat import array_namespace

Array = Any
"""An array of NumPy's or PyTorch's, of the engine's precision."""

Gradients = dict[str, Array]
"""The gradient of the loss with respect to each weight, by the weight's name."""

Cache = Any
"""What a layer's backward pass must know of its forward pass."""


@dataclass
class Pass:
    """One pass of some images through the network.

    training: whether Dropout drops and BatchNorm uses the batch's statistics.
    draws: while training, the random numbers of each layer that draws any, by its path.
    moving: what BatchNorms' moving averages become if this pass is a step of training.
    """

    training: bool = False
    draws: dict[str, Array] = field(default_factory=dict)
    moving: dict[str, Array] = field(default_factory=dict)


def namespace(x: Array) -> Any:
    """The functions of an array's library, as the standard names them.

    Known by the array's type: to ask anew each time takes longer than to add two rows of a small network.
    """
    if type(x) not in _NAMESPACES:
        _NAMESPACES[type(x)] = array_namespace(x)
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


class Layer(Protocol):
    """A layer with its weights, which it shares with the optimizer."""

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        """The output y, and what `backward` must know."""
        ...

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """The gradient dx; puts those of the layer's own weights into `gradients`.

        None in place of dx where nothing that learns comes before the layer: nobody asks for it.
        """
        ...


@runtime_checkable
class LearningLayer(Protocol):
    """A layer that can leave its dx out.

    wants_dx: False where nothing that learns comes before: then `backward` returns None in its place.
    """

    wants_dx: bool
