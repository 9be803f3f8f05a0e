"""Modules that `torch.nn` lacks, or whose formula in `torch.nn` differs from the language's.

Maps are (batch, channels, rows, columns), rows of numbers (batch, units).
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from MNIST.engines.torch_backend import DEVICE
from MNIST.language.layer import Shape, Window


class Standardize(nn.Module):
    """(pixels in [0, 1] − mean) / standard_deviation: uint8 (n, 28, 28) to (n, 1, 28, 28)."""

    def __init__(self, mean: float = 0.0, standard_deviation: float = 1.0) -> None:
        super().__init__()
        self.mean, self.standard_deviation = mean, standard_deviation

    def forward(self, images: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        x = images.to(dtype).div_(255)
        if (self.mean, self.standard_deviation) != (0.0, 1.0):
            x.sub_(self.mean).div_(self.standard_deviation)
        return x.unsqueeze(1)


class Threshold(nn.Module):
    """A binary map for each level: uint8 (n, 28, 28) to (n, levels, 28, 28)."""

    def __init__(self, levels: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("levels", torch.tensor(levels, dtype=torch.uint8).reshape(-1, 1, 1))

    def forward(self, images: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        return (images.unsqueeze(1) >= self.levels).to(dtype)


class DepthwiseConv(nn.Module):
    """A convolution of each channel by itself. The kernel's shape is (1, channels, rows, columns).

    The kernel of an `nn.Conv2d` with as many groups as channels is (channels, 1, rows, columns).
    """

    def __init__(self, channels: int, window: Window, padding: tuple[int, int]) -> None:
        super().__init__()
        self.strides, self.padding = window.strides, padding
        self.kernel = nn.Parameter(torch.empty(1, channels, *window.size))
        self.bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel = self.kernel.transpose(0, 1)
        return functional.conv2d(x, kernel, self.bias, self.strides, self.padding, groups=len(kernel))


class SeparableConv(nn.Module):
    """A convolution of each channel by itself, then a 1×1 convolution. See `layers.SeparableConv`."""

    def __init__(self, channels: int, filters: int, window: Window, padding: tuple[int, int]) -> None:
        super().__init__()
        self.strides, self.padding = window.strides, padding
        self.depthwise_kernel = nn.Parameter(torch.empty(1, channels, *window.size))
        self.pointwise_kernel = nn.Parameter(torch.empty(filters, channels, 1, 1))
        self.bias = nn.Parameter(torch.empty(filters))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel = self.depthwise_kernel.transpose(0, 1)
        z = functional.conv2d(x, kernel, None, self.strides, self.padding, groups=len(kernel))
        return functional.conv2d(z, self.pointwise_kernel, self.bias)


class UncountedPadding(nn.Module):
    """The means of windows over a padded map, not counting the padded places.

    means: pads with zeros and takes the means. Divided by the same means of ones, they count only the
    places of the map itself.
    """

    def __init__(self, means: nn.Module, input_shape: Shape) -> None:
        super().__init__()
        self.means = means
        # In float64 here; the network later rounds it to its own precision.
        self.register_buffer("covered", means(torch.ones(1, 1, *input_shape[:2], dtype=torch.float64)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.means(x) / self.covered


class GlobalAvgPool(nn.Module):
    """The mean of each channel: (batch, channels). `nn.AdaptiveAvgPool2d` is not repeatable on a GPU."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=(2, 3))


class BatchNorm(nn.Module):
    """y = gamma · (x − mean) / √(variance + epsilon) + beta, for each channel. See `layers.BatchNorm`.

    The moving average is of the variance with n in the denominator, which also normalises the batch; that of
    `nn.BatchNorm2d` is of the variance with n − 1. `nn.BatchNorm1d` refuses a batch of one image.
    """

    def __init__(self, channels: int, momentum: float, epsilon: float) -> None:
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        self.moving_mean = nn.Parameter(torch.zeros(channels), requires_grad=False)
        self.moving_variance = nn.Parameter(torch.ones(channels), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return self._normalize(x, self.moving_mean, self.moving_variance, 0.0)
        # With a momentum of 1, PyTorch writes the batch's own mean and variance into the two arrays.
        mean, variance = torch.zeros_like(self.moving_mean), torch.zeros_like(self.moving_variance)
        y = self._normalize(x, mean, variance, 1.0)
        n = x.numel() // x.shape[1]
        # For a single value it is 0 / (n − 1), which is not a number.
        variance = variance * ((n - 1) / n) if n > 1 else torch.zeros_like(variance)
        with torch.no_grad():
            self.moving_mean.lerp_(mean, 1 - self.momentum)
            self.moving_variance.lerp_(variance, 1 - self.momentum)
        return y

    def _normalize(
        self, x: torch.Tensor, mean: torch.Tensor, variance: torch.Tensor, momentum: float
    ) -> torch.Tensor:
        return torch.batch_norm(
            x, self.gamma, self.beta, mean, variance, self.training, momentum, self.epsilon, True
        )


class LocalResponseNorm(nn.Module):
    """y[c] = x[c] / (k + alpha · Σ x[j]²)^beta over `size` channels around c. See `layers.LocalResponseNorm`.

    `nn.LocalResponseNorm` takes the mean of the squares, is not repeatable on a GPU, and takes twice the time
    on a processor: 232 ms against 110 ms, forward and backward, for (128, 32, 26, 26) on one core.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        channels, around = x.shape[1], self.size // 2
        squares = functional.pad(x.square(), (0, 0, 0, 0, around, around))
        sums = sum(squares[:, offset : offset + channels] for offset in range(self.size))
        return x / (self.k + self.alpha * sums) ** self.beta


class Draws(nn.Module):
    """A random number for each value of x, in a new tensor.

    It has its own generator, so that other layers' draws do not change its numbers.
    fill: fills a tensor with numbers from a generator. given: numbers to use instead of draws, (batch, rows,
    columns, channels) or (batch, units).
    """

    def __init__(
        self, fill: Callable[[torch.Tensor, torch.Generator], torch.Tensor], given: np.ndarray | None
    ) -> None:
        super().__init__()
        self.fill, self.generator = fill, torch.Generator(DEVICE)
        numbers = None if given is None else torch.tensor(given, dtype=torch.float64)
        if numbers is not None and numbers.dim() == 4:
            numbers = numbers.permute(0, 3, 1, 2)
        self.register_buffer("given", numbers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.given is None:
            return self.fill(torch.empty_like(x), self.generator)
        return self.given[: len(x)].clone()  # an epoch's last batch may be smaller


class Dropout(nn.Module):
    """While training, sets a proportion `rate` of the values to 0 and divides the others by 1 − rate.

    given: 0 to drop and 1 to keep, instead of draws.
    """

    def __init__(self, rate: float, given: np.ndarray | None) -> None:
        super().__init__()
        self.keep = 1 - rate
        self.kept = Draws(lambda x, generator: x.bernoulli_(self.keep, generator=generator), given)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.kept(x).div_(self.keep) if self.training else x


class GaussianNoise(nn.Module):
    """While training, adds `standard_deviation` times a number with mean 0 and variance 1 to each value.

    given: such numbers, instead of draws.
    """

    def __init__(self, standard_deviation: float, given: np.ndarray | None) -> None:
        super().__init__()
        self.standard_deviation = standard_deviation
        self.noise = Draws(lambda x, generator: x.normal_(generator=generator), given)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.noise(x).mul_(self.standard_deviation) if self.training else x


class Flatten(nn.Module):
    """A map as one row of numbers: rows outermost, channels innermost, unlike `nn.Flatten`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


class Residual(nn.Module):
    """y = block(x) + shortcut(x)."""

    def __init__(self, block: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.block, self.shortcut = block, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block(x) + self.shortcut(x)


class Parallel(nn.Module):
    """The paths' outputs for the same input, concatenated along the channels."""

    def __init__(self, paths: Iterable[nn.Module]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([path(x) for path in self.paths], dim=1)
