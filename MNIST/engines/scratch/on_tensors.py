"""The engine `tensors`: the code of this room on PyTorch's tensors, on the processor or a GPU."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from MNIST.engines import torch_backend
from MNIST.engines.scratch.engine import EDITION, backpropagate, engine_on, kept_at_once_on
from MNIST.engines.scratch.layer import Array, Total, own
from MNIST.engines.scratch.library import Item, Result
from MNIST.engines.torch_backend import DEVICE, device, has_fast_bfloat16, memory_errors, set_threads

__all__ = ["PRECISIONS", "TorchArrays", "build", "device", "has_fast_bfloat16", "kept_at_once", "libraries"]

PRECISIONS = ("float32", "float64")


class TorchArrays:
    """PyTorch as a `Library`. Its pieces are few and large: PyTorch uses several threads by itself."""

    values_at_once = 2**25
    images_at_once = 2**16
    fewest_pieces = 1
    fewest_images = 1
    pieces_in_step = 1
    weights_at_once = 2**30
    threads = 1

    def __init__(self, precision: str, threads: int) -> None:
        self._type = getattr(torch, precision)
        self._threads = threads

    def array(self, values: np.ndarray) -> Array:
        return torch.tensor(values, dtype=self._type, device=DEVICE)

    def integers(self, values: np.ndarray) -> Array:
        return torch.tensor(values, dtype=torch.int64, device=DEVICE)

    def to_numpy(self, array: Array) -> np.ndarray:
        return array.detach().cpu().numpy().copy()

    @contextmanager
    def computing(self) -> Iterator[None]:
        set_threads(self._threads)
        with memory_errors(), torch.no_grad():
            yield

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
        return [function(item) for item in items]

    def map_in_step(self, function: Callable[[Item, Total], Result], items: Sequence[Item]) -> list[Result]:
        return [function(item, own) for item in items]

    def close(self) -> None:
        pass  # its threads belong to the process


build = engine_on(TorchArrays, backpropagate)
kept_at_once = kept_at_once_on(TorchArrays)


def libraries() -> str:
    """What decides the numbers: this room's edition, and PyTorch."""
    return f"{EDITION}, {torch_backend.libraries()}"
