"""Pooling: a window's largest value, its mean, or the mean of a whole map, channel by channel."""

from functools import reduce

from MNIST.engines.scratch.convolution import offsets
from MNIST.engines.scratch.layer import Array, Cache, Gradients, Pass, namespace
from MNIST.engines.scratch.padding import crop, pad
from MNIST.language.layer import Margins


class MaxPool:
    """y = the largest value of each window. Padded values never win."""

    def __init__(self, size: tuple[int, int], strides: tuple[int, int], margins: Margins) -> None:
        self.size, self.strides, self.margins = size, strides, margins

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        xp = namespace(x)
        padded = pad(x, self.margins, float("-inf"))
        larger = _first_larger if getattr(padded, "requires_grad", False) else xp.maximum
        y = reduce(larger, (padded[offset] for offset in offsets(padded.shape, self.size, self.strides)))
        return y, (padded, y)

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """dx = dy where x is its window's largest value (the first one of several equals); 0 elsewhere."""
        padded, y = cache
        xp = namespace(dy)
        dx = xp.zeros_like(padded)
        open_ = xp.ones(y.shape, dtype=xp.bool, device=y.device)  # windows whose largest is not found yet
        for offset in offsets(padded.shape, self.size, self.strides):
            found = (padded[offset] == y) & open_
            open_ ^= found
            dx[offset] += dy * found
        return crop(dx, self.margins)


def _first_larger(a: Array, b: Array) -> Array:
    """The larger of a and b, or NaN. Of equal values it is a, and PyTorch's own gradient goes there whole.

    PyTorch would give half of it to each, where all other engines give it to the first.
    """
    return namespace(a).where((b > a) | (b != b), b, a)


class AvgPool:
    """y = the mean of each window. Padded values are not counted."""

    def __init__(self, size: tuple[int, int], strides: tuple[int, int], margins: Margins) -> None:
        self.size, self.strides, self.margins = size, strides, margins

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        padded = pad(x, self.margins)
        counts = self._sums(pad(namespace(x).ones_like(x[:1, :, :, :1]), self.margins))
        return self._sums(padded) / counts, (padded.shape, counts)

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """dx = Σ dy / count over the windows that contain a value."""
        shape, counts = cache
        xp = namespace(dy)
        dx = xp.zeros(shape, dtype=dy.dtype, device=dy.device)
        share = dy / counts
        for offset in offsets(shape, self.size, self.strides):
            dx[offset] += share
        return crop(dx, self.margins)

    def _sums(self, padded: Array) -> Array:
        return sum(padded[offset] for offset in offsets(padded.shape, self.size, self.strides))


class GlobalAvgPool:
    """y = the mean of each channel over the whole map: to (batch, channels)."""

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        return namespace(x).mean(x, axis=(1, 2)), x.shape

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """dx = dy / (rows · columns) at each place of the map."""
        _, rows, columns, _ = shape = cache
        return namespace(dy).broadcast_to(dy[:, None, None, :] / (rows * columns), shape)
