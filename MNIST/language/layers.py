"""The layers of the language: one frozen dataclass each, whose fields are the arguments of its line.

For an input shape, a layer knows its output shape, its parameters and its multiply-adds, all for one image.
A layer's docstring says what it computes; each engine says how.
"""

import math
from dataclasses import dataclass

from MNIST.language.grammar import EPSILON, block, keyword, positional, real, whole
from MNIST.language.layer import (
    ACTIVATION,
    FEWEST_CLASSES,
    INIT,
    MOST_CLASSES,
    PADDING,
    SIDE,
    Kept,
    Layer,
    Margins,
    Normal,
    Parameter,
    Shape,
    ShapeError,
    Window,
    as_map,
    described,
    kernel,
    kernel_and_bias,
)


class _Sliding(Layer):
    """A kernel of rows × columns slides over the map, `stride` rows and columns at a time."""

    rows: int
    columns: int
    stride: int
    padding: str

    @property
    def window(self) -> Window:
        return Window((self.rows, self.columns), (self.stride, self.stride), self.padding)


@dataclass(frozen=True)
class Conv(_Sliding):
    """y[r, c, f] = activation(bias[f] + Σ x[r·stride + i, c·stride + j, k] · kernel[i, j, k, f]).

    padding: `valid` keeps the kernel inside the map; `same` pads with zeros, so that the kernel has
    ⌈rows / stride⌉ × ⌈columns / stride⌉ positions. It pads as evenly as possible; an odd row of zeros is
    below, an odd column on the right.
    """

    lesson = (
        "Each filter slides a small kernel of weights over all maps that come in; its own map is bright "
        "where the pattern that it has learned is."
    )

    filters: int = positional(whole(1, 100_000))
    rows: int = positional(SIDE)
    columns: int = positional(SIDE)
    activation: str = positional(ACTIVATION)
    stride: int = keyword(SIDE, 1)
    padding: str = keyword(PADDING, "valid")
    init: str = keyword(INIT, "glorot_uniform")

    def output_shape(self, shape: Shape) -> Shape:
        return *self.window.positions(shape), self.filters

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        return kernel_and_bias((self.rows, self.columns, shape[-1], self.filters), self.init)

    def flops(self, shape: Shape) -> int:
        rows, columns, _ = self.output_shape(shape)
        return 2 * rows * columns * self.rows * self.columns * shape[-1] * self.filters

    def working_values(self, shape: Shape) -> int:
        return math.prod(self.window.positions(shape)) * self.rows * self.columns * shape[-1]


@dataclass(frozen=True)
class DepthwiseConv(_Sliding):
    """y[r, c, k] = activation(bias[k] + Σ x[r·stride + i, c·stride + j, k] · kernel[i, j, k, 0]).

    A convolution of each channel by itself. padding: as in Conv. The fans are Keras's: fan_in counts the
    kernel's values of all channels, although an output sums those of one.
    """

    lesson = (
        "Over each map that comes in slides one small kernel of weights, its own; what becomes of a map does "
        "not depend on the others."
    )

    rows: int = positional(SIDE)
    columns: int = positional(SIDE)
    activation: str = positional(ACTIVATION)
    stride: int = keyword(SIDE, 1)
    padding: str = keyword(PADDING, "valid")
    init: str = keyword(INIT, "glorot_uniform")

    def output_shape(self, shape: Shape) -> Shape:
        return *self.window.positions(shape), shape[-1]

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        channels = shape[-1]
        return (
            kernel("kernel", (self.rows, self.columns, channels, 1), self.init),
            Parameter("bias", (channels,), "zeros"),
        )

    def flops(self, shape: Shape) -> int:
        return 2 * math.prod(self.output_shape(shape)) * self.rows * self.columns


@dataclass(frozen=True)
class SeparableConv(_Sliding):
    """y = activation(bias + z · pointwise_kernel): a 1×1 convolution of z, which a depthwise one computes.

    z[r, c, k] = Σ x[r·stride + i, c·stride + j, k] · depthwise_kernel[i, j, k, 0]. padding: as in Conv. The
    fans are Keras's, as in DepthwiseConv.
    Source: Chollet (2016), Xception, arXiv:1610.02357.
    """

    lesson = (
        "First a small kernel of its own slides over each map that comes in; then each filter adds the maps "
        "up, each times a weight that was learned."
    )

    filters: int = positional(whole(1, 100_000))
    rows: int = positional(SIDE)
    columns: int = positional(SIDE)
    activation: str = positional(ACTIVATION)
    stride: int = keyword(SIDE, 1)
    padding: str = keyword(PADDING, "valid")
    init: str = keyword(INIT, "glorot_uniform")

    def output_shape(self, shape: Shape) -> Shape:
        return *self.window.positions(shape), self.filters

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        channels = shape[-1]
        return (
            kernel("depthwise_kernel", (self.rows, self.columns, channels, 1), self.init),
            kernel("pointwise_kernel", (1, 1, channels, self.filters), self.init),
            Parameter("bias", (self.filters,), "zeros"),
        )

    def flops(self, shape: Shape) -> int:
        return 2 * self.working_values(shape) * (self.rows * self.columns + self.filters)

    def working_values(self, shape: Shape) -> int:
        return math.prod(self.window.positions(shape)) * shape[-1]


@dataclass(frozen=True)
class _Pool(Layer):
    """A window of rows × columns moves over each channel; without a stride, windows stand side by side."""

    rows: int = positional(SIDE)
    columns: int = positional(SIDE)
    stride: int | None = keyword(SIDE, None)
    padding: str = keyword(PADDING, "valid")

    def __post_init__(self) -> None:
        if self.stride == self.rows == self.columns:  # one spelling for one layer
            object.__setattr__(self, "stride", None)

    @property
    def window(self) -> Window:
        size = self.rows, self.columns
        return Window(size, size if self.stride is None else (self.stride, self.stride), self.padding)

    def output_shape(self, shape: Shape) -> Shape:
        return *self.window.positions(shape), shape[-1]


@dataclass(frozen=True)
class MaxPool(_Pool):
    """The largest value in each window of rows × columns, channel by channel.

    stride: the window's own size unless given. padding: as in Conv; padded values never win.
    """

    lesson = (
        "Of each small window only the largest value stays: the map shrinks, and a pattern counts even if "
        "it lies a pixel aside."
    )


@dataclass(frozen=True)
class AvgPool(_Pool):
    """The mean of each window of rows × columns, channel by channel.

    stride: the window's own size unless given. padding: as in Conv; padded values are not counted.
    """

    lesson = "Each small window becomes its mean: the map shrinks, and details go."


@dataclass(frozen=True)
class GlobalAvgPool(Layer):
    """The mean of each channel over the whole map."""

    lesson = "Each map becomes one number, its mean: how much of that pattern there is, anywhere."

    def output_shape(self, shape: Shape) -> Shape:
        return (as_map(shape)[-1],)


@dataclass(frozen=True)
class BatchNorm(Layer):
    """y = gamma · (x − mean) / √(variance + epsilon) + beta, for each channel.

    While training, mean and variance are the batch's, and moving averages of them are kept:
    moving = momentum · moving + (1 − momentum) · batch. Afterwards the moving averages are used.
    Source: Ioffe and Szegedy (2015), arXiv:1502.03167.
    """

    lesson = (
        "Each map is shifted and stretched, so that over the training images its values have a mean and a "
        "spread that were learned."
    )

    momentum: float = keyword(real(0, 1), 0.99)
    epsilon: float = keyword(EPSILON, 1e-3)

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        channels = shape[-1:]
        return (
            Parameter("gamma", channels, "ones"),
            Parameter("beta", channels, "zeros"),
            Parameter("moving_mean", channels, "zeros", trainable=False),
            Parameter("moving_variance", channels, "ones", trainable=False),
        )

    @property
    def needs_whole_batch(self) -> bool:
        return True


@dataclass(frozen=True)
class LocalResponseNorm(Layer):
    """y[c] = x[c] / (k + alpha · Σ x[j]²)^beta, summed over the `size` channels j with c in the middle.

    Channels beyond the first and last count as zero. The defaults are AlexNet's.
    Source: Krizhevsky, Sutskever and Hinton (2012), section 3.3.
    """

    lesson = "Each value is made smaller where the maps beside it are large at the same place."

    size: int = keyword(whole(1, 1_001, odd=True), 5)
    alpha: float = keyword(real(0, 1e6), 1e-4)
    beta: float = keyword(real(0, 100), 0.75)
    k: float = keyword(real(1e-30, 1e6), 2.0)

    def output_shape(self, shape: Shape) -> Shape:
        return as_map(shape)


@dataclass(frozen=True)
class Activation(Layer):
    """An activation as a layer of its own, for places outside Conv and Dense, such as after BatchNorm."""

    lesson = "Each value by itself goes through a curve, such as relu, which makes what is below 0 a 0."

    name: str = positional(ACTIVATION)

    @property
    def changes_nothing(self) -> bool:
        return self.name == "linear"

    @property
    def is_softmax(self) -> bool:
        return self.name == "softmax"


@dataclass(frozen=True)
class Dropout(Layer):
    """While training, sets a proportion `rate` of the values to 0 and divides the others by 1 − rate."""

    lesson = "Only while training does it forget; when the network answers, all goes through unchanged."
    passes_through = True

    rate: float = positional(real(0, 1, below=True))

    @property
    def changes_nothing(self) -> bool:
        return self.rate == 0

    @property
    def draws(self) -> Kept:
        return Kept(self.rate)


@dataclass(frozen=True)
class GaussianNoise(Layer):
    """While training, adds to each value a normally distributed number with mean 0 and this deviation."""

    lesson = "Only while training does it add noise; when the network answers, all goes through unchanged."
    passes_through = True

    standard_deviation: float = positional(real(0, 1))

    @property
    def changes_nothing(self) -> bool:
        return self.standard_deviation == 0

    @property
    def draws(self) -> Normal:
        return Normal()


@dataclass(frozen=True)
class Flatten(Layer):
    """A map as one row of numbers: rows outermost, channels innermost."""

    lesson = "The maps are put into one row of numbers; none changes."
    passes_through = True

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)


@dataclass(frozen=True)
class Dense(Layer):
    """Each unit sees all inputs: y = activation(x · kernel + bias)."""

    lesson = "Each number here is a sum over all numbers that come in, each times a weight that was learned."

    units: int = positional(whole(1, 1_000_000))
    activation: str = positional(ACTIVATION)
    init: str = keyword(INIT, "glorot_uniform")

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ShapeError(
                f"expected a row of numbers, found {described(shape)}; put Flatten or GlobalAvgPool before it"
            )
        return (self.units,)

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        return kernel_and_bias((*shape, self.units), self.init)

    def flops(self, shape: Shape) -> int:
        return 2 * shape[0] * self.units


@dataclass(frozen=True)
class Columns(Layer):
    """A column of neurons for each class: y[c] = 4 / √neurons · how many neurons of column c fire.

    A neuron fires when Σ weights[k] · x[sources[k]] over its connections exceeds its threshold; x is the
    whole binary input as one row, as Flatten makes it. spread: a neuron's sources are drawn from one window
    of spread × spread pixels, in any of the binary maps (28: from anywhere); learning moves some of them.
    With 4 / √neurons, softmax is about as sure as the columns are accurate (tried with 100 and 792 neurons).
    """

    neurons: int = positional(whole(1, 100_000))
    connections: int = positional(whole(1, 1_000))
    spread: int = keyword(whole(1, 28), 28)
    classes: int = keyword(whole(FEWEST_CLASSES, MOST_CLASSES), 10)

    def output_shape(self, shape: Shape) -> Shape:
        return (self.classes,)

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        neurons = self.classes, self.neurons
        connections = *neurons, self.connections
        return (
            Parameter("sources", connections, "indices", trainable=False, map=shape, spread=self.spread),
            Parameter("weights", connections, "normal"),
            Parameter("thresholds", neurons, "zeros"),
        )

    def flops(self, shape: Shape) -> int:
        return 2 * self.classes * self.neurons * self.connections


@dataclass(frozen=True)
class Pad(Layer):
    """Adds `rows` rows of zeros above and below the map, and `columns` columns at its left and right."""

    lesson = "Rows and columns of zeros are put around each map, so that its edge can be looked at too."

    rows: int = positional(whole(0, 1_000))
    columns: int = positional(whole(0, 1_000))

    def output_shape(self, shape: Shape) -> Shape:
        rows, columns, channels = as_map(shape)
        return rows + 2 * self.rows, columns + 2 * self.columns, channels

    def margins(self, shape: Shape) -> Margins:
        return Margins(self.rows, self.rows, self.columns, self.columns)

    @property
    def changes_nothing(self) -> bool:
        return self.rows == self.columns == 0


@dataclass(frozen=True)
class Residual(Layer):
    """y = block(x) + x; where their shapes differ, y = block(x) + projection(x).

    The projection is a 1×1 convolution without bias, as in He et al. (2015), arXiv:1512.03385, option B. Its
    stride is the smallest s for which ⌈rows / s⌉ and ⌈columns / s⌉ are those of the block's output.
    """

    lesson = (
        "What came in is added to what the layers inside have made of it: they only have to learn what to "
        "change."
    )

    layers: tuple[Layer, ...] = block()

    def projection_stride(self, shape: Shape, inner: Shape) -> int | None:
        """The stride of the projection that brings `shape` to the block's output shape `inner`.

        None if the shapes are equal and nothing is projected. Raises ShapeError if no stride fits.
        """
        if shape == inner:
            return None
        if len(shape) == len(inner) == 3:
            stride = max(-(-shape[axis] // inner[axis]) for axis in (0, 1))
            if all(-(-shape[axis] // stride) == inner[axis] for axis in (0, 1)):
                return stride
            hint = "; give the block's layers padding=same" if inner[0] < shape[0] else ""
        else:
            hint = "; only maps are projected: let the block end in the shape it began with"
        raise ShapeError(
            f"the block's output cannot be added to its input: {described(shape)} went in, "
            f"{described(inner)} came out{hint}"
        )


@dataclass(frozen=True)
class Path(Layer):
    """Consecutive layers: one of the ways through a Parallel."""

    layers: tuple[Layer, ...] = block()


@dataclass(frozen=True)
class Parallel(Layer):
    """Every path gets the same input; their outputs are concatenated along the channels, in order."""

    lesson = "Several ways see the same maps; what they make of them is put one behind another."

    paths: tuple[Path, ...] = block()

    def joined(self, shapes: list[Shape]) -> Shape:
        """The shape of the paths' outputs, joined. Raises ShapeError if they do not fit side by side."""
        first = shapes[0]
        for number, shape in enumerate(shapes[1:], start=2):
            if shape[:-1] != first[:-1] or len(shape) != len(first):
                raise ShapeError(
                    f"the paths cannot be joined: path 1 ends in {described(first)}, path {number} in "
                    f"{described(shape)}; rows and columns must agree"
                )
        return *first[:-1], sum(shape[-1] for shape in shapes)


@dataclass(frozen=True)
class Repeat(Layer):
    """The layers of its block, `times` times, each time with parameters of their own; 0 leaves them out."""

    times: int = positional(whole(0, 10_000))
    layers: tuple[Layer, ...] = block()


LAYERS: dict[str, type[Layer]] = {
    "Conv": Conv,
    "DepthwiseConv": DepthwiseConv,
    "SeparableConv": SeparableConv,
    "MaxPool": MaxPool,
    "AvgPool": AvgPool,
    "GlobalAvgPool": GlobalAvgPool,
    "BatchNorm": BatchNorm,
    "LocalResponseNorm": LocalResponseNorm,
    "Activation": Activation,
    "Dropout": Dropout,
    "GaussianNoise": GaussianNoise,
    "Flatten": Flatten,
    "Dense": Dense,
    "Columns": Columns,
    "Pad": Pad,
    "Residual": Residual,
    "Parallel": Parallel,
    "Path": Path,
    "Repeat": Repeat,
}
