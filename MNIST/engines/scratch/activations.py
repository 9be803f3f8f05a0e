"""Activations: each is a pair of functions, from x to y and from dy to dx, element by element.

The forward function also returns what the backward function needs: x or y, for silu x and σ(x).
"""

from collections.abc import Callable
from typing import NamedTuple

from MNIST.engines.scratch.layer import Array, Cache, Gradients, Pass, namespace
from MNIST.language.layer import LEAK


class Activate:
    """A layer that applies one activation, given by its name."""

    def __init__(self, name: str) -> None:
        self.function = ACTIVATIONS[name]

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        return self.function.forward(x)

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        return self.function.backward(dy, cache)


# linear: y = x
def linear(x: Array) -> tuple[Array, None]:
    return x, None


def linear_backward(dy: Array, _: None) -> Array:
    return dy


# relu: y = max(x, 0), y' = 1 where y > 0, else 0. y is written as a product: with a maximum, PyTorch's
# autograd would give half a slope at x = 0, where a new network is wherever an image is black. elu is written
# as a product for the same reason.
def relu(x: Array) -> tuple[Array, Array]:
    y = x * (x > 0)
    return y, y


def relu_backward(dy: Array, y: Array) -> Array:
    return dy * (y > 0)


# leaky_relu: y = x above 0, LEAK · x below, as a sum of two products: 0.8 ms for 1.2 million values, where
# `where` takes 4.5 ms (NumPy, float32, one core of an AMD EPYC).
# Source: Maas, Hannun and Ng (2013), Rectifier nonlinearities improve neural network acoustic models.
def leaky_relu(x: Array) -> tuple[Array, Array]:
    return LEAK * x + (1 - LEAK) * (x * (x > 0)), x


def leaky_relu_backward(dy: Array, x: Array) -> Array:
    return LEAK * dy + (1 - LEAK) * (dy * (x > 0))


# elu: y = x above 0, eˣ − 1 below, where y' = eˣ = y + 1. Source: Clevert et al. (2016), arXiv:1511.07289.
def elu(x: Array) -> tuple[Array, Array]:
    y = x * (x > 0) + namespace(x).expm1(x * (x <= 0))  # not eˣ above 0, where it could overflow
    return y, y


def elu_backward(dy: Array, y: Array) -> Array:
    return dy * (1 + y * (y <= 0))


# sigmoid: y = 1 / (1 + e⁻ˣ), y' = y (1 − y)
def sigmoid(x: Array) -> tuple[Array, Array]:
    y = _sigmoid(x)
    return y, y


def sigmoid_backward(dy: Array, y: Array) -> Array:
    return dy * y * (1 - y)


# silu: y = x σ(x), y' = σ(x) (1 + x (1 − σ(x))). Source: Hendrycks and Gimpel (2016), arXiv:1606.08415.
def silu(x: Array) -> tuple[Array, tuple[Array, Array]]:
    s = _sigmoid(x)
    return x * s, (x, s)


def silu_backward(dy: Array, cache: tuple[Array, Array]) -> Array:
    x, s = cache
    return dy * s * (1 + x * (1 - s))


# tanh: y' = 1 − y²
def tanh(x: Array) -> tuple[Array, Array]:
    y = namespace(x).tanh(x)
    return y, y


def tanh_backward(dy: Array, y: Array) -> Array:
    return dy * (1 - y * y)


# softplus: y = log(1 + eˣ) = log(e⁰ + eˣ), y' = σ(x)
def softplus(x: Array) -> tuple[Array, Array]:
    xp = namespace(x)
    return xp.logaddexp(x, 0.0), x


def softplus_backward(dy: Array, x: Array) -> Array:
    return dy * _sigmoid(x)


class Activation(NamedTuple):
    """The two functions of an activation: x to (y, cache), and (dy, cache) to dx."""

    forward: Callable[[Array], tuple[Array, Cache]]
    backward: Callable[[Array, Cache], Array]


ACTIVATIONS = {
    "linear": Activation(linear, linear_backward),
    "relu": Activation(relu, relu_backward),
    "leaky_relu": Activation(leaky_relu, leaky_relu_backward),
    "elu": Activation(elu, elu_backward),
    "sigmoid": Activation(sigmoid, sigmoid_backward),
    "silu": Activation(silu, silu_backward),
    "tanh": Activation(tanh, tanh_backward),
    "softplus": Activation(softplus, softplus_backward),
}


def _sigmoid(x: Array) -> Array:
    """1 / (1 + e⁻ˣ) above 0 and eˣ / (1 + eˣ) below: nothing overflows, and no digits are lost."""
    xp = namespace(x)
    return xp.exp(xp.minimum(x, 0.0)) / (1 + xp.exp(-xp.abs(x)))
