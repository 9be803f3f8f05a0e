"""Zeros around a map: Pad, and what `padding=same` adds before a window slides."""

from typing import NamedTuple

from MNIST.engines.scratch.layer import Array, Gradients, Memory, Pass, namespace


class Margins(NamedTuple):
    """How many rows and columns of zeros stand around a map."""

    top: int
    bottom: int
    left: int
    right: int


NONE = Margins(0, 0, 0, 0)


class Pad:
    """A map with zeros around it."""

    def __init__(self, margins: Margins) -> None:
        self.margins = margins

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Memory]:
        return pad(x, self.margins), None

    def backward(self, dy: Array, memory: Memory, gradients: Gradients) -> Array:
        return crop(dy, self.margins)


def margins_of(
    padding: str, shape: tuple[int, ...], size: tuple[int, int], strides: tuple[int, int]
) -> Margins:
    """The margins that a window of that size needs on a map (rows, columns, channels).

    `same`: as many zeros as give ⌈side / stride⌉ places, as evenly as can be, the odd one below and right.
    """
    if padding == "valid":
        return NONE
    missing = [
        max((-(-side // stride) - 1) * stride + length - side, 0)
        for side, length, stride in zip(shape[:2], size, strides, strict=True)
    ]
    top, left = missing[0] // 2, missing[1] // 2
    return Margins(top, missing[0] - top, left, missing[1] - left)


def pad(x: Array, margins: Margins, value: float = 0.0) -> Array:
    """A map (batch, rows, columns, channels) within margins of one value."""
    if margins == NONE:
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
