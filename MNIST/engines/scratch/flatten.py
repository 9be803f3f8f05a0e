"""Flatten: from maps to rows of numbers."""

import math

from MNIST.engines.scratch.layer import Array, Cache, Gradients, Pass, namespace


class Flatten:
    """A map as one row of numbers: rows outermost, channels innermost."""

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        return namespace(x).reshape(x, (x.shape[0], math.prod(x.shape[1:]))), x.shape

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        return namespace(dy).reshape(dy, cache)
