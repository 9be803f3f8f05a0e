"""Margins around a map: those of Pad, and those that `padding=same` needs."""

from MNIST.engines.scratch.layer import Array, Cache, Gradients, Pass, namespace
from MNIST.language.layer import NO_MARGINS, Margins


class Pad:
    """A map with zeros around it."""

    def __init__(self, margins: Margins) -> None:
        self.margins = margins

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        return pad(x, self.margins), None

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        return crop(dy, self.margins)


def pad(x: Array, margins: Margins, value: float = 0.0) -> Array:
    """A map (batch, rows, columns, channels) with margins of one value around it."""
    if margins == NO_MARGINS:
        return x
    xp = namespace(x)
    batch, rows, columns, channels = x.shape

    def margin(height: int, width: int) -> Array:
        return xp.full((batch, height, width, channels), value, dtype=x.dtype, device=x.device)

    row = xp.concat([margin(rows, margins.left), x, margin(rows, margins.right)], axis=2)
    width = margins.left + columns + margins.right
    return xp.concat([margin(margins.top, width), row, margin(margins.bottom, width)], axis=1)


def crop(x: Array, margins: Margins) -> Array:
    """A map without its margins: the transpose of `pad`."""
    _, rows, columns, _ = x.shape
    return x[:, margins.top : rows - margins.bottom, margins.left : columns - margins.right, :]
