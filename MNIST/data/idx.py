"""The IDX format of MNIST's files, read strictly: one array of whole numbers, gzipped or plain.

A file has two zero bytes, the type, the rank, each dimension as four bytes (big endian), then the payload,
row by row, and nothing after it. Nothing else is accepted. Pixels are unsigned bytes; labels may be larger
numbers, as QMNIST's are. `sha256` identifies an array's content, in whichever type a file had it.
Source: http://yann.lecun.com/exdb/mnist/, "the IDX file format".
"""

import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from MNIST.errors import DataError

IMAGE_SIDE = 28
LARGEST = 2**30  # bytes of a payload; more than a million images of 28×28

GZIP = b"\x1f\x8b"  # how every gzip begins

UNSIGNED_BYTE, INT32 = 0x08, 0x0C
TYPES = {UNSIGNED_BYTE: ">u1", 0x09: ">i1", 0x0B: ">i2", INT32: ">i4"}


def read_images(path: Path) -> NDArray[np.uint8]:
    """Read an images file: uint8 (n, 28, 28), 0 is the background; the array is read-only.

    Raises DataError, with the file, what was expected and what was found, for anything else.
    """
    images = read_idx(path, rank=3)
    if images.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE):
        rows, columns = images.shape[1:]
        raise DataError(f"{path}: expected images of {IMAGE_SIDE}×{IMAGE_SIDE}, found {rows}×{columns}")
    return images


def read_labels(path: Path, classes: int) -> NDArray[np.unsignedinteger]:
    """Read a labels file: (n,), each in [0, classes), in the smallest unsigned type; read-only.

    Raises DataError, with the file, what was expected and what was found, for anything else.
    """
    labels = read_idx(path, rank=1, types=tuple(TYPES))
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        index = int(np.argmax(wrong))
        found = f"expected labels from 0 to {classes - 1}, found {labels[index]} at index {index:,}"
        raise DataError(f"{path}: {found}; other classes have their names in classes.txt, one a line")
    labels = labels.astype(np.min_scalar_type(classes - 1), copy=False)
    labels.flags.writeable = False
    return labels


def read_idx(path: Path, rank: int, types: tuple[int, ...] = (UNSIGNED_BYTE,)) -> NDArray[Any]:
    """Read an IDX file of any dimensions: read-only, of `rank` dimensions, of one of these types.

    Raises DataError if it is not exactly that; OSError if the file cannot be read.
    """
    size = path.stat().st_size
    if not path.is_file():
        raise DataError(f"{path}: expected a file, found something else")
    if size > LARGEST:
        raise DataError(f"{path}: expected at most {LARGEST:,} bytes, found {size:,}")
    try:
        return decode(path.read_bytes(), rank, types)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def decode(content: bytes, rank: int, types: tuple[int, ...] = (UNSIGNED_BYTE,)) -> NDArray[Any]:
    """The array in the bytes of an IDX file, gzipped or plain: read-only, of `rank` dimensions.

    Allocates no more than the header says, and the header may say at most `LARGEST`.
    Raises DataError, without the file's name, for anything but one whole IDX file.
    """
    header_size = 4 + 4 * rank
    header = content[:header_size]
    if content.startswith(GZIP):
        header = _inflate(zlib.decompressobj(wbits=31), content, header_size)
    kind, shape = _parse_header(header, rank, types)
    size = header_size + math.prod(shape) * kind.itemsize
    data = gunzip(content, size) if content.startswith(GZIP) else content
    if len(data) != size:
        raise DataError(f"expected {size:,} bytes for dimensions {_times(shape)}, found {len(data):,}")
    return np.frombuffer(data, kind, offset=header_size).reshape(shape)


def encode(array: NDArray[Any]) -> bytes:
    """The uncompressed bytes of the IDX file that holds `array`.

    array: uint8; or whole numbers, which are stored as int32 without a check that they fit.
    """
    return _header(array) + array.astype(TYPES[_type_of(array)], copy=False).tobytes()


def sha256(array: NDArray[Any]) -> str:
    """The SHA-256, in hex, of the bytes that `encode` returns, without a copy of them.

    array: C-contiguous, of the types that `encode` takes. May raise BufferError if it is not contiguous.
    """
    content = hashlib.sha256(_header(array))
    content.update(array.astype(TYPES[_type_of(array)], copy=False).data)
    return content.hexdigest()


def gunzip(packed: bytes, limit: int) -> bytes:
    """Decompress exactly one gzip member of at most `limit` bytes, its checksum verified.

    Raises DataError if it is damaged, cut short, longer than that, or followed by anything.
    """
    inflater = zlib.decompressobj(wbits=31)
    data = _inflate(inflater, packed, limit + 1)
    if len(data) > limit:
        raise DataError(f"expected at most {limit:,} bytes in the gzip, found more")
    if not inflater.eof:
        raise DataError(f"expected a whole gzip, found one cut short after {len(packed):,} bytes")
    if inflater.unused_data:
        raise DataError(f"expected one gzip member, found {len(inflater.unused_data):,} bytes after it")
    return data


def _inflate(inflater: "zlib._Decompress", packed: bytes, most: int) -> bytes:
    try:
        return inflater.decompress(packed, most)
    except zlib.error as error:
        reason = str(error).split(": ", 1)[-1]
        raise DataError(f"expected a whole gzip, found a damaged one ({reason})") from None


def _parse_header(header: bytes, rank: int, types: tuple[int, ...]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """The type and the shape that a header says."""
    begins = [bytes((0, 0, code, rank)) for code in types]
    if header[:4] not in begins:
        expected = " or ".join(magic.hex(" ") for magic in begins)
        found = header[:4].hex(" ") or "nothing"
        found += f" ({header.decode()!r})" if header.isascii() and header.decode().isprintable() else ""
        raise DataError(f"expected IDX, beginning with the bytes {expected}, found {found}")
    if len(header) < 4 + 4 * rank:
        raise DataError(f"expected a header of {4 + 4 * rank} bytes, found {len(header)}")
    kind = np.dtype(TYPES[header[2]])
    shape = struct.unpack(f">{rank}I", header[4:])
    if not 1 <= math.prod(shape) * kind.itemsize <= LARGEST:
        raise DataError(f"expected dimensions of 1 to {LARGEST:,} bytes in all, found {_times(shape)}")
    return kind, shape


def _type_of(array: NDArray[Any]) -> int:
    return UNSIGNED_BYTE if array.dtype == np.uint8 else INT32


def _header(array: NDArray[Any]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, _type_of(array), array.ndim, *array.shape)


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(f"{length:,}" for length in shape)
