"""What PyTorch lacks, as modules of its own, and how weights begin."""

import numpy as np
import torch
from torch import nn


class Residual(nn.Module):
    """block(x) + shortcut(x). The shortcut returns x itself, or x projected."""

    def __init__(self, block, shortcut):
        super().__init__()
        self.block, self.shortcut = block, shortcut

    def forward(self, x):
        return self.block(x) + self.shortcut(x)


class Parallel(nn.Module):
    """Gives x to each path, and puts what comes out one behind another."""

    def __init__(self, *paths):
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, x):
        return torch.cat([path(x) for path in self.paths], dim=1)


class BatchNorm(nn.BatchNorm1d):
    """Normalises rows, or maps of one pixel, also in a batch of one image.

    PyTorch refuses that: a single number is its own mean, so that only the bias is left.
    """

    def forward(self, x):
        if self.training and len(x) == 1:
            return (x - x) * self.weight.view(x.shape) + self.bias.view(x.shape)
        return super().forward(x.flatten(1)).view(x.shape)


class GaussianNoise(nn.Module):
    """While training, adds random numbers with this standard deviation."""

    def __init__(self, deviation):
        super().__init__()
        self.deviation = deviation

    def forward(self, x):
        return x + self.deviation * torch.randn_like(x) if self.training else x


class PaddedAvgPool(nn.Module):
    """Means of windows over a padded map; the padded places do not count."""

    def __init__(self, size, stride, padding):
        super().__init__()
        self.pad = nn.ZeroPad2d(padding)
        self.means = nn.AvgPool2d(size, stride)

    def forward(self, x):
        return self.means(self.pad(x)) / self.means(self.pad(torch.ones_like(x)))


class FlattenMaps(nn.Module):
    """Flattens maps pixel by pixel; nn.Flatten does it map by map."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def glorot_uniform(layer):
    """Draw a layer's first weights as Glorot and Bengio do; return the layer."""
    nn.init.xavier_uniform_(layer.weight)
    return zero_bias(layer)


def glorot_normal(layer):
    """Draw a layer's first weights as Glorot and Bengio do; return the layer."""
    nn.init.xavier_normal_(layer.weight)
    return zero_bias(layer)


def he_uniform(layer):
    """Draw a layer's first weights as He et al. do; return the layer."""
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    return zero_bias(layer)


def he_normal(layer):
    """Draw a layer's first weights as He et al. do; return the layer."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return zero_bias(layer)


def lecun_uniform(layer):
    """Draw a layer's first weights as LeCun et al. do; return the layer."""
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")
    return zero_bias(layer)


def lecun_normal(layer):
    """Draw a layer's first weights as LeCun et al. do; return the layer."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
    return zero_bias(layer)


def zero_bias(layer):
    """Let a layer's biases begin at 0, if it has any; return the layer."""
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def displacements(n, alpha, sigma):
    """How far each pixel of n images moves: smoothed noise, (n, 28, 28), in pixels."""
    pixel = torch.arange(28.0)
    G = torch.exp(-((pixel[:, None] - pixel) ** 2) / (2 * sigma**2))
    G /= sigma * np.sqrt(2 * np.pi)
    noise = 2 * torch.rand(n, 28, 28) - 1
    return alpha * (G @ noise @ G)
