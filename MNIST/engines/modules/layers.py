"""From a laid-out network to `torch.nn` modules: one function for each layer type, in `BUILDERS`.

A builder takes the node, its layer and the network so far; it returns the module that computes the layer.
Tensors are (batch, channels, rows, columns) or (batch, units), as in PyTorch. In memory the channels are
innermost, as in this project's arrays.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils import skip_init  # the weights are set later; PyTorch need not draw them

from MNIST.engines.modules.custom import (
    BatchNorm,
    DepthwiseConv,
    Draws,
    Dropout,
    Flatten,
    GaussianNoise,
    GlobalAvgPool,
    LocalResponseNorm,
    Parallel,
    Residual,
    SeparableConv,
    Standardize,
    Threshold,
    UncountedPadding,
)
from MNIST.engines.protocol import Arrays
from MNIST.engines.torch_backend import DEVICE
from MNIST.language import InputStep, Network, Node, inputs, layers
from MNIST.language.layer import LEAK


class NetworkModule(nn.Module):
    """A network: uint8 images (n, 28, 28) to logits (n, classes).

    weights: all weights by name, also those that are not trained. draws: see `registry.create`.
    """

    def __init__(
        self,
        network: Network,
        dtype: torch.dtype,
        pixel_statistics: tuple[float, float],
        draws: Arrays | None,
    ) -> None:
        super().__init__()
        self.dtype, self.draws = dtype, draws
        self.weights: dict[str, nn.Parameter] = {}
        (step,) = network.spec.input  # a simplified spec has one
        self.prepare = _input_step(step, pixel_statistics)
        self.body = self.chain(network.to_logits())
        # With channels innermost the convolutions of `optimized_model`, forward and backward for 1,000
        # images on one core, take 1.6 s instead of 2.6 s.
        self.to(DEVICE, dtype, memory_format=torch.channels_last)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(self.prepare(images, self.dtype))

    def before_last(self, images: torch.Tensor) -> torch.Tensor:
        """What the last layer gets."""
        return self.body[:-1](self.prepare(images, self.dtype))

    def add(self, node: Node) -> nn.Module:
        """The module of one node, including its block if it has one."""
        return BUILDERS[type(node.layer)](node, node.layer, self)

    def chain(self, nodes: Iterable[Node]) -> nn.Sequential:
        """The modules of nodes one after the other."""
        return nn.Sequential(*map(self.add, nodes))

    def note(self, node: Node, module: nn.Module, **renamed: str) -> nn.Module:
        """Note a module's weights under the node's path; return the module.

        renamed: `our_name=attribute` for each weight that has another name in the module.
        """
        for parameter in node.parameters:
            attribute = renamed.get(parameter.name, parameter.name)
            self.weights[f"{node.path}/{parameter.name}"] = getattr(module, attribute)
        return module

    def given_draws(self, node: Node) -> np.ndarray | None:
        """The random numbers given for a node; None if it draws its own."""
        return None if self.draws is None else self.draws[node.path]

    def set_seeds(self, seed: int) -> None:
        """Seed each layer's generator from the seed and the layer's place among those that draw.

        With the same seed each layer draws the same numbers again; layers with given draws ignore it.
        """
        drawing = (module for module in self.body.modules() if isinstance(module, Draws))
        for index, draws in enumerate(drawing):
            word = np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)[0]
            draws.generator.manual_seed(int(word))


def _conv(node: Node, conv: layers.Conv, network: NetworkModule) -> nn.Module:
    before, inside = _padding(node, 0.0)
    channels, window = node.input_shape[-1], conv.window
    module = skip_init(nn.Conv2d, channels, conv.filters, window.size, stride=window.strides, padding=inside)
    network.note(node, module, kernel="weight")
    return nn.Sequential(*before, module, *_activations(conv.activation))


def _depthwise_conv(node: Node, conv: layers.DepthwiseConv, network: NetworkModule) -> nn.Module:
    before, inside = _padding(node, 0.0)
    module = network.note(node, DepthwiseConv(node.input_shape[-1], conv.window, inside))
    return nn.Sequential(*before, module, *_activations(conv.activation))


def _separable_conv(node: Node, conv: layers.SeparableConv, network: NetworkModule) -> nn.Module:
    before, inside = _padding(node, 0.0)
    module = SeparableConv(node.input_shape[-1], conv.filters, conv.window, inside)
    network.note(node, module)
    return nn.Sequential(*before, module, *_activations(conv.activation))


def _dense(node: Node, dense: layers.Dense, network: NetworkModule) -> nn.Module:
    module = skip_init(nn.Linear, *node.input_shape, dense.units)
    network.note(node, module, kernel="weight")
    return nn.Sequential(module, *_activations(dense.activation))


def _max_pool(node: Node, pool: layers.MaxPool, network: NetworkModule) -> nn.Module:
    before, inside = _padding(node, -torch.inf)
    return nn.Sequential(*before, nn.MaxPool2d(pool.window.size, pool.window.strides, inside))


def _avg_pool(node: Node, pool: layers.AvgPool, network: NetworkModule) -> nn.Module:
    before, inside = _padding(node, 0.0)
    means = nn.AvgPool2d(pool.window.size, pool.window.strides, inside, count_include_pad=False)
    # AvgPool2d also counts the places that a module before it has padded.
    return UncountedPadding(nn.Sequential(*before, means), node.input_shape) if before else means


def _global_avg_pool(node: Node, _: layers.GlobalAvgPool, network: NetworkModule) -> nn.Module:
    return GlobalAvgPool()


def _batch_norm(node: Node, norm: layers.BatchNorm, network: NetworkModule) -> nn.Module:
    return network.note(node, BatchNorm(node.input_shape[-1], norm.momentum, norm.epsilon))


def _local_response_norm(node: Node, norm: layers.LocalResponseNorm, network: NetworkModule) -> nn.Module:
    return LocalResponseNorm(norm.size, norm.alpha, norm.beta, norm.k)


def _activate(node: Node, activation: layers.Activation, network: NetworkModule) -> nn.Module:
    return ACTIVATIONS[activation.name]()


def _dropout(node: Node, dropout: layers.Dropout, network: NetworkModule) -> nn.Module:
    return Dropout(dropout.rate, network.given_draws(node))


def _gaussian_noise(node: Node, noise: layers.GaussianNoise, network: NetworkModule) -> nn.Module:
    return GaussianNoise(noise.standard_deviation, network.given_draws(node))


def _flatten(node: Node, _: layers.Flatten, network: NetworkModule) -> nn.Module:
    return nn.Identity() if len(node.input_shape) == 1 else Flatten()


def _pad(node: Node, pad: layers.Pad, network: NetworkModule) -> nn.Module:
    top, bottom, left, right = node.margins
    return nn.ZeroPad2d((left, right, top, bottom))


def _residual(node: Node, _: layers.Residual, network: NetworkModule) -> nn.Module:
    block = network.chain(node.children)
    if not node.parameters:
        return Residual(block, nn.Identity())
    channels = (node.input_shape[-1], node.output_shape[-1])
    projection = skip_init(nn.Conv2d, *channels, 1, stride=node.projection_stride, bias=False)
    return Residual(block, network.note(node, projection, projection="weight"))


def _parallel(node: Node, _: layers.Parallel, network: NetworkModule) -> nn.Module:
    return Parallel(network.chain(path.children) for path in node.children)


BUILDERS: dict[type, Callable[[Node, Any, NetworkModule], nn.Module]] = {
    layers.Conv: _conv,
    layers.DepthwiseConv: _depthwise_conv,
    layers.SeparableConv: _separable_conv,
    layers.MaxPool: _max_pool,
    layers.AvgPool: _avg_pool,
    layers.GlobalAvgPool: _global_avg_pool,
    layers.BatchNorm: _batch_norm,
    layers.LocalResponseNorm: _local_response_norm,
    layers.Activation: _activate,
    layers.Dropout: _dropout,
    layers.GaussianNoise: _gaussian_noise,
    layers.Flatten: _flatten,
    layers.Dense: _dense,
    layers.Pad: _pad,
    layers.Residual: _residual,
    layers.Parallel: _parallel,
}

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(LEAK),
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    # Above the threshold PyTorch returns x itself. With its default of 20 this shows in float64, with 50 not.
    "softplus": lambda: nn.Softplus(threshold=50),
}


def _activations(name: str) -> list[nn.Module]:
    """The activation of a Conv or Dense as modules; none if it is linear.

    relu overwrites its input, which no backward pass needs: this saves the memory of one map.
    """
    if name == "relu":
        return [nn.ReLU(inplace=True)]
    return [] if name == "linear" else [ACTIVATIONS[name]()]


def _padding(node: Node, value: float) -> tuple[list[nn.Module], tuple[int, int]]:
    """The padding for a window: modules to put before the layer, and what the layer pads by itself.

    PyTorch's layers pad both sides alike. Where `same` needs one more row below or one more column at the
    right, a module pads instead. value: what the padded places get.
    """
    top, bottom, left, right = node.margins
    if top == bottom and left == right:
        return [], (top, left)
    return [nn.ConstantPad2d((left, right, top, bottom), value)], (0, 0)


def _input_step(step: InputStep, pixel_statistics: tuple[float, float]) -> nn.Module:
    """One step of `Input:`: uint8 images (n, 28, 28) in, (n, channels, 28, 28) out."""
    if isinstance(step, inputs.Threshold):
        return Threshold(step.levels)
    return Standardize(*pixel_statistics) if isinstance(step, inputs.Standardize) else Standardize()
