"""Keras and its backend: started quietly, with a fixed number of threads, and repeatable.

TensorFlow is the backend unless KERAS_BACKEND names another that is installed (jax, torch).
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from MNIST.engines.quiet import quiet_stderr

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # what goes wrong reaches us as an exception
with quiet_stderr():  # TensorFlow announces its processor features before it reads that level
    import keras

__all__ = ["has_fast_bfloat16", "keras", "libraries", "memory_errors", "set_threads"]

_threads_set: int | None = None


def set_threads(threads: int) -> None:
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


@contextmanager
def memory_errors() -> Iterator[None]:
    """Let every backend's own words for "out of memory" be Python's."""
    try:
        yield
    except Exception as error:
        if type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError"):
            raise MemoryError from error
        raise


def libraries() -> str:
    """The versions that decide the numbers: Keras and its backend."""
    backend = keras.backend.backend()
    module = sys.modules[backend]
    return f"Keras {keras.__version__}, {backend} {module.__version__}"


def has_fast_bfloat16() -> bool:
    """Whether bfloat16 is faster here: on a GPU; with TensorFlow also where the processor has it.

    On the processor, Keras with PyTorch and with JAX is slower in bfloat16 than in float32.
    """
    backend = keras.backend.backend()
    if backend == "torch":
        return bool(sys.modules["torch"].cuda.is_available())
    if backend == "jax":
        return bool(sys.modules["jax"].default_backend() != "cpu")
    return _processor_has_bfloat16() or bool(sys.modules["tensorflow"].config.list_physical_devices("GPU"))


def _processor_has_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
