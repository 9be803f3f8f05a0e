"""The IDX format of MNIST's files, read strictly: one array of unsigned bytes, gzipped or plain.

A file has two zero bytes, the type (8: unsigned byte), the rank, each dimension as four bytes (big endian),
then the payload, row by row, and nothing after it. Nothing else is accepted. So an array determines the
uncompressed bytes of its file, and `sha256` can identify a file's content by the array alone.
Source: http://yann.lecun.com/exdb/mnist/, "the IDX file format".
"""

import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MNIST.errors import DataError

IMAGE_SIDE = 28
LARGEST = 2**30  # bytes of a payload; more than a million images of 28×28

GZIP = b"\x1f\x8b"  # how every gzip begins


def read_images(path: Path) -> NDArray[np.uint8]:
    """Read an images file: uint8 (n, 28, 28), 0 is the background; the array is read-only.

    Raises DataError, with the file, what was expected and what was found, for anything else.
    """
    images = read_idx(path, rank=3)
    if images.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE):
        rows, columns = images.shape[1:]
        raise DataError(f"{path}: expected images of {IMAGE_SIDE}×{IMAGE_SIDE}, found {rows}×{columns}")
    return images


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Read a labels file: uint8 (n,), each in [0, 10); the array is read-only.

    Raises DataError, with the file, what was expected and what was found, for anything else.
    """
    labels = read_idx(path, rank=1)
    if labels.max() > 9:
        index = int(np.argmax(labels > 9))
        raise DataError(f"{path}: expected labels from 0 to 9, found {labels[index]} at index {index}")
    return labels


def read_idx(path: Path, rank: int) -> NDArray[np.uint8]:
    """Read an IDX file of any dimensions: uint8, read-only, of `rank` dimensions.

    Raises DataError if it is not exactly that; OSError if the file cannot be read.
    """
    size = path.stat().st_size
    if not path.is_file():
        raise DataError(f"{path}: expected a file, found something else")
    if size > LARGEST:
        raise DataError(f"{path}: expected at most {LARGEST:,} bytes, found {size:,}")
    try:
        return decode(path.read_bytes(), rank)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def decode(content: bytes, rank: int) -> NDArray[np.uint8]:
    """The array in the bytes of an IDX file, gzipped or plain: uint8, read-only, of `rank` dimensions.

    Allocates no more than the header says, and the header may say at most `LARGEST`.
    Raises DataError, without the file's name, for anything but one whole IDX file.
    """
    header_size = 4 + 4 * rank
    header = content[:header_size]
    if content.startswith(GZIP):
        header = _inflate(zlib.decompressobj(wbits=31), content, header_size)
    shape = _parse_header(header, rank)
    size = header_size + math.prod(shape)
    data = gunzip(content, size) if content.startswith(GZIP) else content
    if len(data) != size:
        raise DataError(f"expected {size:,} bytes for dimensions {_times(shape)}, found {len(data):,}")
    return np.frombuffer(data, np.uint8, offset=header_size).reshape(shape)


def encode(array: NDArray[np.uint8]) -> bytes:
    """The uncompressed bytes of the IDX file that holds `array`, uint8 of any shape."""
    return _header(array) + array.tobytes()


def sha256(array: NDArray[np.uint8]) -> str:
    """SHA-256, in hex, of the uncompressed bytes of the IDX file that holds `array`, C-contiguous uint8."""
    content = hashlib.sha256(_header(array))
    content.update(array.data)
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


def _parse_header(header: bytes, rank: int) -> tuple[int, ...]:
    magic = bytes((0, 0, 8, rank))
    if header[:4] != magic:
        found = repr(header)[1:] if header else "nothing"
        raise DataError(f"expected IDX, beginning with the bytes {magic.hex(' ')}, found {found}")
    if len(header) < 4 + 4 * rank:
        raise DataError(f"expected a header of {4 + 4 * rank} bytes, found {len(header)}")
    shape = struct.unpack(f">{rank}I", header[4:])
    if not 1 <= math.prod(shape) <= LARGEST:
        raise DataError(f"expected dimensions of 1 to {LARGEST:,} bytes in all, found {_times(shape)}")
    return shape


def _header(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(f"{length:,}" for length in shape)
