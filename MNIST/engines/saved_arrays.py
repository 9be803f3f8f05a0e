"""`weights.npz`: NumPy's own format, written without its time, read without believing it.

A member is a header and numbers, nothing that could be executed. Its header must say what the network
expects before a number is read, so that nothing it declares can cost more than the network.
"""

import io
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

from MNIST.engines.protocol import Arrays
from MNIST.errors import ModelError

MODEL_FILE = "weights.npz"
_HEADER = 2**16  # bytes that a member may have beside its numbers
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, TypeError),
    *(RuntimeError, NotImplementedError, SyntaxError, RecursionError, MemoryError),
)


def write_arrays(arrays: Arrays) -> bytes:
    """Arrays by name as the bytes of a .npz file: the same arrays give the same bytes."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def read_arrays(content: bytes, expected: Mapping[str, np.ndarray]) -> Arrays:
    """Read a .npz file that must hold exactly the expected names, shapes and types.

    expected: arrays whose values do not matter.
    Raises ModelError for anything else, before more is decompressed than the expected arrays take.
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
    limit = expected.nbytes + _HEADER
    try:
        with archive.open(f"{name}.npy") as stream:
            content = stream.read(limit + 1)
        if len(content) > limit:
            raise ModelError(f"its {name} is larger than this network can need ({limit:,} bytes)")
        member = io.BytesIO(content)
        version = np.lib.format.read_magic(member)
        if version != (1, 0):
            raise ModelError(f"its {name} is of another version of NumPy's format: {version}")
        shape, transposed, dtype = np.lib.format.read_array_header_1_0(member)
    except ModelError:
        raise
    except _DAMAGED as error:
        raise ModelError(f"its {name} is damaged: {str(error)[:200]}") from None
    if (shape, dtype) != (expected.shape, expected.dtype) or transposed:
        raise ModelError(
            f"its weights are not those of the model text: {name} is {dtype.str} {shape}, "
            f"expected {expected.dtype.str} {expected.shape}"
        )
    numbers = content[member.tell() :]
    if len(numbers) != expected.nbytes:
        raise ModelError(f"its {name} is damaged: {len(numbers):,} bytes of numbers, not {expected.nbytes:,}")
    return np.frombuffer(numbers, dtype).reshape(shape).copy()
