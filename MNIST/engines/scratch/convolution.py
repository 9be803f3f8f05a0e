"""Convolution: sliding windows and matrix products.

At each of its positions on the map, a kernel sees one window. With one row for each window, the windows form
a matrix, and the convolution of all images at all positions is one matrix product. But in this matrix a value
of x stands as often as a kernel has values. So a kernel is cut into strips Wᵢ, each a row of it. P(x) has the
windows of a strip, and the strip i meets them i rows further down:

    forward     Z[r] = Σᵢ P(x)[r·stride + i] Wᵢ + b         Wᵢ: a row for each value of a window,
    backward    dWᵢ = Σᵣ P(x)[r·stride + i]ᵀ dZ[r]              a column for each filter
                db = Σ dZ
                dx = Pᵀ(dP), dP[r·stride + i] = Σᵢ dZ[r] Wᵢᵀ

P copies each value of x into every window that contains it. P is linear, and its transpose Pᵀ adds up, for
each value, what comes back from these windows. `windows` and `add_windows` are P and Pᵀ.
tests/engines/test_scratch_layers.py checks that they are transposes of one another, ⟨P(x), d⟩ = ⟨x, Pᵀ(d)⟩,
and that the gradients are right; `python MNIST certify` checks the gradients of any model file.

Source: Chellapilla, Puri and Simard (2006), High performance convolutional neural networks for document
processing. The strips are ours.
"""

from collections.abc import Iterator

from MNIST.engines.scratch.activations import ACTIVATIONS
from MNIST.engines.scratch.layer import Array, Cache, Gradients, Pass, add_up, channel_sums, namespace
from MNIST.engines.scratch.padding import crop, pad
from MNIST.language.layer import Margins

LARGEST = 2**23  # values of P(x) at once: for whole batches P(x) would take gigabytes
SHORT = 16  # values: a kernel with shorter rows is one strip, because a product of few columns is slow
FEW = 64  # positions: maps with fewer are copied side by side, because one product of many rows is faster


class Convolution:
    """y[r, c, f] = activation(b[f] + Σ x[r·stride + i, c·stride + j, k] · W[i, j, k, f]), x padded.

    W: (rows, columns, channels, filters); b: (filters,), or None without a bias (in a projection).
    """

    def __init__(
        self,
        names: tuple[str, ...],
        W: Array,
        b: Array | None,
        activation: str,
        stride: int,
        margins: Margins,
    ) -> None:
        self.names, self.W, self.b, self.wants_dx = names, W, b, True
        self.activation = ACTIVATIONS[activation]
        self.stride, self.margins = stride, margins
        rows, columns, channels, _ = W.shape
        self.strip = rows if columns * channels < SHORT else 1  # rows of the kernel

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        z = _joined([self._products(x[part]) for part in self._parts(x)])  # (batch, R, C, filters)
        y, of_activation = self.activation.forward(z)
        return y, (x, of_activation)

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """dWᵢ = Σᵣ P(x)[r·stride + i]ᵀ dZ[r], db = Σ dZ over all images and positions, dx = Pᵀ(dP)."""
        x, of_activation = cache
        dz = self.activation.backward(dy, of_activation)  # (batch, R, C, filters)
        found = [self._gradients(x[part], dz[part]) for part in self._parts(x)]
        gradients[self.names[0]] = add_up(dW for dW, _ in found)
        if self.b is not None:
            gradients[self.names[1]] = channel_sums(dz)
        return _joined([dx for _, dx in found]) if self.wants_dx else None

    def _products(self, x: Array) -> Array:
        """Z[r] = Σᵢ P(x)[r·stride + i] Wᵢ + b, as maps."""
        padded = pad(x, self.margins)
        P, (R, C) = self._windows(padded), self._positions(padded)
        Z = add_up(self._met(P, i, R) @ W for i, W in self._strips())
        if self.b is not None:
            Z += self.b
        return namespace(x).reshape(Z, (x.shape[0], R, C, self.W.shape[-1]))

    def _gradients(self, x: Array, dz: Array) -> tuple[Array, Array]:
        """dW, and dx if it is wanted."""
        xp = namespace(x)
        padded = pad(x, self.margins)
        P = self._windows(padded)  # computed again: keeping it would take more memory than all else
        dZ, dW, dP = _as_matrices(dz), [], xp.zeros_like(P) if self.wants_dx else None
        for i, W in self._strips():
            dW.append(xp.sum(xp.matrix_transpose(self._met(P, i, dz.shape[1])) @ dZ, axis=0))
            if self.wants_dx:
                met = self._rows(dP, i, dz.shape[1])
                met += xp.reshape(dZ @ W.T, met.shape)
        dx = crop(add_windows(dP, padded.shape, *self._window()), self.margins) if self.wants_dx else None
        return xp.reshape(xp.concat(dW, axis=0), self.W.shape), dx

    def _strips(self) -> Iterator[tuple[int, Array]]:
        """The first row of each strip, and the strip as a matrix Wᵢ."""
        for i in range(0, self.W.shape[0], self.strip):
            W = self.W[i : i + self.strip]
            yield i, namespace(W).reshape(W, (-1, W.shape[-1]))

    def _windows(self, padded: Array) -> Array:
        return windows(padded, *self._window())

    def _window(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The size of a strip's window, and how far apart its positions are."""
        whole = self.strip == self.W.shape[0]  # then no other strip meets what lies between two positions
        return (self.strip, self.W.shape[1]), (self.stride if whole else 1, self.stride)

    def _positions(self, padded: Array) -> tuple[int, int]:
        """How many positions the kernel has, down and across."""
        return tuple((padded.shape[axis] - self.W.shape[axis - 1]) // self.stride + 1 for axis in (1, 2))

    def _rows(self, P: Array, i: int, R: int) -> Array:
        """The rows of windows that the strip from row i meets while the kernel is at R positions."""
        step = self.stride // self._window()[1][0]
        return P[:, i : i + (R - 1) * step + 1 : step]

    def _met(self, P: Array, i: int, R: int) -> Array:
        return _as_matrices(self._rows(P, i, R))

    def _parts(self, x: Array) -> list[slice]:
        """Parts of the batch, because P(x) is much larger than x."""
        (rows, columns), _ = self._window()
        size = max(1, LARGEST // (x.shape[1] * x.shape[2] * rows * columns * x.shape[3]))
        return [slice(begin, begin + size) for begin in range(0, x.shape[0], size)] or [slice(0)]


def windows(x: Array, size: tuple[int, int], strides: tuple[int, int]) -> Array:
    """P(x): the window at each position of a kernel or strip, its values in the order of the kernel's values.

    x: (batch, rows, columns, channels); returns (batch, R, C, size[0] · size[1] · channels).
    """
    if size == (1, 1):
        return x[:, :: strides[0], :: strides[1], :]
    return namespace(x).concat([x[offset] for offset in offsets(x.shape, size, strides)], axis=-1)


def add_windows(dP: Array, shape: tuple[int, ...], size: tuple[int, int], strides: tuple[int, int]) -> Array:
    """Pᵀ(dP): add each window to the place that it was taken from, in a map of the given shape."""
    xp = namespace(dP)
    dx = xp.zeros(shape, dtype=dP.dtype, device=dP.device)
    channels = shape[-1]
    for index, offset in enumerate(offsets(shape, size, strides)):
        dx[offset] += dP[..., index * channels : (index + 1) * channels]
    return dx


def offsets(
    shape: tuple[int, ...], size: tuple[int, int], strides: tuple[int, int]
) -> Iterator[tuple[slice, ...]]:
    """For each value of a window, row by row: the map's values that it meets over all positions."""
    _, rows, columns, _ = shape
    last_row, last_column = rows - size[0], columns - size[1]  # the last position of a window
    for i in range(size[0]):
        for j in range(size[1]):
            yield (
                slice(None),
                slice(i, i + last_row + 1, strides[0]),
                slice(j, j + last_column + 1, strides[1]),
                slice(None),
            )


def _joined(parts: list[Array]) -> Array:
    """The parts of a batch as one array."""
    return parts[0] if len(parts) == 1 else namespace(parts[0]).concat(parts, axis=0)


def _as_matrices(x: Array) -> Array:
    """Maps as matrices with a row for each position: one matrix for each image, or one for all small maps."""
    batch, R, C, values = x.shape
    shape = (batch, R * C, values) if R * C >= FEW else (1, batch * R * C, values)
    return namespace(x).reshape(x, shape)
