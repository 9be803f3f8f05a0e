"""Keras and its backend: started quietly, with a fixed number of threads, and repeatable.

TensorFlow is the backend unless KERAS_BACKEND names another installed one (jax, torch).
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from MNIST.engines.keras.backends import chosen_backend
from MNIST.engines.processor import BFLOAT16, cores, described, processor, widest_instructions
from MNIST.engines.quiet import hidden, quiet_stderr, without_collections
from MNIST.errors import MNISTError
from MNIST.words import counted

BACKEND = os.environ["KERAS_BACKEND"] = chosen_backend()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # errors reach us as exceptions anyway
# TensorFlow uses oneDNN's convolutions by itself only where a processor has instructions for neural networks.
# Others gain as well: `python -m benchmarks.onednn` says how much. TensorFlow reads this when it is imported.
# It is part of a run's identity.
if "tensorflow" not in sys.modules:
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Else the first worker of an exploration would take a GPU's whole memory with TensorFlow, or 75 % with JAX.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

# Keras takes these along for plots, tables and scikit-learn's interface if they are installed. Nothing here
# needs that, and without them Keras starts in seven tenths of the time.
with quiet_stderr(), hidden("sklearn", "matplotlib", "pandas"), without_collections():
    import keras  # TensorFlow prints its processor features before it reads that level

# TensorFlow warns about functions that it traces repeatedly. Ours are traced once for each of many networks.
logging.getLogger("tensorflow").addFilter(lambda record: "retracing" not in record.getMessage())

# A user's keras.json may set other values, and then the same text would give other numbers.
keras.config.set_floatx("float32")
keras.config.set_epsilon(1e-7)
keras.config.set_image_data_format("channels_last")

__all__ = [
    "batches",
    "device",
    "floats",
    "has_fast_bfloat16",
    "keras",
    "libraries",
    "loss_and_gradients",
    "memory_errors",
    "set_threads",
]

# Keras's table of result types: with JAX and PyTorch, it makes float64 and any other type float32.
PROMOTED = keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE

SWITCHES = (
    "TF_ENABLE_ONEDNN_OPTS",
    "ONEDNN_MAX_CPU_ISA",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
    "NVIDIA_TF32_OVERRIDE",
)

# PyTorch on a processor, and JAX, say it in words only.
OUT_OF_MEMORY = "can't allocate memory", "RESOURCE_EXHAUSTED"

_threads_set: int | None = None


def set_threads(threads: int | None = None) -> int:
    """Let operations use this many threads, and be repeatable. TensorFlow fixes the number for the process.

    threads: None for the number that is fixed already, or else for all cores. Returns the number.
    JAX always takes all cores. Raises MNISTError if TensorFlow cannot compute with so many any more.
    """
    global _threads_set
    threads = threads or _threads_set or cores()
    if BACKEND == "torch":
        from MNIST.engines import torch_backend  # which makes operations repeatable

        torch_backend.set_threads(threads)
    if BACKEND != "tensorflow" or _threads_set == threads:
        return threads
    if _threads_set is not None:
        fixed = counted(_threads_set, "thread")
        raise MNISTError(f"Keras computes with {fixed} here{_too_late(threads)}")
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:  # it has computed something before
        raise MNISTError(f"TensorFlow has computed here before{_too_late(threads)}") from None
    tf.config.experimental.enable_op_determinism()
    with quiet_stderr():  # it looks for a GPU, and prints much if there is none
        tf.config.list_logical_devices()
    _threads_set = threads
    return threads


def _too_late(threads: int) -> str:
    return (
        f", and TensorFlow cannot change to {counted(threads, 'thread')} later; "
        "start Python again, and let this network be the first that it computes with"
    )


@contextmanager
def floats(kind: str) -> Iterator[None]:
    """Make Keras convert plain numbers to `kind` ("float32" or "float64") inside this context."""
    before = keras.config.floatx(), PROMOTED["float64"]
    if kind == "float64":
        PROMOTED["float64"] = "float64"
        if BACKEND == "jax":
            import jax

            jax.config.update("jax_enable_x64", True)  # otherwise it turns everything into float32
    keras.config.set_floatx(kind)
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        PROMOTED["float64"] = before[1]


def loss_and_gradients(
    loss: Callable[[Sequence[Any]], Any], weights: Sequence[Any]
) -> tuple[Any, Sequence[Any]]:
    """The loss at some weights, and its gradient with respect to each; all are the backend's tensors."""
    if not weights:
        return loss(weights), []
    if BACKEND == "jax":
        import jax

        return jax.jit(jax.value_and_grad(loss))(weights)  # much faster than one operation at a time
    if BACKEND == "torch":
        import torch

        leaves = [weight.detach().requires_grad_() for weight in weights]
        value = loss(leaves)
        return value.detach(), torch.autograd.grad(value, leaves)
    import tensorflow as tf

    tensors = [tf.convert_to_tensor(weight) for weight in weights]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = loss(tensors)
    return value, tape.gradient(value, tensors)


def batches(images: np.ndarray, labels: np.ndarray, batch_size: int) -> dict[str, Any]:
    """The keyword arguments with which Keras's `fit` trains on these images in this order.

    With TensorFlow they hold a pipeline that does not tune itself. The pipeline that Keras makes of arrays
    tunes itself in a thread that sleeps 10 ms, 20 ms, 40 ms and so on, and the end of an epoch may have to
    wait for it: on two cores, half of the epochs of 5.4 s took 10.3 s, 4.9 s of them without any work.
    """
    if BACKEND != "tensorflow":
        return {"x": images, "y": labels, "batch_size": batch_size, "shuffle": False}
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    pipeline = tf.data.Dataset.from_tensor_slices((images, labels)).batch(batch_size).prefetch(2)
    return {"x": pipeline.with_options(options), "shuffle": False}


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn every backend's "out of memory" error into MemoryError."""
    try:
        yield
    except Exception as error:
        has_its_name = type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError")
        if has_its_name or any(words in str(error) for words in OUT_OF_MEMORY):
            raise MemoryError from error
        raise


def libraries() -> str:
    """The versions that decide the numbers: Keras and its backend."""
    return f"Keras {keras.__version__}, {BACKEND} {sys.modules[BACKEND].__version__}"


def device() -> str:
    """The GPU or the processor with its widest instructions, then the libraries' switches that are set.

    All of these can change the last digits of a result.
    """
    return described(_gpu() or processor(), SWITCHES)


def has_fast_bfloat16() -> bool:
    """Whether bfloat16 is faster here: on a GPU, and with TensorFlow also on a processor that has it.

    On the processor, Keras with PyTorch and with JAX is slower in bfloat16 than in float32.
    """
    on_processor = BACKEND == "tensorflow" and widest_instructions() in BFLOAT16
    return on_processor or _gpu() is not None


def _gpu() -> str | None:
    """The GPU that the backend computes on, in words, or None."""
    backend = sys.modules[BACKEND]
    if backend.__name__ == "torch":
        return backend.cuda.get_device_name() if backend.cuda.is_available() else None
    if backend.__name__ == "jax":
        return None if backend.default_backend() == "cpu" else str(backend.devices()[0].device_kind)
    found = backend.config.list_physical_devices("GPU")
    return str(backend.config.experimental.get_device_details(found[0]).get("device_name")) if found else None
