"""The engines by name. Each is imported when it is first needed."""

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import cast

from MNIST.engine_names import ENGINES
from MNIST.engines.protocol import Arrays, Engine, GradientEngine
from MNIST.errors import UsageError, did_you_mean
from MNIST.language import LeastSquares, ModelSpec, Network, needs_engine
from MNIST.program import library_of, why_missing

PRELOADED = {
    "keras": "MNIST.engines.keras.engine",
    "numpy": "MNIST.engines.scratch.on_numpy",
    "tensors": "torch",
    "autograd": "torch",
    "modules": "torch._inductor.config",  # slow; its optimizers import it
    "sonn": "MNIST.engines.columns.engine",
}
"""What a process may import of each engine before it forks: no thread starts, and no GPU is asked for."""

ELSEWHERE = {"browser": "numpy"}
"""Engines that are no part of this program: their networks come in files. Which engine computes with them."""

WITHOUT_GRADIENTS = frozenset({"sonn"})  # these have their own learning rule, for Columns
DEFAULT = "keras"  # for a model file that several engines can train

EXTRAS = {"torch": "PyTorch"}  # libraries that are installed only where they are wanted
MODEL_FILES = frozenset({"model.keras", "weights.npz"})  # the names under which engines save


def create(
    name: str,
    network: Network,
    *,
    precision: str,
    threads: int,
    pixel_statistics: tuple[float, float],
    weights: Arrays,
    draws: Arrays | None = None,
) -> Engine:
    """Build a network in an engine, with the given initial weights.

    pixel_statistics: mean and standard deviation of the training images, in [0, 1], for `Standardize`.
    draws: random numbers (batch, …) for each layer that draws any, by its node's path; the same for every
    batch. With them several engines can compute the same step; without them each engine draws its own.
    Raises UsageError for a network that this engine cannot train.
    """
    engine = _built(name, network, precision, threads, pixel_statistics, draws)
    engine.set_weights(weights)
    return engine


def read_saved(
    name: str,
    network: Network,
    content: bytes,
    *,
    precision: str,
    threads: int,
    pixel_statistics: tuple[float, float],
) -> Engine:
    """Read a network that `Engine.save` wrote, trusting nothing in the file's bytes.

    Raises ModelError unless this network could have written these bytes, UsageError for a network that
    this engine cannot train.
    """
    engine = _built(name, network, precision, threads, pixel_statistics)
    engine.load(content)
    return engine


def _built(
    name: str,
    network: Network,
    precision: str,
    threads: int,
    pixel_statistics: tuple[float, float],
    draws: Arrays | None = None,
) -> Engine:
    """A network in an engine; its weights are not set yet."""
    build = _module(choose(network.spec, name)).build
    engine: Engine = build(
        network, precision=precision, threads=threads, pixel_statistics=pixel_statistics, draws=draws
    )
    if isinstance(network.spec.optimizer, LeastSquares):
        from MNIST.engines.least_squares import LeastSquaresEngine

        return LeastSquaresEngine(cast("GradientEngine", engine), network, threads)
    return engine


def choose(spec: ModelSpec, wanted: str | None = None) -> str:
    """The name of the engine that trains a spec's network: `wanted` if it is given.

    Raises UsageError for an unknown name, or for an engine that cannot train this network.
    """
    needed = needs_engine(spec)
    name = wanted or needed or DEFAULT
    if name not in ENGINES:
        raise UsageError(_unknown(name))
    if needed and name != needed:
        raise UsageError(f"Columns learns by a rule of its own, not by gradients: --engine {needed}")
    if name in WITHOUT_GRADIENTS and not needed:
        raise UsageError(
            f"the engine {name} trains Columns, and the layers of this network are others: --engine {DEFAULT}"
        )
    return name


def kept_at_once(name: str, network: Network, batch_size: int) -> tuple[int, int]:
    """Of how many images a step holds all layers' outputs at once, and how many gradients of each weight.

    An engine may cut a batch into pieces.
    """
    kept: Callable[[Network, int], tuple[int, int]] | None = getattr(_module(name), "kept_at_once", None)
    return (batch_size, 1) if kept is None else kept(network, batch_size)


def name_of(version: str) -> str:
    """The engine's name in a text that `version` returned."""
    return version.split(" ", 1)[0]


def reader_of(version: str) -> str:
    """The name of the engine that computes with the weights of a network that `version` trained."""
    name = name_of(version)
    return ELSEWHERE.get(name, name)


def version(name: str) -> str:
    """The engine's name with the versions of the libraries that decide its numbers."""
    import numpy as np

    return f"{name} ({_module(name).libraries()}, NumPy {np.__version__})"


def device(name: str) -> str:
    """What the engine computes on, and the switches of its libraries that are set in the environment."""
    return str(_module(name).device())


def resolve_precision(name: str, precision: str) -> str:
    """The given precision; for "auto" the one that is fast on this machine: "float32" or "bfloat16".

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


def _module(name: str) -> ModuleType:
    if name not in ENGINES:
        raise UsageError(_unknown(name))
    try:
        return importlib.import_module(ENGINES[name])
    except (ImportError, OSError) as error:
        library = library_of(error)
        if not library or (isinstance(error, ModuleNotFoundError) and library not in EXTRAS):
            raise
        needed = EXTRAS.get(library, library)
        raise UsageError(f"the engine {name} needs {needed}, which {why_missing(error, library)}") from None


def _unknown(name: str) -> str:
    return f"unknown engine {name[:64]!r}{did_you_mean(name, ENGINES)}; there are: {', '.join(ENGINES)}"
