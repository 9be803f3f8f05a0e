"""Dropout: what the network learns must not depend on any single value."""

from MNIST.engines.scratch.layer import Array, Cache, Gradients, Pass


class Dropout:
    """While training y = x · mask / (1 − rate), where mask keeps a value (1) or drops it (0); else y = x.

    Source: Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting.
    """

    def __init__(self, path: str, rate: float) -> None:
        self.path, self.rate = path, rate

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        if not this_pass.training:
            return x, 1
        scaled_mask = this_pass.draws[self.path] * (1 / (1 - self.rate))
        return x * scaled_mask, scaled_mask

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """dx = dy · mask / (1 − rate), or dy outside training."""
        return dy * cache
