"""The engine `numpy`: the code of this room on NumPy's arrays."""

import ctypes
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from MNIST.engines.processor import described, processor
from MNIST.engines.scratch.engine import EDITION, backpropagate, engine_on, kept_at_once_on
from MNIST.engines.scratch.in_step import in_step
from MNIST.engines.scratch.layer import Array, Total, own
from MNIST.engines.scratch.library import Item, Result

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's numbers for these two settings
KEPT = 2**25  # bytes, the largest value that glibc accepts for M_MMAP_THRESHOLD
PRECISIONS = ("float32", "float64")
SWITCHES = ("OPENBLAS_CORETYPE", "NPY_DISABLE_CPU_FEATURES", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS")


class NumPyArrays:
    """NumPy as a `Library`."""

    # With 2**19, an epoch of optimized_model takes half as long again.
    values_at_once = 2**21
    images_at_once = 64
    fewest_pieces = 2
    fewest_images = 16
    pieces_in_step = 16
    weights_at_once = 2**17

    def __init__(self, precision: str, threads: int) -> None:
        _keep_freed_memory()
        self._type = np.dtype(precision)
        self.threads = threads
        self._pools: dict[int, ThreadPoolExecutor] = {}

    def _pool(self, threads: int) -> ThreadPoolExecutor:
        """So many threads, started when first needed, because a forked process would not inherit them."""
        if threads not in self._pools:
            self._pools[threads] = ThreadPoolExecutor(threads, initializer=_ignore_overflow)
        return self._pools[threads]

    def array(self, values: np.ndarray) -> Array:
        return values.astype(self._type)

    def integers(self, values: np.ndarray) -> Array:
        return values

    def to_numpy(self, array: Array) -> np.ndarray:
        return np.array(array)

    def computing(self) -> AbstractContextManager[Any]:
        """Give a matrix product one thread, because the pieces of a batch share the threads."""
        _ignore_overflow()
        return _blas().limit(limits=1, user_api="blas")

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        if self.threads == 1:
            return [function(item) for item in items]
        return list(self._pool(self.threads).map(function, items))

    def map_in_step(self, function: Callable[[Item, Total], Result], items: Sequence[Item]) -> list[Result]:
        if len(items) == 1:
            return [function(items[0], own)]
        return in_step(function, items, self._pool(self.pieces_in_step), self.threads)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.shutdown()


build = engine_on(NumPyArrays, backpropagate)
kept_at_once = kept_at_once_on(NumPyArrays)


def libraries() -> str:
    """What decides the numbers besides NumPy: this room's edition, and the library of matrix products.

    It is read from NumPy's build, not from this process: SciPy loads another one, which is not used here.
    """
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return f"{EDITION}, {blas['name']} {blas['version']}"


def device() -> str:
    """The processor with its widest instructions, and the switches that are set."""
    return described(processor(), SWITCHES)


def has_fast_bfloat16() -> bool:
    """Always False: NumPy has no bfloat16."""
    return False


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


@cache
def _keep_freed_memory() -> None:
    """Make glibc keep freed memory for the next array, instead of asking the system for it each time.

    An epoch of Models/example_model.txt then takes 2.1 s instead of 3.5 s, with 5 page faults instead of 1.5
    million (two cores of an AMD EPYC). Without glibc it does nothing. Source: mallopt(3).
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            mallopt = ctypes.CDLL("libc.so.6").mallopt
            for parameter in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
                mallopt(parameter, KEPT)


def _ignore_overflow() -> None:
    """Silence NumPy's overflow warnings in this thread: a run that diverges shows in its loss."""
    np.seterr(over="ignore", invalid="ignore", divide="ignore", under="ignore")
