"""`weights.npz` made to do harm, `run.json` and its digests included (fault 26): as for `.keras` files."""

import hashlib
import io
import json
import os
import pickle
import shutil
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from MNIST.data import About
from MNIST.errors import ModelError
from MNIST.language import parse_spec
from MNIST.training import Run, load_trained, resolve_settings, save_trained

TEXT = "Layers:\nFlatten\nDense,16,relu\nDense,10,softmax\nOptimizer:\n0.01\n1\n100\n"
FIRST = "dense_2/kernel"  # float32 (784, 16)
OTHER = r"not those of the model text: dense_2/kernel is not an array <f4 \(784, 16\)"


@pytest.fixture(scope="module")
def by_numpy(digits, tmp_path_factory) -> Path:
    """A folder in which the numpy engine has trained `small`."""
    folder = tmp_path_factory.mktemp("trained")
    here = Path.cwd()
    os.chdir(folder)
    try:
        settings = resolve_settings("digits", images=600, split=0.9, seed=0, engine="numpy")
        run = Run(parse_spec(TEXT), digits, settings, epochs=1)
        run.train()
        save_trained("small", run, TEXT, About("digits"), ["train"])
    finally:
        os.chdir(here)
    return folder


@pytest.fixture
def arrays(by_numpy, tmp_path, monkeypatch) -> dict[str, np.ndarray]:
    """Its weights, in a copy of that folder, which tests may tamper with."""
    shutil.copytree(by_numpy, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    with np.load("Model_Output/small/weights.npz", allow_pickle=False) as archive:
        return dict(archive)


def _npz(arrays: dict[str, np.ndarray], **options) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=options.pop("allow_pickle", False), **arrays)
    return stream.getvalue()


def _zip(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def _members(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def _header(shape: tuple[int, ...], descr: str) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": descr, "fortran_order": False, "shape": shape})
    return stream.getvalue()


def _with_first(arrays: dict[str, np.ndarray], member: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
    """The file with other bytes in place of its first array, large enough not to be called too small."""
    others = [(name, content) for name, content in _members(_npz(arrays)) if name != f"{FIRST}.npy"]
    content = _zip([(f"{FIRST}.npy", member), *others], compression)
    return bytes(max(0, 100_000 - len(content))) + content  # ZIP allows anything before it


def _leave(content: bytes) -> None:
    folder = Path("Model_Output/small")
    (folder / "weights.npz").write_bytes(content)
    record = json.loads((folder / "run.json").read_text())
    record["files"]["weights.npz"] = hashlib.sha256(content).hexdigest()
    (folder / "run.json").write_text(json.dumps(record))


def _refused(content: bytes, reason: str) -> None:
    _leave(content)
    with pytest.raises(ModelError, match=reason):
        load_trained("small")


def test_what_is_left_alone_is_read(arrays):
    _leave(_npz(arrays))
    weights = load_trained("small").engine.get_weights()
    assert all(np.array_equal(weights[name], array) for name, array in arrays.items())


class Trap:
    """When a pickle of this is read, it makes a file."""

    def __reduce__(self):
        return Path.touch, (Path("sprung"),)


def test_pickles_are_refused_and_not_executed(arrays):
    trap = np.empty(arrays[FIRST].size, object)
    trap[:] = [Trap()] * trap.size
    member = _header((784, 16), "|O") + pickle.dumps(trap)
    _refused(_with_first(arrays, member), OTHER)
    _refused(bytes(100_000) + _npz({**arrays, FIRST: trap}, allow_pickle=True), OTHER)
    _refused(pickle.dumps([Trap()]) + bytes(100_000), "not a .npz file")
    _refused(_zip([*_members(_npz(arrays)), ("data.pkl", pickle.dumps(Trap()))]), "data.pkl")
    assert not Path("sprung").exists()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((784, 17), np.float32), OTHER),
        (np.zeros(784 * 16, np.float32), OTHER),
        (np.zeros((784, 16), np.float64), OTHER),
        (np.zeros((784, 16), ">f4"), OTHER),
        (np.zeros((784, 16), np.complex64), OTHER),
        (np.asfortranarray(np.ones((784, 16), np.float32)), OTHER),
        (np.full((784, 16), np.nan, np.float32), "not finite numbers"),
        (np.full((784, 16), np.inf, np.float32), "not finite numbers"),
    ],
    ids=lambda value: f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else "",
)
def test_other_numbers_than_the_networks_own_are_refused(array, reason, arrays):
    _refused(_npz({**arrays, FIRST: array}), reason)


@pytest.mark.parametrize("length", [0, 10, 30_000, -500, -1])
def test_a_truncated_file_is_refused(length, arrays):
    content = _npz(arrays)
    _refused(content[:length], "too small" if length >= 0 else "not a .npz file")


def test_other_members_are_refused_and_not_unpacked(arrays):
    members = _members(_npz(arrays))
    for name in ("../outside.npy", "/absolute.npy", "extra.npy", "code.py"):
        _refused(_zip([*members, (name, b"x")]), "not those of the model text")
    _refused(_zip([*members[1:], ("padding", bytes(100_000))]), "not those of the model text")
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = _zip([*members, members[0]])
    _refused(twice, "there twice")
    assert not Path("Model_Output/outside.npy").exists()


@pytest.mark.parametrize(
    ("shape", "descr"), [((3 * 2**28,), "<f4"), ((2**62,), "<f8"), ((784, 16), "V2147483647")]
)
def test_what_a_header_declares_costs_nothing(shape, descr, arrays):
    _leave(_with_first(arrays, _header(shape, descr) + bytes(1000)))
    _within_memory(OTHER)


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["zlib", "bz2", "lzma"]
)
def test_what_is_compressed_is_not_unpacked(compression, arrays):
    content = _with_first(arrays, _header((784, 16), "<f4") + bytes(2**24), compression)
    _leave(content)
    _within_memory("dense_2/kernel is compressed")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99])
def test_what_is_only_marked_as_compressed_is_refused(method, arrays):
    with zipfile.ZipFile(io.BytesIO(_npz(arrays))) as archive:
        local = archive.getinfo(f"{FIRST}.npy").header_offset
    content = bytearray(_npz(arrays))
    central = content.rindex(f"{FIRST}.npy".encode()) - 46
    for place in (local + 8, central + 10):
        content[place : place + 2] = method.to_bytes(2, "little")
    _refused(bytes(content), "dense_2/kernel is compressed")


def _within_memory(reason: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=reason):
            load_trained("small")
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("header", [b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff", b"\x93NUMPY\x09\x00"])
def test_half_a_header_is_refused(header, arrays):
    _refused(_with_first(arrays, header), OTHER)


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': (",
        "{'descr': (), 'fortran_order': False, 'shape': (784, 16), }",
        "{'descr': ('<f4',), 'fortran_order': False, 'shape': (784, 16), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (784L, 16L), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (True, 16), }",
        "(" * 10_000,
        "__import__('pathlib').Path('sprung').touch()",
    ],
    ids=lambda text: text[:45],
)
def test_another_header_is_refused_and_not_evaluated(text, arrays, recwarn):
    head = text.encode().ljust(len(_header((784, 16), "<f4")) - 11) + b"\n"
    member = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(4 * 784 * 16)
    _refused(_with_first(arrays, member), OTHER)
    assert not Path("sprung").exists()
    assert not recwarn.list


@pytest.mark.parametrize("more", [-1, 1])
def test_more_or_fewer_numbers_are_refused(more, arrays):
    member = _header((784, 16), "<f4") + bytes(4 * 784 * 16 + more)
    _refused(_with_first(arrays, member), "dense_2/kernel is damaged: not 50,176 bytes of numbers")


def test_a_member_that_says_it_lies_beyond_the_file_is_refused(arrays):
    content = bytearray(_npz(arrays))
    name = f"{FIRST}.npy".encode()
    central = content.rindex(name) - 46
    content[central + 42 : central + 46] = b"\xff" * 4  # so the offset is in an extra field of 64 bits
    content[central + 30 : central + 32] = (12).to_bytes(2, "little")
    extra = b"\x01\x00\x08\x00" + b"\xff" * 8
    content[central + 46 + len(name) : central + 46 + len(name)] = extra
    end = content.rindex(b"PK\x05\x06")
    size = int.from_bytes(content[end + 12 : end + 16], "little") + len(extra)
    content[end + 12 : end + 16] = size.to_bytes(4, "little")
    _refused(bytes(content), "dense_2/kernel is damaged")


def test_a_file_far_too_large_is_not_read(arrays):
    with Path("Model_Output/small/weights.npz").open("r+b") as stream:
        stream.truncate(2**33)  # a sparse file of 8 GiB
    with pytest.raises(ModelError, match="larger than this network can need"):
        load_trained("small")


def test_a_record_that_names_another_engine_or_no_file_is_refused(arrays):
    path = Path("Model_Output/small/run.json")
    record = json.loads(path.read_text())
    keras = {**record, "settings": {**record["settings"], "engine": "keras (3)", "precision": "float32"}}
    path.write_text(json.dumps(keras))
    with pytest.raises(ModelError, match="refused"):
        load_trained("small")
    path.write_text(json.dumps({**record, "files": {"spec.txt": record["files"]["spec.txt"]}}))
    with pytest.raises(ModelError, match="names no file of a network"):
        load_trained("small")


@pytest.mark.parametrize("engine", ["numpy", "tensors", "autograd", "modules"])
def test_a_record_that_names_a_precision_its_engine_lacks_is_refused(engine, arrays):
    path = Path("Model_Output/small/run.json")
    record = json.loads(path.read_text())
    record["settings"] |= {"engine": f"{engine} (1)", "precision": "bfloat16"}
    path.write_text(json.dumps(record))
    with pytest.raises(ModelError, match=f"the engine {engine} (cannot compute in bfloat16|needs PyTorch)"):
        load_trained("small")
