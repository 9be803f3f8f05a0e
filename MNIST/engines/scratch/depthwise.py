"""Depthwise convolution: each channel has its own kernel and sees no other channel.

With xᵢⱼ the values of x that the kernel's value W[i, j] meets at all of the kernel's positions:

    forward     Z = Σ xᵢⱼ W[i, j] + b
    backward    dW[i, j] = Σ xᵢⱼ dZ over all images and positions,  db = Σ dZ,  dxᵢⱼ += dZ W[i, j]

Source: Sifre (2014), Rigid-motion scattering for image classification, chapter 6.
"""

from collections.abc import Iterator

from MNIST.engines.scratch.activations import ACTIVATIONS
from MNIST.engines.scratch.convolution import offsets
from MNIST.engines.scratch.layer import Array, Cache, Gradients, Pass, channel_sums, namespace
from MNIST.engines.scratch.padding import crop, pad
from MNIST.language.layer import Margins, Window


class DepthwiseConvolution:
    """y[r, c, k] = activation(b[k] + Σ x[r·stride + i, c·stride + j, k] · W[i, j, k, 0]), x padded.

    W: (rows, columns, channels, 1); b: (channels,), or None without a bias (in a SeparableConv).
    """

    def __init__(
        self,
        names: tuple[str, ...],
        W: Array,
        b: Array | None,
        activation: str,
        window: Window,
        margins: Margins,
    ) -> None:
        self.names, self.W, self.b, self.wants_dx = names, W, b, True
        self.activation = ACTIVATIONS[activation]
        self.window, self.margins = window, margins

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        padded = pad(x, self.margins)
        z = 0 if self.b is None else self.b  # then (batch, R, C, channels)
        for offset, w in zip(self._offsets(padded), self._rows(), strict=True):
            z = z + padded[offset] * w
        y, of_activation = self.activation.forward(z)
        return y, (padded, of_activation)

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """dW[i, j] = Σ xᵢⱼ dZ over all images and positions, db = Σ dZ, dxᵢⱼ += dZ W[i, j]."""
        padded, of_activation = cache
        xp = namespace(padded)
        dz = self.activation.backward(dy, of_activation)  # (batch, R, C, channels)
        dW = [channel_sums(padded[offset] * dz) for offset in self._offsets(padded)]
        gradients[self.names[0]] = xp.reshape(xp.stack(dW), self.W.shape)
        if self.b is not None:
            gradients[self.names[1]] = channel_sums(dz)
        if not self.wants_dx:
            return None
        dx = xp.zeros_like(padded)
        for offset, w in zip(self._offsets(padded), self._rows(), strict=True):
            dx[offset] += dz * w
        return crop(dx, self.margins)

    def _offsets(self, padded: Array) -> Iterator[tuple[slice, ...]]:
        return offsets(padded.shape, self.window.size, self.window.strides)

    def _rows(self) -> Array:
        """The kernel as (rows · columns, channels), its rows in the order of `offsets`."""
        return namespace(self.W).reshape(self.W, (-1, self.W.shape[2]))
