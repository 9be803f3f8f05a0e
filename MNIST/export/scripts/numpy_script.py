"""A network as a script with NumPy alone: `LAYERS` has the source of each layer type.

`parts/numpy_parts.py` has the layers themselves, forward and backward. Maps are (batch, rows, columns,
channels), as in this project. The .npz file has the learned weights in the order of the layers, then the
moving averages of BatchNorm.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np

from MNIST.engines import Arrays
from MNIST.export.scripts.frame import Frame, executed, filled
from MNIST.export.scripts.source import Call, Code, call, maps, sequence, written
from MNIST.export.shared_network import SharedNetwork
from MNIST.language import CONSTANT, Elastic, Node, Plateau, layers, optimizers
from MNIST.language.optimizers import Optimizer


def script_of(shared: SharedNetwork) -> tuple[str, Arrays]:
    """The script, and the arrays that it loads, in its order."""
    frame = Frame(shared)
    frame.use("Sequential")
    spec = shared.network.spec
    nodes = shared.network.to_logits()
    if spec.augment:
        frame.use("interpolate")
    if any(isinstance(each, Elastic) for each in spec.augment):
        frame.use("displacements")
    plateau = isinstance(spec.schedule, Plateau)
    source = filled(
        "numpy_script.py.jinja",
        frame,
        plateau=plateau,
        schedule=type(spec.schedule).__name__,
        by_step=not plateau and (spec.schedule != CONSTANT or spec.optimizer.decay > 0),
        model="\n".join(written(sequence("Sequential", _chain(nodes, frame)), 4, "return ")),
        optimizer="\n".join(written(_optimizer(spec.optimizer, frame), 4, "optimizer = ")),
    )
    names = [name for node in nodes for name in _learned(node)]
    names += [name for name in shared.weights if name not in names]  # the moving averages
    return source, {name: shared.weights[name] for name in names}


def answers(source: str, weights: BinaryIO, images: np.ndarray) -> np.ndarray:
    """The probabilities that the script's network, with these weights, computes: (n, classes)."""
    script = executed(source)
    model = script["build_model"]()
    script["load_weights"](model, weights)
    logits = model.forward(script["prepare"](images), False)
    return np.exp(script["log_softmax"](logits))


def _learned(node: Node) -> Iterable[str]:
    """The names of the weights that are trained, in the order of the script's layers."""
    for child in node.children:
        yield from _learned(child)
    for parameter in node.parameters:
        if parameter.trainable:
            yield f"{node.path}/{parameter.name}"


def _chain(nodes: Iterable[Node], frame: Frame) -> list[Code]:
    """The source of consecutive layers."""
    found: list[Code] = []
    for node in nodes:
        for made in LAYERS[type(node.layer)](node, node.layer, frame):
            frame.use(made.opening[:-1])
            found.append(made)
    if not found:
        frame.use("Identity")
        found.append(call("Identity"))
    return found


def _conv(node: Node, conv: layers.Conv, frame: Frame) -> Iterable[Call]:
    frame.use(conv.init)
    size = conv.rows, conv.columns
    made = call("Conv", size, node.input_shape[-1], conv.filters, conv.init, *_sliding(node))
    yield replace(made, comment=maps(node))
    yield from _activation(conv.activation)


def _depthwise_conv(node: Node, conv: layers.DepthwiseConv, frame: Frame) -> Iterable[Call]:
    frame.use(conv.init)
    size = conv.rows, conv.columns
    made = call("DepthwiseConv", size, node.input_shape[-1], conv.init, *_sliding(node))
    yield replace(made, comment=maps(node))
    yield from _activation(conv.activation)


def _separable_conv(node: Node, conv: layers.SeparableConv, frame: Frame) -> Iterable[Call]:
    frame.use(conv.init)
    size, channels = (conv.rows, conv.columns), node.input_shape[-1]
    yield call("DepthwiseConv", size, channels, conv.init, *_sliding(node), "bias=False")
    yield replace(call("Conv", (1, 1), channels, conv.filters, conv.init), comment=maps(node))
    yield from _activation(conv.activation)


def _dense(node: Node, dense: layers.Dense, frame: Frame) -> Iterable[Call]:
    frame.use(dense.init)
    yield call("Dense", *node.input_shape, dense.units, dense.init)
    yield from _activation(dense.activation)


def _pool(kind: str) -> Callable[[Node, Any, Frame], Iterable[Call]]:
    def build(node: Node, pool: layers.MaxPool | layers.AvgPool, frame: Frame) -> Iterable[Call]:
        strides, padding = pool.window.strides, _padding(node)
        made = call(kind, pool.window.size, strides[0] if strides[0] == strides[1] else strides, *padding)
        yield replace(made, comment=maps(node))

    return build


def _residual(node: Node, _: layers.Residual, frame: Frame) -> Iterable[Call]:
    block = sequence("Sequential", _chain(node.children, frame))
    shortcut = call("Identity")
    if node.projection_stride is not None:
        stride = node.projection_stride
        shortcut = call("Projection", node.input_shape[-1], node.output_shape[-1], f"stride={stride}")
    frame.use(shortcut.opening[:-1])
    yield sequence("Residual", [block, shortcut])


def _parallel(node: Node, _: layers.Parallel, frame: Frame) -> Iterable[Call]:
    yield sequence(
        "Parallel", [sequence("Sequential", _chain(path.children, frame)) for path in node.children]
    )


def _activation(name: str) -> Iterable[Call]:
    return [] if name == "linear" else [call(ACTIVATIONS[name])]


LAYERS: dict[type, Callable[[Node, Any, Frame], Iterable[Call]]] = {
    layers.Conv: _conv,
    layers.DepthwiseConv: _depthwise_conv,
    layers.SeparableConv: _separable_conv,
    layers.MaxPool: _pool("MaxPool"),
    layers.AvgPool: _pool("AvgPool"),
    layers.GlobalAvgPool: lambda node, pool, frame: [call("GlobalAvgPool")],
    layers.BatchNorm: lambda node, norm, frame: [
        call("BatchNorm", node.input_shape[-1], momentum=norm.momentum, epsilon=norm.epsilon)
    ],
    layers.LocalResponseNorm: lambda node, norm, frame: [
        call("LocalResponseNorm", size=norm.size, alpha=norm.alpha, beta=norm.beta, k=norm.k)
    ],
    layers.Activation: lambda node, activation, frame: _activation(activation.name),
    layers.Dropout: lambda node, dropout, frame: [call("Dropout", dropout.rate)],
    layers.GaussianNoise: lambda node, noise, frame: [call("GaussianNoise", noise.standard_deviation)],
    layers.Flatten: lambda node, _, frame: [call("Flatten")] if len(node.input_shape) == 3 else [],
    layers.Dense: _dense,
    layers.Pad: lambda node, pad, frame: [call("Pad", (pad.rows, pad.rows, pad.columns, pad.columns))],
    layers.Residual: _residual,
    layers.Parallel: _parallel,
}

ACTIVATIONS = {
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "silu": "SiLU",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softplus": "Softplus",
}


def _sliding(node: Node) -> list[str]:
    """The arguments of a convolution that say how its kernel moves."""
    stride = node.layer.window.strides[0] if node.layer.window else 1
    return [*([f"stride={stride}"] if stride != 1 else []), *_padding(node)]


def _padding(node: Node) -> list[str]:
    return [f"padding={tuple(node.margins)}"] if any(node.margins) else []


def _optimizer(optimizer: Optimizer, frame: Frame) -> Call:
    """The source that makes the optimizer."""
    name, *values = OPTIMIZERS[type(optimizer)](optimizer)
    frame.use(name)
    return call(name, "model.weights", *(f"{each}={getattr(optimizer, each)}" for each in values))


OPTIMIZERS: dict[type, Callable[[Any], tuple[str, ...]]] = {
    optimizers.SGD: lambda o: (
        ("Nesterov" if o.nesterov else "Momentum", "momentum") if o.momentum else ("SGD",)
    ),
    optimizers.RMSprop: lambda o: ("RMSprop", "rho", "momentum", "epsilon"),
    optimizers.Adam: lambda o: ("Adam", "beta1", "beta2", "epsilon"),
    optimizers.AdamW: lambda o: ("AdamW", "beta1", "beta2", "epsilon", "weight_decay"),
    optimizers.Adagrad: lambda o: ("Adagrad", "accumulator", "epsilon"),
}
"""For each optimizer: the name of its class in the script, and those of its values."""
