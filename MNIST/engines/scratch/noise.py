"""Noise: what the network learns must not depend on small differences of a value."""

from MNIST.engines.scratch.layer import Array, Cache, Gradients, Pass


class GaussianNoise:
    """While training y = x + standard_deviation · n, n drawn with mean 0 and variance 1; else y = x.

    Source: Bishop (1995), Training with noise is equivalent to Tikhonov regularization.
    """

    def __init__(self, path: str, standard_deviation: float) -> None:
        self.path, self.standard_deviation = path, standard_deviation

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        if not this_pass.training:
            return x, None
        return x + self.standard_deviation * this_pass.draws[self.path], None

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """dx = dy: the noise does not depend on x."""
        return dy
