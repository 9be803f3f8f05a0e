"""From a laid-out network to this room's layers: one function for each layer type, in `BUILDERS`.

A builder takes the node, its layer and all weights by name; it returns the layer with its own weights.
"""

from collections.abc import Callable, Iterable
from typing import Any

from MNIST.engines.scratch.activations import Activate
from MNIST.engines.scratch.blocks import Chain, Parallel, Residual
from MNIST.engines.scratch.convolution import Convolution
from MNIST.engines.scratch.dense import Dense
from MNIST.engines.scratch.depthwise import DepthwiseConvolution
from MNIST.engines.scratch.dropout import Dropout
from MNIST.engines.scratch.flatten import Flatten
from MNIST.engines.scratch.layer import Array, Layer, LearningLayer
from MNIST.engines.scratch.noise import GaussianNoise
from MNIST.engines.scratch.normalization import BatchNorm, LocalResponseNorm
from MNIST.engines.scratch.padding import Pad
from MNIST.engines.scratch.pooling import AvgPool, GlobalAvgPool, MaxPool
from MNIST.language import Network, Node, layers
from MNIST.language.layer import NO_MARGINS

Weights = dict[str, Array]


def build_network(network: Network, weights: Weights) -> Chain:
    """The layers up to the logits, sharing the given weights. The final softmax belongs to the loss."""
    nodes = network.to_logits()
    built = [_build(node, weights) for node in nodes]
    first = next((node for node in nodes if any(each.parameters for each in node.walk())), None)
    for node, layer in zip(nodes, built, strict=True):
        if node is first and isinstance(layer, LearningLayer):
            layer.wants_dx = False
    return Chain(built)


def _build(node: Node, weights: Weights) -> Layer:
    return BUILDERS[type(node.layer)](node, node.layer, weights)


def _chain(nodes: Iterable[Node], weights: Weights) -> Chain:
    return Chain([_build(node, weights) for node in nodes])


def _conv(node: Node, conv: layers.Conv, weights: Weights) -> Layer:
    names = f"{node.path}/kernel", f"{node.path}/bias"
    W, b = weights[names[0]], weights[names[1]]
    return Convolution(names, W, b, conv.activation, conv.stride, node.margins)


def _depthwise_conv(node: Node, conv: layers.DepthwiseConv, weights: Weights) -> Layer:
    names = f"{node.path}/kernel", f"{node.path}/bias"
    W, b = weights[names[0]], weights[names[1]]
    return DepthwiseConvolution(names, W, b, conv.activation, conv.window, node.margins)


def _separable_conv(node: Node, conv: layers.SeparableConv, weights: Weights) -> Layer:
    of_channels, *others = (f"{node.path}/{each.name}" for each in node.parameters)
    W, b = (weights[name] for name in others)
    return Chain(
        [
            DepthwiseConvolution(
                (of_channels,), weights[of_channels], None, "linear", conv.window, node.margins
            ),
            Convolution(tuple(others), W, b, conv.activation, 1, NO_MARGINS),
        ]
    )


def _dense(node: Node, dense: layers.Dense, weights: Weights) -> Layer:
    names = f"{node.path}/kernel", f"{node.path}/bias"
    return Dense(names, weights[names[0]], weights[names[1]], dense.activation)


def _pool(kind: type[MaxPool] | type[AvgPool]) -> Callable[[Node, Any, Weights], Layer]:
    def build(node: Node, pool: layers.MaxPool | layers.AvgPool, weights: Weights) -> Layer:
        return kind(pool.window.size, pool.window.strides, node.margins)

    return build


def _residual(node: Node, _: layers.Residual, weights: Weights) -> Layer:
    block, projection = _chain(node.children, weights), None
    if node.projection_stride is not None:
        name, stride = f"{node.path}/projection", node.projection_stride
        projection = Convolution((name,), weights[name], None, "linear", stride, NO_MARGINS)
    return Residual(block, projection)


def _batch_norm(node: Node, norm: layers.BatchNorm, weights: Weights) -> Layer:
    return BatchNorm(node.path, weights, norm.momentum, norm.epsilon)


def _local_response_norm(node: Node, norm: layers.LocalResponseNorm, weights: Weights) -> Layer:
    return LocalResponseNorm(norm.size, norm.alpha, norm.beta, norm.k)


BUILDERS: dict[type, Callable[[Node, Any, Weights], Layer]] = {
    layers.Conv: _conv,
    layers.DepthwiseConv: _depthwise_conv,
    layers.SeparableConv: _separable_conv,
    layers.MaxPool: _pool(MaxPool),
    layers.AvgPool: _pool(AvgPool),
    layers.GlobalAvgPool: lambda node, pool, weights: GlobalAvgPool(),
    layers.BatchNorm: _batch_norm,
    layers.LocalResponseNorm: _local_response_norm,
    layers.Activation: lambda node, activation, weights: Activate(activation.name),
    layers.Dropout: lambda node, dropout, weights: Dropout(node.path, dropout.rate),
    layers.GaussianNoise: lambda node, noise, weights: GaussianNoise(node.path, noise.standard_deviation),
    layers.Flatten: lambda node, flatten, weights: Flatten(),
    layers.Dense: _dense,
    layers.Pad: lambda node, pad, weights: Pad(node.margins),
    layers.Residual: _residual,
    layers.Parallel: lambda node, parallel, weights: Parallel(
        [_chain(path.children, weights) for path in node.children]
    ),
}
