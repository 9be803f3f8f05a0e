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

from MNIST.errors import ModelError
from MNIST.spec import parse_spec
from MNIST.training import Run, load_trained, resolve_settings, save_trained

TEXT = "Layers:\nFlatten\nDense,16,relu\nDense,10,softmax\nOptimizer:\n0.01\n1\n100\n"
FIRST = "dense_2/kernel"  # float32 (784, 16)


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
        save_trained("small", run, TEXT, "digits", ["train"])
    finally:
        os.chdir(here)
    return folder


@pytest.fixture
def arrays(by_numpy, tmp_path, monkeypatch) -> dict[str, np.ndarray]:
    """Its weights, in a copy of that folder, to be tampered with."""
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
    """The file with other bytes in place of its first array, and room enough not to be called too small."""
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
    """What a pickle of it does, it does when it is read."""

    def __reduce__(self):
        return Path.touch, (Path("sprung"),)


def test_pickles_are_refused_and_not_executed(arrays):
    trap = np.empty(arrays[FIRST].size, object)
    trap[:] = [Trap()] * trap.size
    member = _header((784, 16), "|O") + pickle.dumps(trap)
    _refused(_with_first(arrays, member), r"\|O \(784, 16\), expected <f4")
    _refused(bytes(100_000) + _npz({**arrays, FIRST: trap}, allow_pickle=True), r"\|O \(12544,\)")
    _refused(pickle.dumps([Trap()]) + bytes(100_000), "not a .npz file")
    _refused(_zip([*_members(_npz(arrays)), ("data.pkl", pickle.dumps(Trap()))]), "data.pkl")
    assert not Path("sprung").exists()


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((784, 17), np.float32), r"\(784, 17\), expected <f4 \(784, 16\)"),
        (np.zeros(784 * 16, np.float32), r"\(12544,\)"),
        (np.zeros((784, 16), np.float64), "<f8"),
        (np.zeros((784, 16), ">f4"), ">f4"),
        (np.zeros((784, 16), np.complex64), "<c8"),
        (np.asfortranarray(np.ones((784, 16), np.float32)), "not those of the model text"),
        (np.full((784, 16), np.nan, np.float32), "not finite numbers"),
        (np.full((784, 16), np.inf, np.float32), "not finite numbers"),
    ],
    ids=lambda value: "" if isinstance(value, np.ndarray) else value,
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
    _within_memory(r"not those of the model text: dense_2/kernel is")


def test_a_bomb_is_not_unpacked(arrays):
    _leave(_with_first(arrays, _header((784, 16), "<f4") + bytes(2**28), zipfile.ZIP_DEFLATED))
    _within_memory("larger than this network can need")


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
    _refused(_with_first(arrays, header), "dense_2/kernel is (damaged|of another version)")


def test_a_header_that_is_code_is_refused_and_not_executed(arrays):
    code = b"__import__('pathlib').Path('sprung').touch()"
    member = b"\x93NUMPY\x01\x00" + len(code).to_bytes(2, "little") + code
    _refused(_with_first(arrays, member), "damaged")
    assert not Path("sprung").exists()


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
