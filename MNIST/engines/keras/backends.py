"""Which of Keras's backends are installed, and which one is chosen. It imports none of them."""

import importlib.util
import os

from MNIST.errors import UsageError, quoted
from MNIST.program import install_command

BACKENDS = ("tensorflow", "jax", "torch")


def chosen_backend() -> str:
    """The backend of this process: KERAS_BACKEND, or TensorFlow. Keras reads it once, when it is imported.

    Raises UsageError if KERAS_BACKEND names no backend, or one that is not installed.
    """
    name = os.environ.get("KERAS_BACKEND", BACKENDS[0])
    if name not in BACKENDS:
        raise UsageError(f"KERAS_BACKEND={quoted(name)}: expected one of {', '.join(BACKENDS)}")
    refuse_missing(name)
    return name


def refuse_missing(name: str) -> None:
    """Raise UsageError, with what to do, if a backend is not installed."""
    if importlib.util.find_spec(name) is None:
        raise UsageError(f"KERAS_BACKEND={name}: not installed; {install_command(name)}")
