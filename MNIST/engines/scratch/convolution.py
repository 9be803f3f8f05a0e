"""Convolution: sliding windows and one matrix product.

A kernel that stands at one position of the map sees a window of it. Written one under the other as rows, all
windows are a matrix P(x), and the convolution of all images at all positions is one product of matrices:

    forward     Z = P(x) W + b                  W with a row for each of a window's values, a column a filter
    backward    dW = P(x)ᵀ dZ,  db = Σ dZ,  dx = Pᵀ(dZ Wᵀ)

P takes each value of x into every window that it stands in; it is linear, and its transpose Pᵀ adds up,
for each value, what comes back from all of them. `windows` and `add_windows` are these two. That they
are transposes of one another, ⟨P(x), d⟩ = ⟨x, Pᵀ(d)⟩, and that the gradients are right, is proved in
tests/engines/test_scratch_layers.py, and for any model file by `python MNIST certify`.

Source: Chellapilla, Puri and Simard (2006), High performance convolutional neural networks for document
processing.
"""

from collections.abc import Iterator

from MNIST.engines.scratch.activations import ACTIVATIONS
from MNIST.engines.scratch.layer import Array, Cache, Gradients, Pass, channel_sums, namespace
from MNIST.engines.scratch.padding import crop, pad
from MNIST.language.layers import Margins

LARGEST = 2**23  # values of P(x) at once: of whole batches it would take gigabytes


class Convolution:
    """y[r, c, f] = activation(b[f] + Σ x[r·stride + i, c·stride + j, k] · W[i, j, k, f]), x padded.

    W: (rows, columns, channels, filters); b: (filters,), or None where there is none (a projection).
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
            P = self._windows(padded)  # again: keeping it would take the most memory of all
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
        """Some images at a time: P(x) is as many times larger than x as a window has positions."""
        rows, columns, channels, _ = self.W.shape
        size = max(1, LARGEST // (x.shape[1] * x.shape[2] * rows * columns * channels))
        return [slice(begin, begin + size) for begin in range(0, x.shape[0], size)] or [slice(0)]


def windows(x: Array, size: tuple[int, int], stride: int) -> Array:
    """P(x): all that a kernel sees at each of its positions, in the order of a kernel's values.

    x: (batch, rows, columns, channels); returns (batch, R, C, size[0] · size[1] · channels).
    """
    xp = namespace(x)
    if size == (1, 1):
        return x[:, ::stride, ::stride, :]
    return xp.concat([x[offset] for offset in offsets(x.shape, size, (stride, stride))], axis=-1)


def add_windows(dP: Array, shape: tuple[int, ...], size: tuple[int, int], stride: int) -> Array:
    """Pᵀ(dP): windows added up where they were taken from, in a map of the given shape."""
    xp = namespace(dP)
    dx = xp.zeros(shape, dtype=dP.dtype, device=dP.device)
    channels = shape[-1]
    for index, offset in enumerate(offsets(shape, size, (stride, stride))):
        dx[offset] += dP[..., index * channels : (index + 1) * channels]
    return dx


def offsets(
    shape: tuple[int, ...], size: tuple[int, int], strides: tuple[int, int]
) -> Iterator[tuple[slice, ...]]:
    """For each value of a window, row by row, which values of the map it meets over all positions."""
    _, rows, columns, _ = shape
    last_row, last_column = rows - size[0], columns - size[1]  # where the windows can stand at most
    for i in range(size[0]):
        for j in range(size[1]):
            yield (
                slice(None),
                slice(i, i + last_row + 1, strides[0]),
                slice(j, j + last_column + 1, strides[1]),
                slice(None),
            )


def _joined(parts: list[Array]) -> Array:
    """Images that were computed in parts, as one array."""
    return parts[0] if len(parts) == 1 else namespace(parts[0]).concat(parts, axis=0)


def _as_matrix(x: Array) -> Array:
    """All axes but the last as one."""
    return namespace(x).reshape(x, (-1, x.shape[-1]))
