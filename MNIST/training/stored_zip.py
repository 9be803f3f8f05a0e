"""Zip archives as `MNIST/browser/saving/stored_zip.js` writes them, read without trusting them.

The reader knows which members there must be. It makes the headers of each itself and compares them with those
in the file. So it follows no links, unpacks nothing, and holds no more than one member in memory.
Source: PKWARE, .ZIP File Format Specification 6.3.10.
"""

import struct
import zlib
from typing import BinaryIO

from MNIST.errors import ModelError

NO_SUCH_FILE = (
    "this is no file that a laboratory saved, or it is damaged, or it was packed anew;"
    " if you can unpack it, import the folder"
)

_LOCAL, _CENTRAL, _END = 0x04034B50, 0x02014B50, 0x06054B50
_VERSION, _UNIX, _FIRST_DAY, _PERMISSIONS = 45, 3, 0x21, 0o600 << 16  # sizes in 64 bits; 1 January 1980
_IN_64_BITS = 0xFFFFFFFF


class StoredZip:
    """An archive that is read from its beginning to its end, one member after another."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._begin = 0
        self._directory = b""
        self._count = 0

    def member(self, name: str, most: int) -> bytes:
        """The content of the next member, which must have this name and at most so many bytes.

        Raises ModelError for anything else.
        """
        header = self._stream.read(len(_local_header(name, 0, 0)))
        if len(header) != len(_local_header(name, 0, 0)):
            raise ModelError(NO_SUCH_FILE)
        (crc,), (size,) = struct.unpack_from("<I", header, 14), struct.unpack("<Q", header[-8:])
        if header != _local_header(name, crc, size):
            raise ModelError(NO_SUCH_FILE)
        if size > most:
            raise ModelError(f"its {name} has {size:,} bytes, and {most:,} are the most that it can need")
        content = self._stream.read(size)
        if len(content) != size or zlib.crc32(content) != crc:
            raise ModelError(NO_SUCH_FILE)
        self._directory += _entry(name, crc, size, self._begin)
        self._begin += len(header) + size
        self._count += 1
        return content

    def end(self) -> None:
        """Read the end of the archive. Raises ModelError if there are other members or other bytes."""
        size = len(self._directory)
        end = struct.pack("<IHHHHIIH", _END, 0, 0, self._count, self._count, size, self._begin, 0)
        expected = self._directory + end
        if self._stream.read(len(expected) + 1) != expected:
            raise ModelError(NO_SUCH_FILE)


def _local_header(name: str, crc: int, size: int) -> bytes:
    """What stands before a member's content."""
    text = name.encode()
    fields = _VERSION, 0, 0, 0, _FIRST_DAY, crc, _IN_64_BITS, _IN_64_BITS, len(text), 20
    return struct.pack("<IHHHHHIIIHH", _LOCAL, *fields) + text + struct.pack("<HHQQ", 1, 16, size, size)


def _entry(name: str, crc: int, size: int, begin: int) -> bytes:
    """What the archive's directory says of a member."""
    text = name.encode()
    fields = _VERSION, _UNIX, _VERSION, 0, 0, 0, _FIRST_DAY, crc, size, size, len(text), 0, 0, 0, 0
    if begin > _IN_64_BITS or size > _IN_64_BITS:
        raise ModelError(NO_SUCH_FILE)
    return struct.pack("<IBBHHHHHIIIHHHHHII", _CENTRAL, *fields, _PERMISSIONS, begin) + text
