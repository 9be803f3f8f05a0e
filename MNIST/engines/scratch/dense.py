"""Dense: every unit sees all inputs."""

from MNIST.engines.scratch.activations import ACTIVATIONS
from MNIST.engines.scratch.layer import Array, Cache, Gradients, Pass, channel_sums


class Dense:
    """y = activation(z), z = x W + b.

    W: (inputs, units); b: (units,); names: their names.
    """

    def __init__(self, names: tuple[str, str], W: Array, b: Array, activation: str) -> None:
        self.names, self.W, self.b, self.wants_dx = names, W, b, True
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        z = x @ self.W  # (batch, units)
        z += self.b
        y, of_activation = self.activation.forward(z)
        return y, (x, of_activation)

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """With dz = dy · activation'(z): dW = xᵀ dz, db = Σ dz over the batch, dx = dz Wᵀ.

        Source: Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.
        """
        x, of_activation = cache
        kernel, bias = self.names
        dz = self.activation.backward(dy, of_activation)  # (batch, units)
        gradients[kernel] = x.T @ dz
        gradients[bias] = channel_sums(dz)
        return dz @ self.W.T if self.wants_dx else None
