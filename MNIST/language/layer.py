"""What every layer is made of: shapes, windows, parameters, random draws, and the methods of all layers.

Shapes are (rows, columns, channels) for a map and (units,) for a row of numbers.
"""

import math
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from MNIST.language.errors import Line
from MNIST.language.grammar import choice, whole

Shape = tuple[int, ...]
FEWEST_CLASSES, MOST_CLASSES = 2, 1_000

LEAK = 0.2
# Below 0, leaky_relu has the slope LEAK and elu is eˣ − 1; silu is x · sigmoid(x); softplus is log(1 + eˣ).
ACTIVATION = choice(
    ("linear", "relu", "leaky_relu", "elu", "silu", "sigmoid", "tanh", "softplus", "softmax"), swish="silu"
)
# Variances: glorot 2 / (fan_in + fan_out), he 2 / fan_in, lecun 1 / fan_in.
INIT = choice(("glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"))
PADDING = choice(("valid", "same"))
SIDE = whole(1, 1_000)  # of a kernel, window or stride


class ShapeError(Exception):
    """A layer cannot take the shape that comes to it; the message is the reason, for the user."""


class Margins(NamedTuple):
    """How many rows and columns are added around a map."""

    top: int
    bottom: int
    left: int
    right: int


NO_MARGINS = Margins(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Window:
    """A window of `size` (rows, columns) that moves over a map by `strides` (rows, columns).

    padding: `valid` keeps the window inside the map; `same` puts margins around the map, so that the window
    has ⌈rows / stride⌉ × ⌈columns / stride⌉ positions. The margins are as even as possible; an odd row is
    below, an odd column on the right.
    """

    size: tuple[int, int]
    strides: tuple[int, int]
    padding: str

    def positions(self, shape: Shape) -> tuple[int, int]:
        """How many rows and columns of positions the window has. Raises ShapeError if it has none."""
        rows, columns, _ = as_map(shape)
        if self.padding == "same":
            return -(-rows // self.strides[0]), -(-columns // self.strides[1])
        if self.size[0] > rows or self.size[1] > columns:
            raise ShapeError(f"its {self.size[0]}×{self.size[1]} window does not fit on {described(shape)}")
        return (rows - self.size[0]) // self.strides[0] + 1, (columns - self.size[1]) // self.strides[1] + 1

    def margins(self, shape: Shape) -> Margins:
        """The margins that `padding` puts around a map of `shape`."""
        if self.padding == "valid":
            return NO_MARGINS
        rows, columns = (
            max((positions - 1) * stride + length - side, 0)
            for side, positions, length, stride in zip(
                shape[:2], self.positions(shape), self.size, self.strides, strict=True
            )
        )
        top, left = rows // 2, columns // 2
        return Margins(top, rows - top, left, columns - left)


@dataclass(frozen=True, slots=True)
class Kept:
    """Random numbers that are 0 with probability `rate`, and 1 otherwise."""

    rate: float


@dataclass(frozen=True, slots=True)
class Normal:
    """Normally distributed random numbers with mean 0 and standard deviation 1."""


Distribution = Kept | Normal


@dataclass(frozen=True, slots=True)
class Parameter:
    """An array that a layer owns.

    A convolution's kernel is (rows, columns, channels in, channels out), a dense one (units in, units out).
    init: "zeros"; "ones"; one of INIT, which uses fan_in and fan_out; "normal" (mean 0, standard deviation
    1); or "indices": whole numbers that index a flattened map of shape `map`. Those along the last axis lie
    in one window of spread × spread pixels, in any channel.
    """

    name: str
    shape: Shape
    init: str
    fan_in: int = 0
    fan_out: int = 0
    trainable: bool = True
    map: Shape = ()
    spread: int = 0

    @property
    def size(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True)
class Layer:
    """What all layers share. By default the shape stays, and there are no parameters and no multiply-adds.

    line: where it was written, for messages; comparing layers ignores it.
    lesson: what the layer does, in a sentence for beginners. passes_through: whether its values leave it
    unchanged and in the same order, except while training.
    """

    lesson: ClassVar[str] = ""
    passes_through: ClassVar[bool] = False

    line: Line | None = field(default=None, compare=False, repr=False, kw_only=True)

    def output_shape(self, shape: Shape) -> Shape:
        """The shape that comes out when `shape` goes in. Raises ShapeError if `shape` does not fit."""
        return shape

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        """The arrays that the layer owns when `shape` goes in."""
        return ()

    def flops(self, shape: Shape) -> int:
        """Two for each multiply-add of a matrix product, forward, for one image; nothing else counts."""
        return 0

    def working_values(self, shape: Shape) -> int:
        """How many values one image has in the largest array between the layer's input and its output."""
        return 0

    def margins(self, shape: Shape) -> Margins:
        """The margins that the layer first adds around a map of `shape`."""
        return self.window.margins(shape) if self.window else NO_MARGINS

    @property
    def window(self) -> Window | None:
        """The window that the layer moves over its map; None if it has none."""
        return None

    @property
    def changes_nothing(self) -> bool:
        """Whether the output always equals the input, so that the network is the same without the layer."""
        return False

    @property
    def is_softmax(self) -> bool:
        """Whether the layer ends in softmax."""
        return getattr(self, "activation", None) == "softmax"

    @property
    def draws(self) -> Distribution | None:
        """What the layer draws for each input number while training; None if it draws nothing."""
        return None

    @property
    def needs_whole_batch(self) -> bool:
        """Whether an image's output depends on the other images of its batch while training."""
        return False


def kernel_and_bias(shape: Shape, init: str) -> tuple[Parameter, Parameter]:
    """A kernel of (rows, columns, in, out) or (in, out), and a bias for each of its outputs."""
    return kernel("kernel", shape, init), Parameter("bias", shape[-1:], "zeros")


def kernel(name: str, shape: Shape, init: str) -> Parameter:
    """A kernel with its fans: how many values each output sums, and how many each input feeds (Glorot)."""
    window = math.prod(shape[:-2])
    return Parameter(name, shape, init, window * shape[-2], window * shape[-1])


def described(shape: Shape) -> str:
    """A shape in words: "a 13×13×32 map", "a row of 128 numbers"."""
    if len(shape) == 1:
        return f"a row of {shape[0]} number{'s' * (shape[0] != 1)}"
    return f"a {'×'.join(map(str, shape))} map"


def as_map(shape: Shape) -> Shape:
    """`shape`, if it is that of a map. Raises ShapeError otherwise."""
    if len(shape) != 3:
        raise ShapeError(
            f"expected a map of rows × columns × channels, found {described(shape)}; "
            "put it before Flatten or GlobalAvgPool"
        )
    return shape
