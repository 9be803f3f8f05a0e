"""A network, or several as an ensemble, as an ONNX file: pixels in, probabilities out, for any program.

`BUILDERS` has one function for each layer type. It takes the node, its layer, the graph so far and the name
of the incoming tensor, and returns the name of the outgoing tensor. In the graph, maps are (batch, channels,
rows, columns), as ONNX wants them. In our weights, and in a flattened map, channels are innermost, as
everywhere else in this project.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from typing import Any

import numpy as np

from MNIST import __version__
from MNIST.engines import Arrays
from MNIST.errors import UsageError
from MNIST.export.shared_network import SharedNetwork
from MNIST.language import InputStep, Node, inputs, layers
from MNIST.language.layer import LEAK
from MNIST.paths import TOGETHER
from MNIST.program import install_command

OPSET, IR_VERSION = 17, 8  # from 2022, so that older programs can read the file too
LARGEST = 2**31 - 2**20  # bytes of weights; an .onnx file can hold 2 GiB
LEAST = 1e-30  # for LocalResponseNorm's alpha and beta: onnxruntime rejects 0, and this changes no digit


def content_of(*networks: SharedNetwork) -> bytes:
    """The bytes of an .onnx file: `images`, uint8 (batch, 28, 28), in, `probabilities` (batch, classes) out.

    Several networks, of the same classes, are an ensemble: its probabilities are the mean of theirs.
    The same networks give the same bytes. Raises UsageError if the package onnx is not installed, or the
    networks are too large for such a file.
    """
    try:
        import onnx
    except ModuleNotFoundError as error:
        raise UsageError(
            f"an .onnx file needs {error.name}, which is not installed: {install_command('onnx')}"
        ) from None
    from onnx import helper

    parameters = sum(shared.network.parameters for shared in networks)
    if 4 * parameters > LARGEST:
        raise UsageError(f"{parameters:,} parameters are more than an .onnx file can hold (2 GiB)")
    graph = Graph()
    each = [graph.whole(shared, several=len(networks) > 1) for shared in networks]
    if len(each) > 1:
        graph.apply("Mean", *each)
    graph.nodes[-1].output[0] = "probabilities"  # of the mean, or of the softmax with which a network ends
    name, classes = TOGETHER.join(shared.name for shared in networks), networks[0].classes
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            name,
            [helper.make_tensor_value_info("images", onnx.TensorProto.UINT8, ["batch", 28, 28])],
            [helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, ["batch", len(classes)])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="MNIST: neural networks as text files",
        producer_version=__version__,
    )
    texts = {"spec" if len(networks) == 1 else f"spec of {one.name}": one.text for one in networks}
    helper.set_model_props(model, {"name": name, **texts, "classes": json.dumps(classes)})
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def answers(content: bytes, images: np.ndarray) -> np.ndarray | None:
    """The probabilities that onnxruntime computes for images with this file; None if it is not installed."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        return None
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    parts = [images[begin : begin + 100] for begin in range(0, len(images), 100)]
    return np.concatenate([session.run(["probabilities"], {"images": part})[0] for part in parts])


class Graph:
    """The nodes and constants of an ONNX graph, appended one by one.

    weights: of the network that is being appended. prefix: what the names of its weights begin with.
    """

    def __init__(self) -> None:
        self.weights: Arrays = {}
        self.prefix = ""
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def whole(self, shared: SharedNetwork, several: bool) -> str:
        """Append a network, from the images on; return the name of its probabilities.

        several: whether there are other networks, so that the names of weights need the network's own.
        """
        self.weights, self.prefix = shared.weights, f"{shared.name}/" if several else ""
        return self.chain(
            shared.network.nodes, self.prepare(shared.network.spec.input, shared.pixel_statistics)
        )

    def apply(self, operator: str, *tensors: str, **attributes: Any) -> str:
        """Append one operator; return the name of its output."""
        from onnx import helper

        name = f"{operator}_{len(self.nodes) + 1}"
        self.nodes.append(helper.make_node(operator, tensors, [name], name, **attributes))
        return name

    def constant(self, name: str, array: np.ndarray) -> str:
        """Add an array under a name; return the name. float64 becomes float32."""
        from onnx import numpy_helper

        array = array.astype(np.float32) if array.dtype == np.float64 else array
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def number(self, value: Any, kind: type = np.float32) -> str:
        """Add one or a few numbers under a new name; return the name."""
        return self.constant(f"constant_{len(self.constants) + 1}", np.asarray(value, kind))

    def weight(self, node: Node, name: str, *axes: int) -> str:
        """Add a node's weight, with its axes in the given order if there is one; return its name."""
        key = f"{node.path}/{name}"
        array = self.weights[key]
        return self.constant(self.prefix + key, array.transpose(axes) if axes else array)

    def add(self, node: Node, tensor: str) -> str:
        """Append one node, including its block if it has one; return the name of its output."""
        return BUILDERS[type(node.layer)](node, node.layer, self, tensor)

    def chain(self, nodes: Iterable[Node], tensor: str) -> str:
        """Append nodes one after the other; return the name of the last output."""
        for node in nodes:
            tensor = self.add(node, tensor)
        return tensor

    def prepare(self, steps: Sequence[InputStep], pixel_statistics: tuple[float, float]) -> str:
        """Append the steps of `Input:`, from the images to the first layer's input; return its name."""
        from onnx import TensorProto

        maps = self.apply("Unsqueeze", "images", self.number([1], np.int64))
        tensor = self.apply("Cast", maps, to=TensorProto.FLOAT)
        for step in steps:
            tensor = self.step(tensor, step, pixel_statistics)
        return tensor

    def step(self, tensor: str, step: InputStep, pixel_statistics: tuple[float, float]) -> str:
        """One step of `Input:`. pixel_statistics: of the training images."""
        if isinstance(step, inputs.Scale):
            return self.apply("Mul", tensor, self.number(1 / 255))
        if isinstance(step, inputs.Standardize):
            mean, standard_deviation = pixel_statistics
            scaled = self.apply("Mul", tensor, self.number(1 / (255 * standard_deviation)))
            return self.apply("Sub", scaled, self.number(mean / standard_deviation))
        assert isinstance(step, inputs.Threshold)
        levels = self.number(np.reshape(step.levels, (1, -1, 1, 1)))
        return self.binary("GreaterOrEqual", tensor, levels)

    def binary(self, comparison: str, tensor: str, other: str) -> str:
        """1 where a comparison holds, 0 elsewhere."""
        from onnx import TensorProto

        return self.apply("Cast", self.apply(comparison, tensor, other), to=TensorProto.FLOAT)

    def flat(self, tensor: str) -> str:
        """Flatten a map, channels innermost."""
        return self.apply("Flatten", self.apply("Transpose", tensor, perm=[0, 2, 3, 1]))


def _conv(node: Node, conv: layers.Conv, graph: Graph, tensor: str) -> str:
    tensor = graph.apply(
        "Conv",
        tensor,
        graph.weight(node, "kernel", 3, 2, 0, 1),
        graph.weight(node, "bias"),
        strides=conv.window.strides,
        pads=_pads(node),
    )
    return ACTIVATIONS[conv.activation](graph, tensor)


def _depthwise_conv(node: Node, conv: layers.DepthwiseConv, graph: Graph, tensor: str) -> str:
    tensor = graph.apply(
        "Conv",
        tensor,
        graph.weight(node, "kernel", 2, 3, 0, 1),
        graph.weight(node, "bias"),
        group=node.input_shape[-1],
        strides=conv.window.strides,
        pads=_pads(node),
    )
    return ACTIVATIONS[conv.activation](graph, tensor)


def _separable_conv(node: Node, conv: layers.SeparableConv, graph: Graph, tensor: str) -> str:
    tensor = graph.apply(
        "Conv",
        tensor,
        graph.weight(node, "depthwise_kernel", 2, 3, 0, 1),
        group=node.input_shape[-1],
        strides=conv.window.strides,
        pads=_pads(node),
    )
    pointwise = graph.weight(node, "pointwise_kernel", 3, 2, 0, 1)
    tensor = graph.apply("Conv", tensor, pointwise, graph.weight(node, "bias"))
    return ACTIVATIONS[conv.activation](graph, tensor)


def _dense(node: Node, dense: layers.Dense, graph: Graph, tensor: str) -> str:
    tensor = graph.apply("Gemm", tensor, graph.weight(node, "kernel"), graph.weight(node, "bias"))
    return ACTIVATIONS[dense.activation](graph, tensor)


def _pool(operator: str) -> Callable[[Node, Any, Graph, str], str]:
    def build(node: Node, pool: layers.MaxPool | layers.AvgPool, graph: Graph, tensor: str) -> str:
        return graph.apply(
            operator,
            tensor,
            kernel_shape=pool.window.size,
            strides=pool.window.strides,
            pads=_pads(node),  # ONNX lets padded places never win, and does not count them
        )

    return build


def _global_avg_pool(node: Node, _: layers.GlobalAvgPool, graph: Graph, tensor: str) -> str:
    return graph.apply("Flatten", graph.apply("GlobalAveragePool", tensor))


def _batch_norm(node: Node, norm: layers.BatchNorm, graph: Graph, tensor: str) -> str:
    weights = [graph.weight(node, parameter.name) for parameter in node.parameters]
    return graph.apply("BatchNormalization", tensor, *weights, epsilon=norm.epsilon)


def _local_response_norm(node: Node, norm: layers.LocalResponseNorm, graph: Graph, tensor: str) -> str:
    alpha = norm.alpha * norm.size  # ONNX divides it by the size
    return graph.apply(
        "LRN", tensor, size=norm.size, alpha=max(alpha, LEAST), beta=max(norm.beta, LEAST), bias=norm.k
    )


def _flatten(node: Node, _: layers.Flatten, graph: Graph, tensor: str) -> str:
    return graph.flat(tensor) if len(node.input_shape) == 3 else tensor


def _pad(node: Node, pad: layers.Pad, graph: Graph, tensor: str) -> str:
    top, left, bottom, right = _pads(node)
    return graph.apply("Pad", tensor, graph.number([0, 0, top, left, 0, 0, bottom, right], np.int64))


def _residual(node: Node, _: layers.Residual, graph: Graph, tensor: str) -> str:
    branch, shortcut = graph.chain(node.children, tensor), tensor
    if node.projection_stride is not None:
        kernel = graph.weight(node, "projection", 3, 2, 0, 1)
        shortcut = graph.apply("Conv", tensor, kernel, strides=[node.projection_stride] * 2)
    return graph.apply("Add", branch, shortcut)


def _parallel(node: Node, _: layers.Parallel, graph: Graph, tensor: str) -> str:
    return graph.apply("Concat", *(graph.chain(path.children, tensor) for path in node.children), axis=1)


def _columns(node: Node, columns: layers.Columns, graph: Graph, tensor: str) -> str:
    """Add up one connection at a time, as the engine does, so that the same neurons fire in both."""
    sources, weights, thresholds = (graph.weights[f"{node.path}/{p.name}"] for p in node.parameters)
    pixels = graph.flat(tensor)
    total = graph.number(0)
    for k in range(columns.connections):
        source = graph.number(sources[..., k].ravel(), np.int64)
        signal = graph.apply("Gather", pixels, source, axis=1)
        part = graph.apply("Mul", signal, graph.number(weights[..., k].ravel()))
        total = graph.apply("Add", total, part)
    excess = graph.apply("Sub", total, graph.number(thresholds.ravel()))
    firing = graph.binary("Greater", excess, graph.number(0))
    by_column = graph.apply("Reshape", firing, graph.number([-1, columns.classes, columns.neurons], np.int64))
    votes = graph.apply("ReduceSum", by_column, graph.number([2], np.int64), keepdims=0)
    return _softmax(graph, graph.apply("Mul", votes, graph.number(4 / sqrt(columns.neurons))))


def _pads(node: Node) -> tuple[int, int, int, int]:
    """A node's margins in ONNX's order: above and left, then below and right."""
    top, bottom, left, right = node.margins
    return top, left, bottom, right


def _softmax(graph: Graph, tensor: str) -> str:
    return graph.apply("Softmax", tensor, axis=1)


def _by(operator: str, **attributes: float) -> Callable[[Graph, str], str]:
    return lambda graph, tensor: graph.apply(operator, tensor, **attributes)


ACTIVATIONS: dict[str, Callable[[Graph, str], str]] = {
    "linear": lambda graph, tensor: tensor,
    "relu": _by("Relu"),
    "leaky_relu": _by("LeakyRelu", alpha=LEAK),
    "elu": _by("Elu"),
    "silu": lambda graph, tensor: graph.apply("Mul", tensor, graph.apply("Sigmoid", tensor)),
    "sigmoid": _by("Sigmoid"),
    "tanh": _by("Tanh"),
    "softplus": _by("Softplus"),
    "softmax": _softmax,
}

BUILDERS: dict[type, Callable[[Node, Any, Graph, str], str]] = {
    layers.Conv: _conv,
    layers.DepthwiseConv: _depthwise_conv,
    layers.SeparableConv: _separable_conv,
    layers.MaxPool: _pool("MaxPool"),
    layers.AvgPool: _pool("AveragePool"),
    layers.GlobalAvgPool: _global_avg_pool,
    layers.BatchNorm: _batch_norm,
    layers.LocalResponseNorm: _local_response_norm,
    layers.Activation: lambda node, activation, graph, tensor: ACTIVATIONS[activation.name](graph, tensor),
    layers.Dropout: lambda node, dropout, graph, tensor: tensor,
    layers.GaussianNoise: lambda node, noise, graph, tensor: tensor,
    layers.Flatten: _flatten,
    layers.Dense: _dense,
    layers.Pad: _pad,
    layers.Residual: _residual,
    layers.Parallel: _parallel,
    layers.Columns: _columns,
}
