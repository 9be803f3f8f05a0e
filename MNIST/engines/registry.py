"""The engines there are, by name, imported when they are asked for."""

import importlib
from types import ModuleType

from MNIST.engines.protocol import Arrays, Engine
from MNIST.errors import UsageError
from MNIST.spec import ModelSpec, needs_engine

ENGINES = {
    "keras": "MNIST.engines.keras_engine",
    "numpy": "MNIST.engines.scratch.on_numpy",
    "tensors": "MNIST.engines.scratch.on_tensors",
    "autograd": "MNIST.engines.scratch.on_autograd",
    "modules": "MNIST.engines.modules.engine",
    "sonn": "MNIST.engines.sonn_engine",
}
"""Each is a module with `build`, `libraries`, `device`, `has_fast_bfloat16` and `PRECISIONS`."""

PRECISIONS = ("float32", "bfloat16", "float64")  # not every engine has all
EXTRAS = {"torch": "PyTorch"}  # libraries that are installed only where they are wanted
MODEL_FILES = frozenset({"model.keras", "weights.npz"})  # the names under which engines save


def create(
    name: str,
    spec: ModelSpec,
    *,
    precision: str,
    threads: int,
    pixels: tuple[float, float],
    weights: Arrays,
    masks: Arrays | None = None,
) -> Engine:
    """Build an engine's network for a simplified spec, with the given initial weights.

    pixels: mean and standard deviation of the training images, in [0, 1], for `Standardize`.
    Raises UsageError for a network that this engine cannot train.
    masks: for each Dropout, by its node's path, what to keep (1) and what to drop (0) of every batch,
    (batch, …), in place of random draws; so that several engines can compute the same step.
    """
    engine = _module(name, spec).build(spec, precision=precision, threads=threads, pixels=pixels, masks=masks)
    engine.set_weights(weights)
    return engine


def read_saved(
    name: str, spec: ModelSpec, content: bytes, *, precision: str, threads: int, pixels: tuple[float, float]
) -> Engine:
    """Read a network that `Engine.save` wrote, trusting nothing in the file's bytes.

    Raises ModelError if they are not exactly what the spec's own network would have written, UsageError
    for a network that this engine cannot train.
    """
    engine = _module(name, spec).build(spec, precision=precision, threads=threads, pixels=pixels)
    engine.load(content)
    return engine


def name_of(version: str) -> str:
    """The engine's name in what `version` gave."""
    return version.split(" ", 1)[0]


def version(name: str) -> str:
    """The engine with the versions of the libraries that decide its numbers."""
    import numpy as np

    return f"{name} ({_module(name).libraries()}, NumPy {np.__version__})"


def device(name: str) -> str:
    """What the engine computes on, and the switches of its libraries that are set in the environment."""
    return str(_module(name).device())


def resolve_precision(name: str, precision: str) -> str:
    """What `auto` means on this machine for this engine: "float32" or "bfloat16".

    Raises UsageError for a precision that the engine cannot compute in.
    """
    module = _module(name)
    if precision == "auto":
        return "bfloat16" if module.has_fast_bfloat16() else "float32"
    if precision not in module.PRECISIONS:
        raise UsageError(
            f"the engine {name} cannot compute in {precision}; it can in {', '.join(module.PRECISIONS)}"
        )
    return precision


def _module(name: str, spec: ModelSpec | None = None) -> ModuleType:
    """An engine's module. Raises UsageError if there is none, or if it cannot train the spec's network."""
    if name not in ENGINES:
        raise UsageError(f"unknown engine {name!r}; there are: {', '.join(ENGINES)}")
    needed = needs_engine(spec) if spec else None
    if needed and name != needed:
        raise UsageError(f"Columns learns by a rule of its own, not by gradients: --engine {needed}")
    if spec and name == "sonn" and not needed:
        raise UsageError(
            "the engine sonn trains Columns, and these layers learn by gradients: --engine keras"
        )
    try:
        return importlib.import_module(ENGINES[name])
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        raise UsageError(
            f"the engine {name} needs {EXTRAS[error.name]}, which is not installed: "
            f"python -m pip install '.[{error.name}]'"
        ) from None
