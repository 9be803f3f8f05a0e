"""A network as a list of operations that a page can follow: one small function per layer type, in `STEPS`.

Each function takes the node, its layer, all weights by name and the network's numbers so far. It returns
what the operation has besides its kind and its shapes.

An operation is a dictionary for JSON. It has a `kind`, which is the layer's name and tells engine.js which
function to call, the shapes of its input and output, and the places of its weights. Layers that pass all
values on unchanged, such as Dropout and Flatten, are left out. The page itself computes the last softmax.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from MNIST.language import InputStep, Network, Node, inputs, layers, statement_text
from MNIST.page.numbers import Numbers
from MNIST.words import DIGITS

MOST_IN_FULL = 1_000_000
# Up to this many parameters, weights stay float32. On 200 test images the probabilities of a trained
# optimized_model differ from Keras's by 4e-7 in float32, and by 1e-3 in float16, which is half as large.

Operation = dict[str, Any]
Weights = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Plan:
    """Everything that a page must know about a network.

    operations: from the pixels, 0 to 255, to the logits; numbers: the bytes that they refer to;
    parameters, flops: as `Network` counts them. classes: the name of each answer. form: "digit" if the
    network has learned digits in MNIST's form, "whole" if whole pictures; ink: "bright" or "dark".
    """

    name: str
    parameters: int
    flops: int
    operations: list[Operation]
    numbers: bytes
    classes: tuple[str, ...] = DIGITS
    form: str = "digit"
    ink: str = "bright"


def plan_network(
    name: str,
    network: Network,
    weights: Weights,
    pixel_statistics: tuple[float, float],
    classes: tuple[str, ...] = DIGITS,
    form: str = "digit",
    ink: str = "bright",
) -> Plan:
    """The plan of a network with its weights by name; the names are the same in every engine.

    pixel_statistics: mean and standard deviation of the training images, in [0, 1], for `Standardize`.
    classes, form, ink: as in `Plan`.
    """
    numbers = Numbers(compact=network.parameters > MOST_IN_FULL)
    operations = [_input_step(step, pixel_statistics) for step in network.spec.input]
    operations += _steps(network.to_logits(), weights, numbers)
    size = network.parameters, network.flops
    return Plan(name, *size, operations, numbers.to_bytes(), classes, form, ink)


def _input_step(step: InputStep, pixel_statistics: tuple[float, float]) -> Operation:
    mean, standard_deviation = pixel_statistics
    if isinstance(step, inputs.Scale):
        return {"kind": "Scale", "by": 1 / 255, "offset": 0.0}
    if isinstance(step, inputs.Standardize):
        return {"kind": "Scale", "by": 1 / (255 * standard_deviation), "offset": -mean / standard_deviation}
    assert isinstance(step, inputs.Threshold)
    return {"kind": "Threshold", "levels": list(step.levels)}


def _steps(nodes: Iterable[Node], weights: Weights, numbers: Numbers) -> list[Operation]:
    """The operations of consecutive layers."""
    return [
        {"kind": type(node.layer).__name__, "input": node.input_shape, "output": node.output_shape}
        | STEPS[type(node.layer)](node, node.layer, weights, numbers)
        for node in nodes
        if not node.layer.passes_through
    ]


def _conv(
    node: Node, conv: layers.Conv | layers.DepthwiseConv, weights: Weights, numbers: Numbers
) -> Operation:
    return {
        "text": statement_text(conv, defaults=False),
        "kernel": numbers.add(weights[f"{node.path}/kernel"]),
        "bias": numbers.add(weights[f"{node.path}/bias"]),
        "activation": conv.activation,
    } | _window(node, conv.window)


def _separable_conv(node: Node, conv: layers.SeparableConv, weights: Weights, numbers: Numbers) -> Operation:
    """Two operations in one: the depthwise convolution, and the 1×1 convolution of its result."""
    between = *node.output_shape[:2], node.input_shape[-1]
    depthwise = {
        "input": node.input_shape,
        "output": between,
        "kernel": numbers.add(weights[f"{node.path}/depthwise_kernel"]),
        "bias": None,
        "activation": "linear",
    } | _window(node, conv.window)
    pointwise = {
        "input": between,
        "output": node.output_shape,
        "size": (1, 1),
        "strides": (1, 1),
        "margins": [0, 0],
        "kernel": numbers.add(weights[f"{node.path}/pointwise_kernel"]),
        "bias": numbers.add(weights[f"{node.path}/bias"]),
        "activation": conv.activation,
    }
    return {"text": statement_text(conv, defaults=False), "depthwise": depthwise, "pointwise": pointwise}


def _pool(node: Node, pool: layers.MaxPool | layers.AvgPool, weights: Weights, numbers: Numbers) -> Operation:
    return _window(node, pool.window)


def _window(node: Node, window: layers.Window) -> Operation:
    """A window's size and strides, and how many rows are added above the map and columns at its left."""
    margins = [node.margins.top, node.margins.left]
    return {"size": window.size, "strides": window.strides, "margins": margins}


def _batch_norm(node: Node, norm: layers.BatchNorm, weights: Weights, numbers: Numbers) -> Operation:
    """γ (x − μ) / √(σ² + ε) + β as one factor and one offset for each channel, computed in float64."""
    gamma, beta, mean, variance = (
        weights[f"{node.path}/{name}"].astype(np.float64)
        for name in ("gamma", "beta", "moving_mean", "moving_variance")
    )
    factor = gamma / np.sqrt(variance + norm.epsilon)
    return {"factor": numbers.add(factor), "offset": numbers.add(beta - factor * mean)}


def _local_response_norm(
    node: Node, norm: layers.LocalResponseNorm, weights: Weights, numbers: Numbers
) -> Operation:
    return {"size": norm.size, "alpha": norm.alpha, "beta": norm.beta, "k": norm.k}


def _activation(node: Node, activation: layers.Activation, weights: Weights, numbers: Numbers) -> Operation:
    return {"activation": activation.name}


def _dense(node: Node, dense: layers.Dense, weights: Weights, numbers: Numbers) -> Operation:
    return {
        "kernel": numbers.add(weights[f"{node.path}/kernel"]),
        "bias": numbers.add(weights[f"{node.path}/bias"]),
        "activation": dense.activation,
    }


def _columns(node: Node, columns: layers.Columns, weights: Weights, numbers: Numbers) -> Operation:
    """All numbers are exact: a neuron that only just fires must fire here too."""
    names = "sources", "weights", "thresholds"
    return {name: numbers.add(weights[f"{node.path}/{name}"], exact=True) for name in names}


def _pad(node: Node, pad: layers.Pad, weights: Weights, numbers: Numbers) -> Operation:
    return {"margins": [node.margins.top, node.margins.left]}


def _residual(node: Node, residual: layers.Residual, weights: Weights, numbers: Numbers) -> Operation:
    projection = None
    if node.projection_stride is not None:
        stride = node.projection_stride
        projection = {
            "kind": "Conv",
            "input": node.input_shape,
            "output": node.output_shape,
            "kernel": numbers.add(weights[f"{node.path}/projection"]),
            "bias": None,
            "activation": "linear",
        } | _window(node, layers.Window((1, 1), (stride, stride), "valid"))
    return {"block": _steps(node.children, weights, numbers), "projection": projection}


def _parallel(node: Node, parallel: layers.Parallel, weights: Weights, numbers: Numbers) -> Operation:
    return {"paths": [_steps(path.children, weights, numbers) for path in node.children]}


STEPS: dict[type, Callable[[Node, Any, Weights, Numbers], Operation]] = {
    layers.Conv: _conv,
    layers.DepthwiseConv: _conv,
    layers.SeparableConv: _separable_conv,
    layers.MaxPool: _pool,
    layers.AvgPool: _pool,
    layers.GlobalAvgPool: lambda node, pool, weights, numbers: {},
    layers.BatchNorm: _batch_norm,
    layers.LocalResponseNorm: _local_response_norm,
    layers.Activation: _activation,
    layers.Dense: _dense,
    layers.Columns: _columns,
    layers.Pad: _pad,
    layers.Residual: _residual,
    layers.Parallel: _parallel,
}
