"""From a laid-out network to Keras layers: one function for each layer type, in `BUILDERS`.

A builder takes the node, its layer, the graph so far and the incoming tensor; it makes the Keras layer
and returns the outgoing tensor. Tensors are (batch, rows, columns, channels) or (batch, units).
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from MNIST.engines.keras.backend import keras
from MNIST.engines.protocol import Arrays
from MNIST.language import InputStep, Network, Node, inputs, layers
from MNIST.language.layer import LEAK


class Graph:
    """The Keras layers of a network: its tensors, its weights by name, its random generators in order.

    floats: the type of the weights, the loss and all that needs more precision than bfloat16. policy: the
    layers' type, as Keras names it.
    draws: see `registry.create`.
    """

    def __init__(
        self,
        network: Network,
        precision: str,
        pixel_statistics: tuple[float, float],
        draws: Arrays | None = None,
    ) -> None:
        self.floats = "float64" if precision == "float64" else "float32"
        self.policy = "mixed_bfloat16" if precision == "bfloat16" else self.floats
        self.draws = draws
        self.variables: dict[str, Any] = {}
        self.generators: list[Any] = []  # the layers draw from them; the engine seeds them in each epoch
        self.images = keras.Input((28, 28), dtype="uint8", name="pixels")
        tensor = keras.layers.Reshape((28, 28, 1), dtype=self.floats, name="channel")(self.images)
        (step,) = network.spec.input  # a simplified spec has one
        tensor = _prepare(step, tensor, pixel_statistics, "input_1", self.floats)
        *body, last = network.to_logits()
        self.features = self.chain(body, tensor)
        self.policy = self.floats  # the last layer computes the logits, never in bfloat16
        tensor = self.add(last, self.features)
        self.logits = keras.layers.Activation("linear", dtype=self.floats, name="logits")(tensor)

    def add(self, node: Node, tensor: Any) -> Any:
        """Append one node, including its block if it has one; return its output tensor."""
        return BUILDERS[type(node.layer)](node, node.layer, self, tensor)

    def chain(self, nodes: Iterable[Node], tensor: Any) -> Any:
        """Append nodes one after the other; return the last output tensor."""
        for node in nodes:
            tensor = self.add(node, tensor)
        return tensor

    def activation(self, name: str) -> Any:
        """The activation for Keras. TensorFlow's own leaky_relu would round the slope to float32."""
        return leaky_relu if (name, self.policy) == ("leaky_relu", "float64") else name

    def apply(self, node: Node, tensor: Any, layer: Any, **renamed: str) -> Any:
        """Call a Keras layer; note its weights under the node's path, and its random generator.

        renamed: `our_name=attribute` for each weight that has another name in Keras.
        """
        output = layer(tensor)
        if hasattr(layer, "seed_generator"):
            self.generators.append(layer.seed_generator)
        for parameter in node.parameters:
            attribute = renamed.get(parameter.name, parameter.name)
            self.variables[f"{node.path}/{parameter.name}"] = getattr(layer, attribute)
        return output


def _conv(node: Node, conv: layers.Conv, graph: Graph, tensor: Any) -> Any:
    return graph.apply(
        node,
        tensor,
        keras.layers.Conv2D(
            conv.filters,
            (conv.rows, conv.columns),
            strides=conv.stride,
            padding=conv.padding,
            activation=graph.activation(conv.activation),
            dtype=graph.policy,
            name=layer_name(node),
        ),
    )


def _depthwise_conv(node: Node, conv: layers.DepthwiseConv, graph: Graph, tensor: Any) -> Any:
    layer = keras.layers.DepthwiseConv2D(
        (conv.rows, conv.columns),
        strides=conv.stride,
        padding=conv.padding,
        activation=graph.activation(conv.activation),
        dtype=graph.policy,
        name=layer_name(node),
    )
    return graph.apply(node, tensor, layer)


def _separable_conv(node: Node, conv: layers.SeparableConv, graph: Graph, tensor: Any) -> Any:
    layer = keras.layers.SeparableConv2D(
        conv.filters,
        (conv.rows, conv.columns),
        strides=conv.stride,
        padding=conv.padding,
        activation=graph.activation(conv.activation),
        dtype=graph.policy,
        name=layer_name(node),
    )
    return graph.apply(node, tensor, layer)


def _dense(node: Node, dense: layers.Dense, graph: Graph, tensor: Any) -> Any:
    return graph.apply(
        node,
        tensor,
        keras.layers.Dense(
            dense.units,
            activation=graph.activation(dense.activation),
            dtype=graph.policy,
            name=layer_name(node),
        ),
    )


def _pool(kind: type) -> Callable[[Node, Any, Graph, Any], Any]:
    def build(node: Node, pool: layers.MaxPool | layers.AvgPool, graph: Graph, tensor: Any) -> Any:
        layer = kind(
            (pool.rows, pool.columns),
            strides=pool.stride,
            padding=pool.padding,
            dtype=graph.policy,
            name=layer_name(node),
        )
        return graph.apply(node, tensor, layer)

    return build


def _global_avg_pool(node: Node, _: layers.GlobalAvgPool, graph: Graph, tensor: Any) -> Any:
    return graph.apply(
        node, tensor, keras.layers.GlobalAveragePooling2D(dtype=graph.policy, name=layer_name(node))
    )


def _batch_norm(node: Node, norm: layers.BatchNorm, graph: Graph, tensor: Any) -> Any:
    layer = keras.layers.BatchNormalization(
        momentum=norm.momentum, epsilon=norm.epsilon, dtype=graph.policy, name=layer_name(node)
    )
    return graph.apply(node, tensor, layer)


def _local_response_norm(node: Node, norm: layers.LocalResponseNorm, graph: Graph, tensor: Any) -> Any:
    # Never in bfloat16: with the usual alpha of 1e-4, it would round most sums back to k.
    layer = LocalResponseNormalization(
        norm.size, norm.alpha, norm.beta, norm.k, dtype=graph.floats, name=layer_name(node)
    )
    return graph.apply(node, tensor, layer)


def _activate(node: Node, activation: layers.Activation, graph: Graph, tensor: Any) -> Any:
    layer = keras.layers.Activation(
        graph.activation(activation.name), dtype=graph.policy, name=layer_name(node)
    )
    return graph.apply(node, tensor, layer)


def _dropout(node: Node, dropout: layers.Dropout, graph: Graph, tensor: Any) -> Any:
    if graph.draws is not None:
        kept = graph.draws[node.path] / (1 - dropout.rate)
        given = GivenDraws(keras.ops.multiply, kept, dtype=graph.policy, name=layer_name(node))
        return graph.apply(node, tensor, given)
    layer = keras.layers.Dropout(dropout.rate, seed=0, dtype=graph.policy, name=layer_name(node))
    return graph.apply(node, tensor, layer)


def _gaussian_noise(node: Node, noise: layers.GaussianNoise, graph: Graph, tensor: Any) -> Any:
    name, deviation = layer_name(node), noise.standard_deviation
    if graph.draws is not None:
        given = GivenDraws(keras.ops.add, deviation * graph.draws[node.path], dtype=graph.policy, name=name)
        return graph.apply(node, tensor, given)
    layer = keras.layers.GaussianNoise(deviation, seed=0, dtype=graph.policy, name=name)
    return graph.apply(node, tensor, layer)


def _flatten(node: Node, _: layers.Flatten, graph: Graph, tensor: Any) -> Any:
    return graph.apply(node, tensor, keras.layers.Flatten(dtype=graph.policy, name=layer_name(node)))


def _pad(node: Node, pad: layers.Pad, graph: Graph, tensor: Any) -> Any:
    layer = keras.layers.ZeroPadding2D((pad.rows, pad.columns), dtype=graph.policy, name=layer_name(node))
    return graph.apply(node, tensor, layer)


def _residual(node: Node, _: layers.Residual, graph: Graph, tensor: Any) -> Any:
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


def _parallel(node: Node, _: layers.Parallel, graph: Graph, tensor: Any) -> Any:
    paths = [graph.chain(path.children, tensor) for path in node.children]
    if len(paths) == 1:
        return paths[0]
    return keras.layers.Concatenate(dtype=graph.policy, name=layer_name(node))(paths)


BUILDERS: dict[type, Callable[[Node, Any, Graph, Any], Any]] = {
    layers.Conv: _conv,
    layers.DepthwiseConv: _depthwise_conv,
    layers.SeparableConv: _separable_conv,
    layers.MaxPool: _pool(keras.layers.MaxPooling2D),
    layers.AvgPool: _pool(keras.layers.AveragePooling2D),
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


@keras.saving.register_keras_serializable("MNIST")
def leaky_relu(x: Any) -> Any:
    """x above 0, LEAK · x elsewhere. At 0 the slope is LEAK, on every backend."""
    return keras.ops.where(x > 0, x, x * LEAK)


class GivenDraws(keras.layers.Layer):
    """A layer that uses given random numbers. It is never saved.

    y = combine(x, numbers) while training, else y = x. numbers: (batch, …).
    """

    def __init__(self, combine: Callable[[Any, Any], Any], numbers: np.ndarray, **options: Any) -> None:
        super().__init__(**options)
        self.combine, self.numbers = combine, numbers

    def call(self, x: Any, training: bool = False) -> Any:
        return self.combine(x, keras.ops.convert_to_tensor(self.numbers, x.dtype)) if training else x

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return shape


def _prepare(
    step: InputStep, tensor: Any, pixel_statistics: tuple[float, float], name: str, floats: str
) -> Any:
    """One step of `Input:` as a standard Keras layer: pixels 0 to 255 in, `floats` out."""
    if isinstance(step, inputs.Scale):
        return keras.layers.Rescaling(as_exact(1 / 255, floats), dtype=floats, name=name)(tensor)
    if isinstance(step, inputs.Standardize):
        mean, standard_deviation = pixel_statistics
        factors = 1 / (255 * standard_deviation), -mean / standard_deviation
        scale, offset = (as_exact(factor, floats) for factor in factors)
        return keras.layers.Rescaling(scale, offset, dtype=floats, name=name)(tensor)
    assert isinstance(step, inputs.Threshold)
    # A whole pixel p is at least t exactly if min(max(p - (t - 1), 0), 1) is 1.
    copies = [tensor] * len(step.levels)
    channels = keras.layers.Concatenate(dtype=floats, name=f"{name}_channels")(copies)
    above = keras.layers.Rescaling(
        1.0, [1.0 - level for level in step.levels], dtype=floats, name=f"{name}_above"
    )(channels)
    return keras.layers.ReLU(max_value=1.0, dtype=floats, name=name)(above)


def layer_name(node: Node) -> str:
    """The name of a node's Keras layer: its path, without dots, which PyTorch does not permit."""
    return node.path.replace(".", "-")


def as_exact(number: float, floats: str) -> float:
    """The number in a type that no backend rounds to float32 first, as TensorFlow's `cast` would."""
    return np.float64(number) if floats == "float64" else number
