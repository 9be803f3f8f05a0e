import gzip
import hashlib
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from MNIST.data import idx
from MNIST.errors import DataError


def labels_file(count: int = 10) -> bytes:
    return struct.pack(">BBBBI", 0, 0, 8, 1, count) + bytes(range(10)) * (count // 10)


SOUND = gzip.compress(labels_file(), mtime=0)


@pytest.mark.parametrize("content", [labels_file(), SOUND], ids=["plain", "gzip"])
def test_reads_plain_and_gzip(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "labels").write_bytes(content)
    labels = idx.read_labels(tmp_path / "labels", 10)
    assert labels.dtype == np.uint8
    assert labels.tolist() == list(range(10))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (SOUND[:-9], "found one cut short"),
        (SOUND[:15], "expected a header of 8 bytes, found"),
        (SOUND[:-8] + bytes(4) + SOUND[-4:], "incorrect data check"),
        (b"", "found nothing"),
        (SOUND + b"\0", "expected one gzip member, found 1 bytes after it"),
        (SOUND + SOUND, "expected one gzip member"),
        (gzip.compress(labels_file() + b"\0", mtime=0), "expected at most 18 bytes in the gzip, found more"),
        (gzip.compress(labels_file()[:-1], mtime=0), "expected 18 bytes for dimensions 10, found 17"),
        (labels_file() + b"\0", "expected 18 bytes for dimensions 10, found 19"),
        (labels_file()[:-1], "expected 18 bytes for dimensions 10, found 17"),
        (b"\1" + labels_file()[1:], "beginning with the bytes 00 00 08 01"),
        (b"\0\0\x0d\1" + labels_file()[4:], "beginning with the bytes 00 00 08 01"),
        (b"\0\0\x08\3" + labels_file()[4:], "beginning with the bytes 00 00 08 01"),
        (b"\0\0\x08\1\0\0", "expected a header of 8 bytes, found 6"),
        (b"\0\0\x08\1" + b"\xff" * 4, "found 4,294,967,295"),
        (b"\0\0\x08\1" + bytes(4), "expected dimensions of 1 to"),
        (b"/annex/objects/SHA256E-s28881--65a5.gz\n", "found 2f 61 6e 6e"),
        (labels_file()[:-1] + b"\x0a", "expected labels from 0 to 9, found 10 at index 9"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "labels.gz"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        idx.read_labels(path, 10)
    assert str(caught.value).startswith(f"{path}: expected")
    assert message in str(caught.value)


def test_images_have_28_rows_and_columns(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(idx.encode(np.zeros((2, 8, 8), np.uint8)))
    with pytest.raises(DataError, match="expected images of 28×28, found 8×8"):
        idx.read_images(tmp_path / "images")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a file"):
        idx.read_labels(tmp_path, 10)


@pytest.mark.parametrize("header", [struct.pack(">I", 10), b"\xff" * 4], ids=["small", "enormous"])
def test_a_bomb_costs_no_more_than_its_header_promises(header: bytes) -> None:
    bomb = gzip.compress(b"\0\0\x08\1" + header + bytes(64_000_000), 9)
    tracemalloc.start()
    with pytest.raises(DataError):
        idx.decode(bomb, rank=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@given(st.binary(max_size=200), st.sampled_from([1, 3]), st.booleans(), st.booleans())
def test_any_bytes_give_an_array_or_a_data_error(
    tail: bytes, rank: int, begins_well: bool, packed: bool
) -> None:
    content = bytes((0, 0, 8, rank)) * begins_well + tail
    check_decodes_or_refuses(gzip.compress(content) if packed else content, rank)


@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), max_size=3))
def test_any_damage_to_a_gzip_gives_an_array_or_a_data_error(damage: list[tuple[int, int]]) -> None:
    content = bytearray(SOUND)
    for place, byte in damage:
        content[place] = byte
    check_decodes_or_refuses(bytes(content), rank=1)


def check_decodes_or_refuses(content: bytes, rank: int) -> None:
    try:
        array = idx.decode(content, rank)
    except DataError:
        return
    uncompressed = gzip.decompress(content) if content.startswith(idx.GZIP) else content
    assert idx.encode(array) == uncompressed


def test_an_array_determines_its_file() -> None:
    array = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    content = idx.encode(array)
    assert np.array_equal(idx.decode(content, rank=3), array)
    assert idx.sha256(array) == hashlib.sha256(content).hexdigest()
