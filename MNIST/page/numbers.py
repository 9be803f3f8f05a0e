"""Weights as one row of little-endian bytes: float32, or for a large network float16, which is half as large.

float16 has 11 significant bits, from 2⁻¹⁴ to 65,504. A tensor is stored in it if no weight changes by more
than 2⁻¹¹ of the tensor's largest, because that is what matters in a sum. Rows of numbers (biases, BatchNorm's
offsets) are always float32: they are few, and often the difference of large numbers.
"""

from typing import TypedDict

import numpy as np

ROUNDING = 2.0**-11  # the largest relative change of a number in float16


class Place(TypedDict):
    """How a page finds a tensor among the bytes: its type (float32 or float16), first byte and count."""

    type: str
    at: int
    count: int


class Numbers:
    """The tensors of one network, one after another. compact: whether float16 is wanted."""

    def __init__(self, compact: bool) -> None:
        self._compact = compact
        self._parts: list[bytes] = []
        self._size = 0  # in bytes

    def add(self, values: np.ndarray) -> Place:
        """Append a tensor; return where it is."""
        full = np.asarray(values, np.float32)
        is_half = self._compact and full.ndim > 1 and _survives(full)
        content = full.astype("<f2" if is_half else "<f4").tobytes()
        place = Place(type="float16" if is_half else "float32", at=self._size, count=full.size)
        self._parts.append(content)
        self._size += len(content)
        return place

    def to_bytes(self) -> bytes:
        return b"".join(self._parts)


def _survives(values: np.ndarray) -> bool:
    """Whether float16 is precise enough for a tensor, and nothing overflows."""
    largest = np.abs(values).max(initial=0.0)
    with np.errstate(over="ignore"):
        error = np.abs(values.astype(np.float16).astype(np.float32) - values).max(initial=0.0)
    return bool(error <= ROUNDING * largest)
