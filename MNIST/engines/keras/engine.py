"""The Keras engine: the network as Keras layers, trained by Keras's own `fit`, one epoch at a time.

`layers` makes the layers; `saved_file` looks at a saved file before Keras reads it.
"""

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from MNIST.engines.keras.backend import (
    batches,
    device,
    floats,
    has_fast_bfloat16,
    keras,
    libraries,
    loss_and_gradients,
    memory_errors,
    set_threads,
)
from MNIST.engines.keras.layers import Graph, as_exact
from MNIST.engines.keras.saved_file import Layout, checked_weights, weight_layout, without_times
from MNIST.engines.protocol import Arrays, EpochMetrics, OnStep, refuse_other_arrays
from MNIST.engines.quiet import quiet_stderr
from MNIST.errors import ModelError, is_of_system
from MNIST.language import Network, Optimizer, optimizers

__all__ = ["KerasEngine", "build", "device", "has_fast_bfloat16", "libraries"]

PRECISIONS = ("float32", "bfloat16", "float64")
INFERENCE_BATCH = 1000
MODEL_FILE = "model.keras"
MOST_STEPS_AT_ONCE = 16
SHORT_EXECUTION = 10**10  # operations that take less than a tenth of a second


class KerasEngine:
    """One network in Keras. See `GradientEngine` for what each method promises."""

    def __init__(
        self,
        network: Network,
        *,
        precision: str,
        threads: int,
        pixel_statistics: tuple[float, float],
        draws: Arrays | None = None,
    ) -> None:
        self._threads = threads
        self._spec, self._classes = network.spec, network.classes
        self._floats = "float64" if precision == "float64" else "float32"
        with self._computing():
            self._graph = Graph(network, precision, pixel_statistics, draws)
            self._model = keras.Model(self._graph.images, self._graph.logits)
            self._loss = _loss(network.spec.label_smoothing)
        self._steps_at_once = steps_at_once(network)
        self._rates: Any = None
        self._gradient_norms: Any = None

    @cached_property
    def _optimizer(self) -> Any:
        """The optimizer with its variables, which only training needs: they are as large as the weights."""
        with self._computing():
            exact = _exact(self._spec.optimizer, self._floats)
            optimizer = OPTIMIZERS[type(exact)](exact)
            optimizer.learning_rate = self._current_rate
            optimizer.apply = self._noting_norms(optimizer.apply)
            optimizer.build(self._model.trainable_variables)
            self._model.compile(
                optimizer=optimizer,
                loss=self._loss,
                metrics=["accuracy"],
                steps_per_execution=self._steps_at_once,
            )
            # Keras makes the variables of a metric when it first computes it. If that were the first step,
            # TensorFlow would trace the step a second time, which takes as long as many short steps.
            self._model.compute_metrics(None, np.zeros(1), np.zeros((1, self._classes)))
        return optimizer

    def train_epoch(
        self, images: np.ndarray, labels: np.ndarray, rates: np.ndarray, seed: int, on_step: OnStep
    ) -> EpochMetrics:
        for index, generator in enumerate(self._graph.generators):
            word = int(np.random.SeedSequence([seed, index]).generate_state(1)[0])
            # A seed and a counter of calls. The seed has 31 bits because PyTorch's is a signed number.
            generator.state.assign([word % 2**31, 0])
        with self._computing():
            self._set_rates(rates)
            history = self._model.fit(
                **batches(images, labels, self._spec.batch_size),
                verbose=0,
                callbacks=[_StepReporter(on_step, len(rates))],
            ).history
        return EpochMetrics.of(history["loss"][0], history["accuracy"][0], _array(self._gradient_norms))

    def logits(self, images: np.ndarray) -> np.ndarray:
        return self._outputs(self._model, images)

    def features(self, images: np.ndarray) -> np.ndarray:
        return self._outputs(self._before_last, images)

    @cached_property
    def _before_last(self) -> Any:
        """The network up to what the last layer gets."""
        return keras.Model(self._graph.images, self._graph.features)

    def _outputs(self, model: Any, images: np.ndarray) -> np.ndarray:
        """What a part of the network makes of the images, outside training.

        It goes layer by layer, not by `predict`, which traces a graph for each network: for a few batches
        tracing costs more time than it saves, and an exploration makes many networks.
        """
        with self._computing():
            outputs = [
                keras.ops.cast(model(images[begin : begin + INFERENCE_BATCH], training=False), self._floats)
                for begin in range(0, len(images), INFERENCE_BATCH)
            ]
            return np.concatenate([np.zeros((0, model.output_shape[-1]), np.float32), *map(_array, outputs)])

    def gradients(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, Arrays]:
        trained, others = self._model.trainable_variables, self._model.non_trainable_variables
        names = {variable.path: name for name, variable in self._graph.variables.items()}

        def loss_of(weights: Sequence[Any]) -> Any:
            kept = [variable.value for variable in others]  # moving averages, and seeds
            logits, _ = self._model.stateless_call(weights, kept, images, training=True)
            return self._loss(labels, logits)

        with self._computing():
            loss, gradients = loss_and_gradients(loss_of, [variable.value for variable in trained])
        named = zip(trained, gradients, strict=True)
        return float(loss), {names[variable.path]: _array(gradient) for variable, gradient in named}

    def get_weights(self) -> Arrays:
        return {name: _array(variable) for name, variable in self._graph.variables.items()}

    def set_weights(self, weights: Arrays) -> None:
        _assign(self._graph.variables, weights)

    def get_state(self) -> Arrays:
        return {name: _array(variable) for name, variable in self._state().items()}

    def set_state(self, state: Arrays) -> None:
        _assign(self._state(), state)

    def save(self) -> tuple[str, bytes]:
        """The network in Keras's own format, from pixels 0 to 255 to probabilities.

        Plain Keras reads it. A program must first import `layers` of this room if the network has
        LocalResponseNorm, or leaky_relu in float64.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / MODEL_FILE
            with quiet_stderr():  # saving imports TensorFlow, whichever backend computes
                self.whole_model.save(path)
            return MODEL_FILE, without_times(path.read_bytes())

    def load(self, content: bytes) -> None:
        own_config = self.whole_model.get_config()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "own.weights.h5"
            path.write_bytes(checked_weights(content, self._layout, own_config))
            try:
                with warnings.catch_warnings(action="ignore"):  # the error says enough
                    self.whole_model.load_weights(path)
            except Exception as error:  # nobody has listed how Keras and h5py fail
                if is_of_system(error):
                    raise
                raise ModelError("its weights are damaged: Keras cannot read them") from None

    @cached_property
    def _layout(self) -> Layout:
        """The layout of the weights in a file of this network."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "own.weights.h5"
            self.whole_model.save_weights(path)
            return weight_layout(path.read_bytes())

    @cached_property
    def whole_model(self) -> Any:
        """The network with its softmax: uint8 images (n, 28, 28) to probabilities (n, classes)."""
        with self._computing():
            probabilities = keras.layers.Softmax(dtype=self._floats, name="softmax")(self._graph.logits)
            return keras.Model(self._graph.images, probabilities, name="network")

    def close(self) -> None:
        keras.backend.clear_session()  # it lets Python collect the network's cycles of objects

    @contextmanager
    def _computing(self) -> Iterator[None]:
        set_threads(self._threads)
        with floats(self._floats), memory_errors():
            yield

    def _current_step(self) -> Any:
        return self._optimizer.iterations % self._rates.shape[0]

    def _current_rate(self) -> Any:
        return keras.ops.take(self._rates, self._current_step())

    def _noting_norms(self, apply: Callable[..., None]) -> Callable[..., None]:
        """The optimizer's `apply`, preceded by noting the norm of the step's gradient in a table.

        With a table of all steps in place of running sums, the mean and the variance are computed in
        float64, and nothing has to be reset. On two cores, with 784-512-256-10 in batches of 128, it makes
        an epoch 2 % longer.
        """

        def noting_apply(gradients: Sequence[Any], variables: Any = None) -> None:
            squares = [keras.ops.sum(keras.ops.square(g)) for g in gradients if g is not None]
            norm = keras.ops.sqrt(sum(squares))
            step = keras.ops.reshape(self._current_step(), (1, 1))
            norms = keras.ops.scatter_update(self._gradient_norms, step, keras.ops.reshape(norm, (1,)))
            self._gradient_norms.assign(norms)
            apply(gradients, variables)

        return noting_apply

    def _set_rates(self, rates: np.ndarray) -> None:
        if self._rates is None:  # as optimizer variables, because every backend keeps those up to date
            add = self._optimizer.add_variable
            self._rates = add(rates.shape, dtype=self._floats, name="rates")
            self._gradient_norms = add(rates.shape, dtype=self._floats, name="gradient_norms")
        self._rates.assign(rates)

    def _state(self) -> dict[str, Any]:
        tables = (id(self._rates), id(self._gradient_norms))  # every epoch fills them anew
        slots = [variable for variable in self._optimizer.variables if id(variable) not in tables]
        return {
            **self._graph.variables,
            **{f"optimizer/{index}": variable for index, variable in enumerate(slots)},
        }


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


class _SmoothedCrossentropy(keras.losses.Loss):
    """The cross-entropy of logits with labels, of which the part `smoothing` is spread over all classes.

    Keras's own loss with smoothing needs one-hot labels, and then its accuracy would need them too.
    """

    def __init__(self, smoothing: float) -> None:
        super().__init__()
        self._smoothing = smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        labels = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
        return keras.losses.categorical_crossentropy(
            keras.ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype),
            y_pred,
            from_logits=True,
            label_smoothing=self._smoothing,
        )


class _StepReporter(keras.callbacks.Callback):
    """Passes Keras's running means to the trainer, after one or several steps."""

    def __init__(self, on_step: OnStep, steps: int) -> None:
        super().__init__()
        self._on_step, self._steps = on_step, steps

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        done = min(batch + 1, self._steps)  # Keras counts a last, shorter execution as a full one
        self._on_step(done, logs["loss"], logs["accuracy"])


build = KerasEngine


def steps_at_once(network: Network) -> int:
    """How many steps TensorFlow does before it returns to Python: several if they are short.

    The results stay the same bit for bit. On two cores, with 784-512-256-10 in batches of 128, an epoch takes
    16 % less time (1.6 s instead of 1.9 s).
    """
    if keras.backend.backend() != "tensorflow":
        return 1
    operations = 3 * network.flops * network.spec.batch_size  # forward, and twice as many backward
    return max(1, min(MOST_STEPS_AT_ONCE, SHORT_EXECUTION // max(operations, 1)))


def _loss(smoothing: float) -> Any:
    """The loss to train with. Without smoothing it is Keras's own, which takes integer labels."""
    if smoothing:
        return _SmoothedCrossentropy(smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def _exact(optimizer: Optimizer, floats: str) -> Optimizer:
    """The optimizer with numbers that no backend rounds when it converts them to `floats`."""
    values = {field.name: getattr(optimizer, field.name) for field in fields(optimizer)}
    numbers: dict[str, Any] = {
        name: as_exact(value, floats) for name, value in values.items() if isinstance(value, float)
    }
    return replace(optimizer, **numbers)


def _assign(variables: dict[str, Any], arrays: Arrays) -> None:
    refuse_other_arrays({name: tuple(variable.shape) for name, variable in variables.items()}, arrays)
    for name, variable in variables.items():
        variable.assign(arrays[name])


def _array(variable: Any) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(variable))
