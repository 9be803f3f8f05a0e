"""The Keras engine: the network as Keras layers, trained by Keras's own `fit`, an epoch at a time.

TensorFlow is the backend unless KERAS_BACKEND names another that is installed (jax, torch).
`BUILDERS` holds one function a layer type: it takes the node and the incoming tensor, makes the Keras
layer, and returns the outgoing tensor. What lies in `.keras` files is read by `saved_model`.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from MNIST.engines.protocol import Arrays, OnStep
from MNIST.engines.quiet import quiet_stderr
from MNIST.engines.saved_keras import checked_weights, weight_layout
from MNIST.spec import InputStep, ModelSpec, Network, Node, inputs, lay_out, layers, optimizers

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what goes wrong reaches us as an exception
with quiet_stderr():  # TensorFlow announces its processor features before it reads that level
    import keras

INFERENCE_BATCH = 1000
MODEL_FILE = "model.keras"


class KerasEngine:
    """One network in Keras. See `Engine` for what each method promises."""

    def __init__(self, spec: ModelSpec, *, precision: str, threads: int, pixels: tuple[float, float]) -> None:
        _set_threads(threads)
        self._graph = _Graph(lay_out(spec), spec, precision, pixels)
        self._model = keras.Model(self._graph.images, self._graph.logits)
        self._optimizer = _optimizer(spec)
        self._rates: Any = None
        self._optimizer.learning_rate = self._current_rate
        self._optimizer.build(self._model.trainable_variables)
        self._model.compile(
            optimizer=self._optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        self._batch_size = spec.batch_size

    def train_epoch(
        self, images: np.ndarray, labels: np.ndarray, rates: np.ndarray, seed: int, on_step: OnStep
    ) -> tuple[float, float]:
        self._set_rates(rates)
        for index, dropout in enumerate(self._graph.dropouts):
            words = np.random.SeedSequence([seed, index]).generate_state(1)
            dropout.seed_generator.state.assign([int(words[0]), 0])  # the seed, and a call counter
        with _memory_errors():
            history = self._model.fit(
                images,
                labels,
                batch_size=self._batch_size,
                shuffle=False,  # the trainer has put them in this epoch's order
                verbose=0,
                callbacks=[_StepReporter(on_step)],
            ).history
        return history["loss"][0], history["accuracy"][0]

    def logits(self, images: np.ndarray) -> np.ndarray:
        # Layer by layer rather than by `predict`, which would trace a graph for every network: tracing
        # costs more than it gains on a few batches, and an exploration makes many networks.
        with _memory_errors():
            batches = [
                keras.ops.convert_to_numpy(
                    self._model(images[begin : begin + INFERENCE_BATCH], training=False)
                )
                for begin in range(0, len(images), INFERENCE_BATCH)
            ]
        return np.concatenate([np.zeros((0, 10), np.float32), *batches])

    def get_weights(self) -> Arrays:
        return {name: _array(variable) for name, variable in self._graph.variables.items()}

    def set_weights(self, weights: Arrays) -> None:
        _assign(self._graph.variables, weights)

    def get_state(self) -> Arrays:
        return {name: _array(variable) for name, variable in self._state().items()}

    def set_state(self, state: Arrays) -> None:
        _assign(self._state(), state)

    def save(self) -> tuple[str, bytes]:
        """Keras's own format, pixels 0 to 255 in and probabilities out, readable by plain Keras."""
        whole = self.whole_model()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / MODEL_FILE
            whole.save(path)
            return MODEL_FILE, path.read_bytes()

    def load(self, content: bytes) -> None:
        whole = self.whole_model()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "own.weights.h5"
            whole.save_weights(path)
            expected = weight_layout(path.read_bytes())
            path.write_bytes(checked_weights(content, expected, ALLOWED_CLASSES))
            whole.load_weights(path)

    def whole_model(self) -> Any:
        """The network with its softmax: uint8 images (n, 28, 28) to probabilities (n, 10)."""
        probabilities = keras.layers.Softmax(dtype="float32", name="softmax")(self._graph.logits)
        return keras.Model(self._graph.images, probabilities)

    def close(self) -> None:
        keras.backend.clear_session()

    def _current_rate(self) -> Any:
        steps = self._rates.shape[0]
        return keras.ops.take(self._rates, self._optimizer.iterations % steps)

    def _set_rates(self, rates: np.ndarray) -> None:
        if self._rates is None:  # a variable of the optimizer's, so that every backend carries it along
            self._rates = self._optimizer.add_variable(rates.shape, dtype="float32", name="rates")
        self._rates.assign(rates)

    def _state(self) -> dict[str, Any]:
        slots = [variable for variable in self._optimizer.variables if variable is not self._rates]
        return {
            **self._graph.variables,
            **{f"optimizer/{index}": variable for index, variable in enumerate(slots)},
        }


class _Graph:
    """The Keras layers of a network: its tensors, its weights by name, its Dropout layers in order."""

    def __init__(
        self, network: Network, spec: ModelSpec, precision: str, pixels: tuple[float, float]
    ) -> None:
        self.policy = "mixed_bfloat16" if precision == "bfloat16" else "float32"
        self.variables: dict[str, Any] = {}
        self.dropouts: list[Any] = []
        self.images = keras.Input((28, 28), dtype="uint8", name="pixels")
        tensor = keras.layers.Reshape((28, 28, 1), dtype="float32", name="channel")(self.images)
        for number, step in enumerate(spec.input, 1):
            tensor = _prepare(step, tensor, pixels, f"input_{number}")
        for node in _without_softmax(network.nodes):
            tensor = self.add(node, tensor)
        self.logits = keras.layers.Activation("linear", dtype="float32", name="logits")(tensor)

    def add(self, node: Node, tensor: Any) -> Any:
        """Append one node, with its block if it has one; return its output tensor."""
        return BUILDERS[type(node.layer)](self, node.layer, node, tensor)

    def chain(self, nodes: tuple[Node, ...], tensor: Any) -> Any:
        """Append nodes one after the other."""
        for node in nodes:
            tensor = self.add(node, tensor)
        return tensor

    def apply(self, node: Node, tensor: Any, layer: Any, **renamed: str) -> Any:
        """Call a Keras layer and note its weights under the node's path.

        renamed: our name of a weight = Keras's attribute, where the two differ.
        """
        output = layer(tensor)
        for parameter in node.parameters:
            attribute = renamed.get(parameter.name, parameter.name)
            self.variables[f"{node.path}/{parameter.name}"] = getattr(layer, attribute)
        return output


def _conv(graph: _Graph, conv: layers.Conv, node: Node, tensor: Any) -> Any:
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
            name=node.path,
        ),
    )


def _dense(graph: _Graph, dense: layers.Dense, node: Node, tensor: Any) -> Any:
    return graph.apply(
        node,
        tensor,
        keras.layers.Dense(dense.units, activation=dense.activation, dtype=graph.policy, name=node.path),
    )


def _pool(kind: type) -> Callable[[_Graph, Any, Node, Any], Any]:
    def build(graph: _Graph, pool: layers.MaxPool | layers.AvgPool, node: Node, tensor: Any) -> Any:
        layer = kind(
            (pool.rows, pool.columns),
            strides=pool.stride,
            padding=pool.padding,
            dtype=graph.policy,
            name=node.path,
        )
        return layer(tensor)

    return build


def _global_avg_pool(graph: _Graph, _: layers.GlobalAvgPool, node: Node, tensor: Any) -> Any:
    return keras.layers.GlobalAveragePooling2D(dtype=graph.policy, name=node.path)(tensor)


def _batch_norm(graph: _Graph, norm: layers.BatchNorm, node: Node, tensor: Any) -> Any:
    layer = keras.layers.BatchNormalization(
        momentum=norm.momentum, epsilon=norm.epsilon, dtype=graph.policy, name=node.path
    )
    return graph.apply(node, tensor, layer)


def _local_response_norm(graph: _Graph, norm: layers.LocalResponseNorm, node: Node, tensor: Any) -> Any:
    layer = LocalResponseNormalization(
        norm.size, norm.alpha, norm.beta, norm.k, dtype=graph.policy, name=node.path
    )
    return layer(tensor)


def _activate(graph: _Graph, activation: layers.Activation, node: Node, tensor: Any) -> Any:
    return keras.layers.Activation(activation.name, dtype=graph.policy, name=node.path)(tensor)


def _dropout(graph: _Graph, dropout: layers.Dropout, node: Node, tensor: Any) -> Any:
    layer = keras.layers.Dropout(dropout.rate, seed=0, dtype=graph.policy, name=node.path)
    graph.dropouts.append(layer)
    return layer(tensor)


def _flatten(graph: _Graph, _: layers.Flatten, node: Node, tensor: Any) -> Any:
    return keras.layers.Flatten(dtype=graph.policy, name=node.path)(tensor)


def _pad(graph: _Graph, pad: layers.Pad, node: Node, tensor: Any) -> Any:
    return keras.layers.ZeroPadding2D((pad.rows, pad.columns), dtype=graph.policy, name=node.path)(tensor)


def _residual(graph: _Graph, _: layers.Residual, node: Node, tensor: Any) -> Any:
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
            name=f"{node.path}.projection",
        )
        shortcut = graph.apply(node, tensor, projection, projection="kernel")
    return keras.layers.Add(dtype=graph.policy, name=node.path)([branch, shortcut])


def _parallel(graph: _Graph, _: layers.Parallel, node: Node, tensor: Any) -> Any:
    paths = [graph.chain(path.children, tensor) for path in node.children]
    if len(paths) == 1:
        return paths[0]
    return keras.layers.Concatenate(dtype=graph.policy, name=node.path)(paths)


BUILDERS: dict[type, Callable[[_Graph, Any, Node, Any], Any]] = {
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


# What a .keras file of ours may name: the builders' layers, and what Keras wraps around them.
ALLOWED_CLASSES = frozenset(
    {
        *("Functional", "InputLayer", "Reshape", "Rescaling", "ReLU", "Concatenate", "Conv2D", "Dense"),
        *("MaxPooling2D", "AveragePooling2D", "GlobalAveragePooling2D", "BatchNormalization", "Flatten"),
        *("LocalResponseNormalization", "Activation", "Dropout", "ZeroPadding2D", "Add", "Softmax"),
        *("DTypePolicy", "Zeros", "Ones", "GlorotUniform", "__keras_tensor__"),
    }
)


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


OPTIMIZERS: dict[type, Callable[[Any], Any]] = {
    optimizers.SGD: lambda o: keras.optimizers.SGD(momentum=o.momentum, nesterov=o.nesterov),
    optimizers.RMSprop: lambda o: keras.optimizers.RMSprop(rho=o.rho, momentum=o.momentum, epsilon=o.epsilon),
    optimizers.Adam: lambda o: keras.optimizers.Adam(beta_1=o.beta1, beta_2=o.beta2, epsilon=o.epsilon),
    optimizers.AdamW: lambda o: keras.optimizers.AdamW(
        weight_decay=o.weight_decay, beta_1=o.beta1, beta_2=o.beta2, epsilon=o.epsilon
    ),
    optimizers.Adagrad: lambda o: keras.optimizers.Adagrad(
        initial_accumulator_value=o.accumulator, epsilon=o.epsilon
    ),
}


class _StepReporter(keras.callbacks.Callback):
    """Hands Keras's running means to the trainer after each step."""

    def __init__(self, on_step: OnStep) -> None:
        super().__init__()
        self._on_step = on_step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._on_step(batch + 1, logs["loss"], logs["accuracy"])


def build(spec: ModelSpec, *, precision: str, threads: int, pixels: tuple[float, float]) -> KerasEngine:
    """Build a simplified spec's network; its weights are to be set before they are used."""
    return KerasEngine(spec, precision=precision, threads=threads, pixels=pixels)


def libraries() -> str:
    """The versions that decide the numbers: Keras and its backend."""
    backend = keras.backend.backend()
    module = sys.modules[backend]
    return f"Keras {keras.__version__}, {backend} {module.__version__}"


def has_fast_bfloat16() -> bool:
    """Whether the processor, or a GPU, computes in bfloat16 rather than emulating it."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        flags = ""
    if "avx512_bf16" in flags or "amx_bf16" in flags:
        return True
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        return bool(tensorflow.config.list_physical_devices("GPU"))
    return False


def _optimizer(spec: ModelSpec) -> Any:
    return OPTIMIZERS[type(spec.optimizer)](spec.optimizer)


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


def _without_softmax(nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The nodes up to the logits: the final softmax belongs to the loss, and to the saved model."""
    *body, last = nodes
    if isinstance(last.layer, layers.Dense):
        return (*body, replace(last, layer=replace(last.layer, activation="linear")))
    return tuple(body)


def _assign(variables: dict[str, Any], arrays: Arrays) -> None:
    if variables.keys() != arrays.keys():
        raise ValueError(f"names differ: {sorted(variables.keys() ^ arrays.keys())}")
    for name, variable in variables.items():
        if tuple(variable.shape) != arrays[name].shape:
            raise ValueError(f"{name}: shape {arrays[name].shape}, expected {tuple(variable.shape)}")
        variable.assign(arrays[name])


def _array(variable: Any) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(variable))


@contextmanager
def _memory_errors() -> Iterator[None]:
    """Let every backend's own words for "out of memory" be Python's."""
    try:
        yield
    except Exception as error:
        if type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError"):
            raise MemoryError from error
        raise


_threads_set: int | None = None


def _set_threads(threads: int) -> None:
    """Fix the number of threads of one operation, once a process, and make operations repeatable."""
    global _threads_set
    if _threads_set is not None:
        if _threads_set != threads:
            raise ValueError(f"this process computes with {_threads_set} threads, not {threads}")
        return
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.experimental.enable_op_determinism()
        with quiet_stderr():  # it looks for a GPU, and says at length if there is none
            tf.config.list_logical_devices()
    elif backend == "torch":
        import torch

        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True)
    _threads_set = threads
