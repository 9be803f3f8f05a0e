"""Dropout, and Flatten: the layers that only pass on, or not."""

import math

from MNIST.engines.scratch.layer import Array, Gradients, Memory, Pass, namespace


class Dropout:
    """While training y = x · mask / (1 − rate), where mask keeps a value (1) or drops it (0); else y = x.

    Source: Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting.
    """

    def __init__(self, path: str, rate: float) -> None:
        self.path, self.rate = path, rate

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Memory]:
        if not this_pass.training:
            return x, None
        scaled_mask = this_pass.masks[self.path] * (1 / (1 - self.rate))
        return x * scaled_mask, scaled_mask

    def backward(self, dy: Array, memory: Memory, gradients: Gradients) -> Array:
        """dx = dy · mask / (1 − rate)."""
        return dy * memory


class Flatten:
    """A map as one row of numbers: rows outermost, channels innermost."""

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Memory]:
        return namespace(x).reshape(x, (x.shape[0], math.prod(x.shape[1:]))), x.shape

    def backward(self, dy: Array, memory: Memory, gradients: Gradients) -> Array:
        return namespace(dy).reshape(dy, memory)
