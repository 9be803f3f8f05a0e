"""Saved networks whose files were made to do harm, `run.json` and its digests included (fault 26)."""

import hashlib
import io
import json
import random
import zipfile
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from small_model import TEXT

from MNIST.engines.keras.saved_file import MEMBERS, checked_weights, weight_layout
from MNIST.errors import ModelError
from MNIST.training import load_trained


def _replace(folder: Path, file: str, content: bytes) -> None:
    (folder / file).write_bytes(content)
    record = json.loads((folder / "run.json").read_text())
    record["files"][file] = hashlib.sha256(content).hexdigest()
    (folder / "run.json").write_text(json.dumps(record))


def _members(folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(folder / "model.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zip(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _with_weights(folder: Path, tamper) -> None:
    members = _members(folder)
    path = folder / "tampered.h5"
    path.write_bytes(members["model.weights.h5"])
    with h5py.File(path, "r+") as file:
        tamper(file)
    members["model.weights.h5"] = path.read_bytes()
    path.unlink()
    _replace(folder, "model.keras", _zip(members))


def _first_dataset(file: h5py.File) -> str:
    names = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names[0]


def _external_link(file):
    name = _first_dataset(file)
    del file[name]
    file[name] = h5py.ExternalLink("/etc/passwd", "/x")


def _soft_link(file):
    name = _first_dataset(file)
    file["moved"] = file[name]
    del file[name]
    file[name] = h5py.SoftLink("/moved")


def _virtual_dataset(file):
    name = _first_dataset(file)
    shape, dtype = file[name].shape, file[name].dtype
    del file[name]
    layout = h5py.VirtualLayout(shape, dtype)
    layout[...] = h5py.VirtualSource("/etc/passwd", "x", shape)
    file.create_virtual_dataset(name, layout)


def _external_storage(file):
    name = _first_dataset(file)
    shape = file[name].shape
    del file[name]
    size = int(np.prod(shape)) * 4
    file.create_dataset(name, shape, "f4", external=[("/etc/passwd", 0, size)])


def _declared_3_gib(file):
    name = _first_dataset(file)
    del file[name]
    file.create_dataset(name, (3 * 2**28,), "f4")  # HDF5 gives it no room before something is written


def _more(file):
    file["extra"] = np.zeros(3, np.float32)


def _other_type(file):
    name = _first_dataset(file)
    values = file[name][...].astype(np.float64)
    del file[name]
    file[name] = values


def _attribute_of_two(file):
    file[_first_dataset(file)].attrs["dtype"] = np.array([1, 2])  # Keras asks whether it is "bfloat16"


def _rounded(file):
    file[_first_dataset(file)].attrs["dtype"] = "bfloat16"


def _unreadable(file):
    name = _first_dataset(file)
    values = file[name][...]
    del file[name]
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_norm(h5py.h5t.NORM_MSBSET)  # which HDF5 can write, and not convert
    stored = h5py.h5d.create(file.id, name.encode(), kind, h5py.h5s.create_simple(values.shape))
    stored.write(h5py.h5s.ALL, h5py.h5s.ALL, values, kind)


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (_external_link, "link to another place"),
        (_soft_link, "link to another place"),
        (_virtual_dataset, "outside the file"),
        (_external_storage, "outside the file"),
        (_declared_3_gib, "805306368"),
        (_more, "extra"),
        (_other_type, "<f8"),
        (_attribute_of_two, "attributes"),
        (_rounded, "attributes"),
        (_unreadable, "Keras cannot read them"),
    ],
)
def test_weights_that_are_not_this_networks_own_are_refused(tamper, reason, small):
    _with_weights(small, tamper)
    with pytest.raises(ModelError, match=reason):
        load_trained("small")


def test_weights_that_are_not_numbers_are_refused(small):
    def poison(file):
        file[_first_dataset(file)][...] = np.nan

    _with_weights(small, poison)
    with pytest.raises(ModelError, match="not finite numbers"):
        load_trained("small")


EXPECTED = {"/kernel": ((3,), "<f4")}


def _weights(kernel: object) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file["kernel"] = kernel
    return stream.getvalue()


@pytest.mark.parametrize("kernel", [h5py.Empty("f4"), np.dtype("f4")], ids=["empty", "a type"])
def test_what_is_no_array_is_refused(kernel):
    with pytest.raises(ModelError, match=r"something else \(/kernel\)"):
        weight_layout(_weights(kernel), EXPECTED)


def test_compressed_weights_are_refused():
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_dataset("kernel", data=np.zeros(3, np.float32), compression="gzip")
    with pytest.raises(ModelError, match=r"lie in pieces \(/kernel\)"):
        weight_layout(stream.getvalue(), EXPECTED)


def test_damaged_bytes_are_refused_wherever_they_are():
    """About one in a hundred of these makes h5py raise another error than those that it documents."""
    whole, generator = _weights(np.zeros(3, np.float32)), random.Random(1)
    for _ in range(1000):
        content = bytearray(whole)
        for _ in range(generator.randint(1, 3)):
            content[generator.randrange(len(content))] = generator.randrange(256)
        with suppress(ModelError):
            weight_layout(bytes(content), EXPECTED)


def test_a_lack_of_memory_is_no_damage(monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(h5py, "File", fail)
    with pytest.raises(MemoryError):
        weight_layout(b"", EXPECTED)
    monkeypatch.setattr(zipfile, "ZipFile", fail)
    with pytest.raises(MemoryError):
        checked_weights(b"", EXPECTED, {})


def test_a_zip_of_another_version_is_refused():
    archive = bytearray(_zip(dict.fromkeys(MEMBERS, b"")))
    archive[archive.index(b"PK\x01\x02") + 6] = 255  # the version that a program needs to unpack it
    with pytest.raises(ModelError, match=r"not a \.keras file"):
        checked_weights(bytes(archive), EXPECTED, {})


def test_a_class_that_is_not_ours_is_refused_and_not_executed(small, tmp_path):
    import keras

    inputs = keras.Input((28, 28), dtype="uint8")
    outputs = keras.layers.Lambda(lambda x: x)(inputs)
    path = tmp_path / "lambda.keras"
    keras.Model(inputs, outputs).save(path)
    _replace(small, "model.keras", path.read_bytes())
    with pytest.raises(ModelError, match="'Lambda'"):
        load_trained("small")


@pytest.mark.parametrize(
    "config", [b"\xff", b"[" * 100_000, b'{"class_name": {"a": 1}}', b'[{"class_name": "os"}]']
)
def test_a_hostile_configuration_is_refused(config, small):
    _replace(small, "model.keras", _zip({**_members(small), "config.json": config}))
    with pytest.raises(ModelError, match="config"):
        load_trained("small")


@pytest.mark.parametrize("name", ["../outside.txt", "/absolute.txt", "assets/x.py", "pickle.pkl"])
def test_a_member_that_does_not_belong_is_refused_and_not_unpacked(name, small):
    _replace(small, "model.keras", _zip({**_members(small), name: b"x"}))
    with pytest.raises(ModelError, match="does not hold what"):
        load_trained("small")
    assert not (small.parent / "outside.txt").exists()


def test_a_bomb_is_not_unpacked(small):
    members = {**_members(small), "model.weights.h5": bytes(2**28)}
    members["metadata.json"] += b" " * 2**16  # so that the file does not look too small
    content = _zip(members, zipfile.ZIP_DEFLATED)
    assert len(content) < 2**20
    _replace(small, "model.keras", content)
    with pytest.raises(ModelError, match="larger than this network can need"):
        load_trained("small")


def test_other_formats_under_the_name_are_refused(small):
    import pickle

    weights = _members(small)["model.weights.h5"]
    for content, reason in [
        (weights, "HDF5 file with another name"),
        (pickle.dumps([0.5] * 10_000), "not a .keras file"),
        ((small / "model.keras").read_bytes()[:-500], "not a .keras file"),
        (b"", "too small"),
    ]:
        _replace(small, "model.keras", content)
        with pytest.raises(ModelError, match=reason):
            load_trained("small")


def test_a_model_file_far_too_large_is_not_read(small):
    with (small / "model.keras").open("r+b") as stream:
        stream.truncate(2**33)  # a sparse file of 8 GiB
    with pytest.raises(ModelError, match="larger than this network can need"):
        load_trained("small")


def test_groups_linked_into_a_maze_are_not_walked(small):
    def maze(file):
        group = file
        for _ in range(60):  # each level is linked twice from the level above: 2⁶⁰ ways down
            below = group.create_group("a")
            group["b"] = below
            group = below

    _with_weights(small, maze)
    with pytest.raises(ModelError, match="'/a' is none of theirs"):
        load_trained("small")


def _says(small, parameters):
    record = json.loads((small / "run.json").read_text())
    (small / "run.json").write_text(json.dumps(record | {"parameters": parameters}))


def test_a_text_of_a_huge_network_is_refused_before_it_is_built(small):
    _says(small, 31_000_050)
    _replace(small, "spec.txt", TEXT.replace("Dense,10", "Dense,200000,relu\nDense,10").encode())
    with pytest.raises(ModelError, match="too small to hold the weights"):
        load_trained("small")


def test_nine_outputs_are_refused(small):
    _replace(small, "spec.txt", TEXT.replace("Dense,10", "Dense,9").encode())
    with pytest.raises(ModelError, match="refused"):
        load_trained("small")


def test_a_text_of_another_network_is_refused(small):
    _says(small, 1_860)
    _replace(small, "spec.txt", TEXT.replace("Conv,4", "Conv,5").encode())
    with pytest.raises(ModelError, match="not those of the model text"):
        load_trained("small")
