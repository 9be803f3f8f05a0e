"""`weights.npz`: NumPy's own format, written without a date, and read without trusting it.

A member is a header and numbers; nothing in it can be executed. Its header must equal, byte for byte, the
header of the network's own array. So no header is interpreted, and no member can need more memory than the
network.
"""

import io
import zipfile
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from MNIST.engines.protocol import Arrays
from MNIST.errors import ModelError

MODEL_FILE = "weights.npz"
_DAMAGED = (zipfile.BadZipFile, EOFError, ValueError, KeyError, RuntimeError, OverflowError)


class HasWeights(Protocol):
    """The part of an engine that saving and loading need."""

    def get_weights(self) -> Arrays: ...

    def set_weights(self, weights: Arrays) -> None: ...


def save_weights(engine: HasWeights) -> tuple[str, bytes]:
    """The weights as a file: its name and its bytes. Together with the model text they are the network."""
    return MODEL_FILE, write_arrays(engine.get_weights())


def load_weights(engine: HasWeights, content: bytes) -> None:
    """Give an engine the weights of a file that `save_weights` wrote.

    Raises ModelError unless the file holds what this engine could have written.
    """
    try:
        engine.set_weights(read_arrays(content, engine.get_weights()))
    except ValueError as error:
        raise ModelError(f"its weights are not those of the model text: {error}") from None


def write_arrays(arrays: Arrays) -> bytes:
    """Arrays by name as the bytes of a .npz file: the same arrays give the same bytes."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def read_arrays(content: bytes, expected: Mapping[str, np.ndarray]) -> Arrays:
    """Read a .npz file that must hold exactly the expected names, shapes and types.

    expected: arrays whose values do not matter.
    Raises ModelError for anything else, also for compressed arrays.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        names = archive.namelist()
    except _DAMAGED:
        raise ModelError("it is not a .npz file, but truncated, or something else") from None
    odd = sorted(set(names) ^ {f"{name}.npy" for name in expected})
    if odd or len(names) != len(expected):
        raise ModelError(
            f"its weights are not those of the model text: {', '.join(odd)[:200] or 'one is there twice'}"
        )
    return {name: _read(archive, name, array) for name, array in expected.items()}


def _read(archive: zipfile.ZipFile, name: str, expected: np.ndarray) -> np.ndarray:
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED:
        raise ModelError(f"its {name} is compressed, and this program compresses none")
    try:
        with archive.open(member) as stream:
            content = stream.read(len(_header(expected)) + expected.nbytes + 1)
    except _DAMAGED as error:
        raise ModelError(f"its {name} is damaged: {str(error)[:200]}") from None
    return as_array(content, name, expected)


def as_array(content: bytes, name: str, expected: np.ndarray) -> np.ndarray:
    """The array in a member of a .npz file, whose shape and type must be the expected one's.

    Raises ModelError for anything else.
    """
    header = _header(expected)
    if not content.startswith(header):
        raise ModelError(
            f"its weights are not those of the model text: {name} is not an array "
            f"{expected.dtype.str} {expected.shape}"
        )
    if len(content) != len(header) + expected.nbytes:
        raise ModelError(f"its {name} is damaged: not {expected.nbytes:,} bytes of numbers")
    return np.frombuffer(content, expected.dtype, offset=len(header)).reshape(expected.shape).copy()


def _header(array: np.ndarray) -> bytes:
    """What `write_arrays` writes before the numbers of an array of this shape and type."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    )
    return stream.getvalue()
