"""Model text to Keras layers: one function a layer type, in `BUILDERS`.

A builder takes the graph so far, the layer, its node and the incoming tensor; it makes the Keras layer
and returns the outgoing tensor. Tensors are (batch, rows, columns, channels) or (batch, units).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from MNIST.engines.keras_backend import keras
from MNIST.spec import InputStep, ModelSpec, Network, Node, inputs, layers


class Graph:
    """The Keras layers of a network: its tensors, its weights by name, its random generators in order."""

    def __init__(
        self, network: Network, spec: ModelSpec, precision: str, pixels: tuple[float, float]
    ) -> None:
        self.policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
        self.variables: dict[str, Any] = {}
        self.generators: list[Any] = []  # what Dropout draws from; the engine sets them each epoch
        self.images = keras.Input((28, 28), dtype="uint8", name="pixels")
        tensor = keras.layers.Reshape((28, 28, 1), dtype="float32", name="channel")(self.images)
        for number, step in enumerate(spec.input, 1):
            tensor = _prepare(step, tensor, pixels, f"input_{number}")
        *body, last = _without_softmax(network.nodes)
        tensor = self.chain(body, tensor)
        self.policy = "float32"  # of what the loss and the answer are computed from
        tensor = self.add(last, tensor)
        self.logits = keras.layers.Activation("linear", dtype="float32", name="logits")(tensor)

    def add(self, node: Node, tensor: Any) -> Any:
        """Append one node, with its block if it has one; return its output tensor."""
        return BUILDERS[type(node.layer)](self, node.layer, node, tensor)

    def chain(self, nodes: Iterable[Node], tensor: Any) -> Any:
        """Append nodes one after the other."""
        for node in nodes:
            tensor = self.add(node, tensor)
        return tensor

    def apply(self, node: Node, tensor: Any, layer: Any, **renamed: str) -> Any:
        """Call a Keras layer; note its weights under the node's path, and its random generator.

        renamed: our name of a weight = Keras's attribute, where the two differ.
        """
        output = layer(tensor)
        if hasattr(layer, "seed_generator"):
            self.generators.append(layer.seed_generator)
        for parameter in node.parameters:
            attribute = renamed.get(parameter.name, parameter.name)
            self.variables[f"{node.path}/{parameter.name}"] = getattr(layer, attribute)
        return output


def _conv(graph: Graph, conv: layers.Conv, node: Node, tensor: Any) -> Any:
    return graph.apply(
        node,
        tensor,
        keras.layers.Conv2D(
            conv.filters,
            (conv.rows, conv.columns),
            strides=conv.stride,
            padding=conv.padding,
            activation=conv.activation,
            dtype=graph.policy,
            name=layer_name(node),
        ),
    )


def _dense(graph: Graph, dense: layers.Dense, node: Node, tensor: Any) -> Any:
    return graph.apply(
        node,
        tensor,
        keras.layers.Dense(
            dense.units, activation=dense.activation, dtype=graph.policy, name=layer_name(node)
        ),
    )


def _pool(kind: type) -> Callable[[Graph, Any, Node, Any], Any]:
    def build(graph: Graph, pool: layers.MaxPool | layers.AvgPool, node: Node, tensor: Any) -> Any:
        layer = kind(
            (pool.rows, pool.columns),
            strides=pool.stride,
            padding=pool.padding,
            dtype=graph.policy,
            name=layer_name(node),
        )
        return graph.apply(node, tensor, layer)

    return build


def _global_avg_pool(graph: Graph, _: layers.GlobalAvgPool, node: Node, tensor: Any) -> Any:
    return graph.apply(
        node, tensor, keras.layers.GlobalAveragePooling2D(dtype=graph.policy, name=layer_name(node))
    )


def _batch_norm(graph: Graph, norm: layers.BatchNorm, node: Node, tensor: Any) -> Any:
    layer = keras.layers.BatchNormalization(
        momentum=norm.momentum, epsilon=norm.epsilon, dtype=graph.policy, name=layer_name(node)
    )
    return graph.apply(node, tensor, layer)


def _local_response_norm(graph: Graph, norm: layers.LocalResponseNorm, node: Node, tensor: Any) -> Any:
    # In float32: with the usual alpha of 1e-4, bfloat16 would round most sums back to k.
    layer = LocalResponseNormalization(
        norm.size, norm.alpha, norm.beta, norm.k, dtype="float32", name=layer_name(node)
    )
    return graph.apply(node, tensor, layer)


def _activate(graph: Graph, activation: layers.Activation, node: Node, tensor: Any) -> Any:
    layer = keras.layers.Activation(activation.name, dtype=graph.policy, name=layer_name(node))
    return graph.apply(node, tensor, layer)


def _dropout(graph: Graph, dropout: layers.Dropout, node: Node, tensor: Any) -> Any:
    layer = keras.layers.Dropout(dropout.rate, seed=0, dtype=graph.policy, name=layer_name(node))
    return graph.apply(node, tensor, layer)


def _flatten(graph: Graph, _: layers.Flatten, node: Node, tensor: Any) -> Any:
    return graph.apply(node, tensor, keras.layers.Flatten(dtype=graph.policy, name=layer_name(node)))


def _pad(graph: Graph, pad: layers.Pad, node: Node, tensor: Any) -> Any:
    layer = keras.layers.ZeroPadding2D((pad.rows, pad.columns), dtype=graph.policy, name=layer_name(node))
    return graph.apply(node, tensor, layer)


def _residual(graph: Graph, _: layers.Residual, node: Node, tensor: Any) -> Any:
    branch = graph.chain(node.children, tensor)
    shortcut = tensor
    if node.parameters:
        projection = keras.layers.Conv2D(
            node.output_shape[-1],
            1,
            strides=node.projection_stride,
            padding="same",
            use_bias=False,
            dtype=graph.policy,
            name=f"{layer_name(node)}-projection",
        )
        shortcut = graph.apply(node, tensor, projection, projection="kernel")
    return keras.layers.Add(dtype=graph.policy, name=layer_name(node))([branch, shortcut])


def _parallel(graph: Graph, _: layers.Parallel, node: Node, tensor: Any) -> Any:
    paths = [graph.chain(path.children, tensor) for path in node.children]
    if len(paths) == 1:
        return paths[0]
    return keras.layers.Concatenate(dtype=graph.policy, name=layer_name(node))(paths)


BUILDERS: dict[type, Callable[[Graph, Any, Node, Any], Any]] = {
    layers.Conv: _conv,
    layers.MaxPool: _pool(keras.layers.MaxPooling2D),
    layers.AvgPool: _pool(keras.layers.AveragePooling2D),
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


@keras.saving.register_keras_serializable("MNIST")
class LocalResponseNormalization(keras.layers.Layer):
    """x / (k + alpha · Σ x²)^beta, the sum over `size` neighbouring channels.

    Source: Krizhevsky, Sutskever, Hinton, ImageNet Classification with Deep CNNs (2012), 3.3.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float, **options: Any) -> None:
        super().__init__(**options)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, x: Any) -> Any:
        channels = x.shape[-1]
        before = self.size // 2
        squares = keras.ops.pad(keras.ops.square(x), [(0, 0)] * 3 + [(before, self.size - 1 - before)])
        sums = sum(squares[..., offset : offset + channels] for offset in range(self.size))
        return x / keras.ops.power(self.k + self.alpha * sums, self.beta)

    def get_config(self) -> dict[str, Any]:
        own = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
        return {**super().get_config(), **own}


def _prepare(step: InputStep, tensor: Any, pixels: tuple[float, float], name: str) -> Any:
    """One step of `Input:` as a standard Keras layer: pixels 0 to 255 in, float32 out."""
    if isinstance(step, inputs.Scale):
        return keras.layers.Rescaling(1 / 255, dtype="float32", name=name)(tensor)
    if isinstance(step, inputs.Standardize):
        mean, deviation = pixels
        scale = 1 / (255 * deviation)
        return keras.layers.Rescaling(scale, -mean / deviation, dtype="float32", name=name)(tensor)
    assert isinstance(step, inputs.Threshold)
    # A whole pixel p is at least t exactly if min(max(p - (t - 1), 0), 1) is 1.
    copies = [tensor] * len(step.levels)
    channels = keras.layers.Concatenate(dtype="float32", name=f"{name}_channels")(copies)
    above = keras.layers.Rescaling(
        1.0, [1.0 - level for level in step.levels], dtype="float32", name=f"{name}_above"
    )(channels)
    return keras.layers.ReLU(max_value=1.0, dtype="float32", name=name)(above)


def layer_name(node: Node) -> str:
    """Keras's name of a node: its path, without the dots that PyTorch does not permit."""
    return node.path.replace(".", "-")


def _without_softmax(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes up to the logits: the final softmax belongs to the loss, and to the saved model."""
    *body, last = nodes
    if isinstance(last.layer, layers.Dense):
        return (*body, replace(last, layer=replace(last.layer, activation="linear")))
    return tuple(body)
