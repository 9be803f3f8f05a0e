"""Convolution: sliding windows and one matrix product.

At each of its positions on the map, a kernel sees one window. With one row for each window, the windows form
a matrix P(x), and the convolution of all images at all positions is one matrix product:

    forward     Z = P(x) W + b                  W: a row for each value of a window, a column for each filter
    backward    dW = P(x)ᵀ dZ,  db = Σ dZ,  dx = Pᵀ(dZ Wᵀ)

P copies each value of x into every window that contains it. P is linear, and its transpose Pᵀ adds up, for
each value, what comes back from these windows. `windows` and `add_windows` are P and Pᵀ.
tests/engines/test_scratch_layers.py checks that they are transposes of one another, ⟨P(x), d⟩ = ⟨x, Pᵀ(d)⟩,
and that the gradients are right; `python MNIST certify` checks the gradients of any model file.

Source: Chellapilla, Puri and Simard (2006), High performance convolutional neural networks for document
processing.
"""

from collections.abc import Iterator

from MNIST.engines.scratch.activations import ACTIVATIONS
from MNIST.engines.scratch.layer import Array, Cache, Gradients, Pass, channel_sums, namespace
from MNIST.engines.scratch.padding import crop, pad
from MNIST.language.layer import Margins

LARGEST = 2**23  # values of P(x) at once: for whole batches P(x) would take gigabytes


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
        *,
        wants_dx: bool = True,
    ) -> None:
        self.names, self.W, self.b, self.wants_dx = names, W, b, wants_dx
        self.activation = ACTIVATIONS[activation]
        self.stride, self.margins = stride, margins

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        z = _joined([self._products(x[part]) for part in self._parts(x)])  # (batch, R, C, filters)
        y, slope = self.activation.forward(z)
        return y, (x, slope)

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """dW = P(x)ᵀ dZ, db = Σ dZ over all images and positions, dx = Pᵀ(dZ Wᵀ)."""
        x, slope = cache
        dz = self.activation.backward(dy, slope)  # (batch, R, C, filters)
        dW, dx = 0, []
        for part in self._parts(x):
            padded = pad(x[part], self.margins)
            P = self._windows(padded)  # computed again: keeping it would take more memory than all else
            dZ = _as_matrix(dz[part])  # (batch·R·C, filters)
            dW = dW + _as_matrix(P).T @ dZ
            if self.wants_dx:
                dP = namespace(x).reshape(dZ @ _as_matrix(self.W).T, P.shape)
                dx.append(crop(add_windows(dP, padded.shape, self.W.shape[:2], self.stride), self.margins))
        gradients[self.names[0]] = namespace(x).reshape(dW, self.W.shape)
        if self.b is not None:
            gradients[self.names[1]] = channel_sums(dz)
        return _joined(dx) if self.wants_dx else None

    def _products(self, x: Array) -> Array:
        """Z = P(x) W + b, as maps."""
        P = self._windows(pad(x, self.margins))
        Z = _as_matrix(P) @ _as_matrix(self.W)  # (batch·R·C, filters)
        if self.b is not None:
            Z += self.b
        return namespace(x).reshape(Z, (*P.shape[:3], self.W.shape[-1]))

    def _windows(self, padded: Array) -> Array:
        return windows(padded, self.W.shape[:2], self.stride)

    def _parts(self, x: Array) -> list[slice]:
        """Parts of the batch, because P(x) is up to rows · columns (of the kernel) times larger than x."""
        rows, columns, channels, _ = self.W.shape
        size = max(1, LARGEST // (x.shape[1] * x.shape[2] * rows * columns * channels))
        return [slice(begin, begin + size) for begin in range(0, x.shape[0], size)] or [slice(0)]


def windows(x: Array, size: tuple[int, int], stride: int) -> Array:
    """P(x): the window at each position of a kernel, its values in the order of the kernel's values.

    x: (batch, rows, columns, channels); returns (batch, R, C, size[0] · size[1] · channels).
    """
    xp = namespace(x)
    if size == (1, 1):
        return x[:, ::stride, ::stride, :]
    return xp.concat([x[offset] for offset in offsets(x.shape, size, (stride, stride))], axis=-1)


def add_windows(dP: Array, shape: tuple[int, ...], size: tuple[int, int], stride: int) -> Array:
    """Pᵀ(dP): add each window to the place that it was taken from, in a map of the given shape."""
    xp = namespace(dP)
    dx = xp.zeros(shape, dtype=dP.dtype, device=dP.device)
    channels = shape[-1]
    for index, offset in enumerate(offsets(shape, size, (stride, stride))):
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


def _as_matrix(x: Array) -> Array:
    """x as a matrix: all axes but the last become one."""
    return namespace(x).reshape(x, (-1, x.shape[-1]))
