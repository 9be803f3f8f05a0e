"""The engine `numpy`: the code of this room on NumPy's arrays."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from MNIST.engines.processor import described, processor
from MNIST.engines.protocol import Arrays
from MNIST.engines.scratch.engine import ScratchEngine, backpropagate
from MNIST.engines.scratch.layer import Array
from MNIST.engines.scratch.library import Item, Result
from MNIST.spec import ModelSpec

PRECISIONS = ("float32", "float64")
SWITCHES = ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS")


class NumPyArrays:
    """NumPy as a `Library`."""

    values_at_once = 2**19
    images_at_once = 64
    weights_at_once = 2**16

    def __init__(self, precision: str, threads: int) -> None:
        self._type = np.dtype(precision)
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, initializer=_ignore_overflow) if threads > 1 else None

    def array(self, values: np.ndarray) -> Array:
        return values.astype(self._type)

    def integers(self, values: np.ndarray) -> Array:
        return values

    def to_numpy(self, array: Array) -> np.ndarray:
        return np.array(array)

    def computing(self, pieces: bool) -> AbstractContextManager[Any]:
        """Matrix products take all threads where the work is not in pieces that share them."""
        _ignore_overflow()
        threads = 1 if pieces else self._threads
        return _blas().limit(limits=threads, user_api="blas")

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        return list(self._pool.map(function, items) if self._pool else map(function, items))


def build(
    spec: ModelSpec,
    *,
    precision: str,
    threads: int,
    pixels: tuple[float, float],
    masks: Arrays | None = None,
) -> ScratchEngine:
    """Build a simplified spec's network; its weights are to be set before they are used."""
    return ScratchEngine(spec, NumPyArrays(precision, threads), backpropagate, pixels, masks)


def libraries() -> str:
    """What decides the numbers beside NumPy itself: the library of matrix products."""
    return ", ".join(
        sorted(f"{each['internal_api']} {each['version']}" for each in _blas().select(user_api="blas").info())
    )


def device() -> str:
    """The processor with its widest instructions, and the switches that are set."""
    return described(processor(), SWITCHES)


def has_fast_bfloat16() -> bool:
    """NumPy has no bfloat16."""
    return False


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _ignore_overflow() -> None:
    """A run that diverges is told by its loss, not by warnings. In this thread."""
    np.seterr(over="ignore", invalid="ignore", divide="ignore", under="ignore")
