"""Model text to `torch.nn` modules: one function a layer type, in `BUILDERS`.

A builder takes the network so far, the layer and its node, and returns the module that computes it.
Tensors are (batch, channels, rows, columns) or (batch, units), as PyTorch has them; in memory the channels
are innermost, as in this project's arrays.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils import skip_init  # the weights are set, never drawn, by PyTorch

from MNIST.engines.modules.custom import (
    BatchNorm,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LocalResponseNorm,
    Parallel,
    Residual,
    Standardize,
    Threshold,
    UncountedPadding,
)
from MNIST.engines.protocol import Arrays
from MNIST.engines.torch_backend import DEVICE
from MNIST.language import InputStep, ModelSpec, Node, inputs, lay_out, layers


class NetworkModule(nn.Module):
    """A spec's network: uint8 images (n, 28, 28) to logits (n, 10).

    weights: by name, those that are not trained too. dropouts: in the order of the network.
    masks: see `registry.create`.
    """

    def __init__(
        self, spec: ModelSpec, dtype: torch.dtype, pixels: tuple[float, float], masks: Arrays | None
    ) -> None:
        super().__init__()
        self.dtype, self.masks = dtype, masks
        self.weights: dict[str, nn.Parameter] = {}
        self.dropouts: list[Dropout] = []
        (step,) = spec.input  # a simplified spec has one
        self.prepare = _input_step(step, pixels)
        self.body = self.chain(lay_out(spec).to_logits())
        # With channels innermost the convolutions of `optimized_model`, forward and back for 1,000 images
        # on one core, take 1.6 s rather than 2.6 s.
        self.to(DEVICE, dtype, memory_format=torch.channels_last)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(self.prepare(images, self.dtype))

    def add(self, node: Node) -> nn.Module:
        """The module of one node, with its block if it has one."""
        return BUILDERS[type(node.layer)](self, node.layer, node)

    def chain(self, nodes: Iterable[Node]) -> nn.Sequential:
        """The modules of nodes one after the other."""
        return nn.Sequential(*map(self.add, nodes))

    def note(self, node: Node, module: nn.Module, **renamed: str) -> nn.Module:
        """Note a module's weights under the node's path; return the module.

        renamed: our name of a weight = the module's attribute, where the two differ.
        """
        for parameter in node.parameters:
            attribute = renamed.get(parameter.name, parameter.name)
            self.weights[f"{node.path}/{parameter.name}"] = getattr(module, attribute)
        return module

    def set_dropout_seeds(self, seed: int) -> None:
        """Set what each Dropout draws from, from the seed and its place among them."""
        for index, dropout in enumerate(self.dropouts):
            word = np.random.SeedSequence([seed, index]).generate_state(1, np.uint64)[0]
            dropout.generator.manual_seed(int(word))


def _conv(network: NetworkModule, conv: layers.Conv, node: Node) -> nn.Module:
    before, inside = _padding(conv, node, 0.0)
    channels, window = node.input_shape[-1], (conv.rows, conv.columns)
    module = skip_init(nn.Conv2d, channels, conv.filters, window, stride=conv.strides, padding=inside)
    network.note(node, module, kernel="weight")
    return nn.Sequential(*before, module, *_activations(conv.activation))


def _dense(network: NetworkModule, dense: layers.Dense, node: Node) -> nn.Module:
    module = skip_init(nn.Linear, *node.input_shape, dense.units)
    network.note(node, module, kernel="weight")
    return nn.Sequential(module, *_activations(dense.activation))


def _max_pool(network: NetworkModule, pool: layers.MaxPool, node: Node) -> nn.Module:
    before, inside = _padding(pool, node, -torch.inf)
    return nn.Sequential(*before, nn.MaxPool2d((pool.rows, pool.columns), pool.strides, inside))


def _avg_pool(network: NetworkModule, pool: layers.AvgPool, node: Node) -> nn.Module:
    before, inside = _padding(pool, node, 0.0)
    means = nn.AvgPool2d((pool.rows, pool.columns), pool.strides, inside, count_include_pad=False)
    # What is padded before it, it cannot but count.
    return UncountedPadding(nn.Sequential(*before, means), node.input_shape) if before else means


def _global_avg_pool(network: NetworkModule, _: layers.GlobalAvgPool, node: Node) -> nn.Module:
    return GlobalAvgPool()


def _batch_norm(network: NetworkModule, norm: layers.BatchNorm, node: Node) -> nn.Module:
    return network.note(node, BatchNorm(node.input_shape[-1], norm.momentum, norm.epsilon))


def _local_response_norm(network: NetworkModule, norm: layers.LocalResponseNorm, node: Node) -> nn.Module:
    return LocalResponseNorm(norm.size, norm.alpha, norm.beta, norm.k)


def _activate(network: NetworkModule, activation: layers.Activation, node: Node) -> nn.Module:
    return ACTIVATIONS[activation.name]()


def _dropout(network: NetworkModule, dropout: layers.Dropout, node: Node) -> nn.Module:
    mask = None if network.masks is None else network.masks[node.path]
    module = Dropout(dropout.rate, mask)
    network.dropouts.append(module)
    return module


def _flatten(network: NetworkModule, _: layers.Flatten, node: Node) -> nn.Module:
    return nn.Identity() if len(node.input_shape) == 1 else Flatten()


def _pad(network: NetworkModule, pad: layers.Pad, node: Node) -> nn.Module:
    return nn.ZeroPad2d((pad.columns, pad.columns, pad.rows, pad.rows))


def _residual(network: NetworkModule, _: layers.Residual, node: Node) -> nn.Module:
    block = network.chain(node.children)
    if not node.parameters:
        return Residual(block, nn.Identity())
    channels = (node.input_shape[-1], node.output_shape[-1])
    projection = skip_init(nn.Conv2d, *channels, 1, stride=node.projection_stride, bias=False)
    return Residual(block, network.note(node, projection, projection="weight"))


def _parallel(network: NetworkModule, _: layers.Parallel, node: Node) -> nn.Module:
    return Parallel(network.chain(path.children) for path in node.children)


BUILDERS: dict[type, Callable[[NetworkModule, Any, Node], nn.Module]] = {
    layers.Conv: _conv,
    layers.MaxPool: _max_pool,
    layers.AvgPool: _avg_pool,
    layers.GlobalAvgPool: _global_avg_pool,
    layers.BatchNorm: _batch_norm,
    layers.LocalResponseNorm: _local_response_norm,
    layers.Activation: _activate,
    layers.Dropout: _dropout,
    layers.Flatten: _flatten,
    layers.Dense: _dense,
    layers.Pad: _pad,
    layers.Residual: _residual,
    layers.Parallel: _parallel,
}

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(layers.LEAK),
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    # Above the threshold PyTorch takes x itself: at its usual 20 that is seen in float64, at 50 it is not.
    "softplus": lambda: nn.Softplus(threshold=50),
}


def _activations(name: str) -> list[nn.Module]:
    """The activation of a Conv or Dense as modules; none if it is linear.

    relu takes the place of its input, which neither needs again: the memory of one map less.
    """
    if name == "relu":
        return [nn.ReLU(inplace=True)]
    return [] if name == "linear" else [ACTIVATIONS[name]()]


def _padding(
    layer: layers.Conv | layers.MaxPool | layers.AvgPool, node: Node, value: float
) -> tuple[list[nn.Module], tuple[int, int]]:
    """What pads the map for a window: modules to put before the layer, and what the layer pads by itself.

    PyTorch's layers pad both sides alike; where `same` needs one more below or at the right, a module must.
    value: of the padded places.
    """
    if layer.padding == "valid":
        return [], (0, 0)
    sides = zip(node.input_shape, node.output_shape, (layer.rows, layer.columns), layer.strides, strict=False)
    rows, columns = (max((out - 1) * stride + window - side, 0) for side, out, window, stride in sides)
    top, left = rows // 2, columns // 2
    if rows == 2 * top and columns == 2 * left:
        return [], (top, left)
    return [nn.ConstantPad2d((left, columns - left, top, rows - top), value)], (0, 0)


def _input_step(step: InputStep, pixels: tuple[float, float]) -> nn.Module:
    """One step of `Input:`: uint8 images (n, 28, 28) in, (n, channels, 28, 28) out."""
    if isinstance(step, inputs.Threshold):
        return Threshold(step.levels)
    return Standardize(*pixels) if isinstance(step, inputs.Standardize) else Standardize()
