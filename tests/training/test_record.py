"""What a finished run leaves, and that nothing hostile or damaged in it is believed (faults 21 and 26)."""

import hashlib
import io
import json
import os
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from MNIST.errors import ModelError
from MNIST.spec import parse_spec
from MNIST.training import EpochResult, Run, is_finished, load_trained, other_run_there, save_trained
from MNIST.training.record import figures, history_csv

TEXT = """# a small one
Layers:
Conv,4,3,3,relu
MaxPool,4,4
Flatten
Dropout,0.5
Dense,10,softmax
Optimizer:
0.01,1e-2
1
100
"""


@pytest.fixture(scope="module")
def trained(digits, settings, tmp_path_factory):
    """A folder in which `small` was trained."""
    folder = tmp_path_factory.mktemp("trained")
    here = Path.cwd()
    os.chdir(folder)
    try:
        run = Run(
            parse_spec(TEXT), digits, settings, epochs=1, checkpoint=Path("Model_Output/small/checkpoint")
        )
        run.train()
        save_trained("small", run, TEXT, "digits", ["train", "a", "b"])
    finally:
        os.chdir(here)
    return folder, run


@pytest.fixture
def small(trained, tmp_path, monkeypatch) -> Path:
    """A copy of the trained network's folder, to be tampered with, in the current directory."""
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Path("Model_Output/small")


def test_all_that_a_run_leaves_is_there_and_reads_back_equal(trained, small, digits):
    run = trained[1]
    assert sorted(path.name for path in small.iterdir()) == [
        "history.csv",
        "model.keras",
        "run.json",
        "spec.txt",
    ]
    assert (small / "spec.txt").read_text() == TEXT
    lines = Path("Model_Output/small.txt").read_text().splitlines()
    assert [line.split("\t")[0] for line in lines] == [
        "Training Loss",
        "Training Accuracy",
        "Validation Loss",
        "Validation Accuracy",
    ]
    assert float(lines[2].split("\t")[1]) == run.history[0].val_loss
    header, row = (small / "history.csv").read_text().splitlines()
    assert header == "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,seconds"
    assert EpochResult(1, *map(float, row.split(",")[1:])) == run.history[0]
    model = load_trained("small")
    assert model.record.settings == run.settings
    assert np.array_equal(model.engine.logits(digits.images), run.engine.logits(digits.images))
    assert is_finished("small", run.identity, run.spec)
    assert not is_finished("small", run.identity, replace(run.spec, epochs=2))
    assert not is_finished("small", "another identity", run.spec)
    assert not is_finished("other", run.identity, run.spec)


def test_what_is_finished_is_asked_of_known_files_only(trained, small):
    record = json.loads((small / "run.json").read_text())
    record["files"]["/dev/zero"] = "0" * 64
    (small / "run.json").write_text(json.dumps(record))
    assert not is_finished("small", trained[1].identity, trained[1].spec)


def test_it_is_said_what_another_run_did(trained, small):
    run = trained[1]
    assert other_run_there("small", run) == ""
    assert other_run_there("none", run) == ""
    record = json.loads((small / "run.json").read_text())
    record["epochs"] = 3
    (small / "run.json").write_text(json.dumps(record))
    assert other_run_there("small", run) == "a run of 3 epochs, 1 wanted"
    record["identity"], record["settings"]["seed"] = "x", 7
    (small / "run.json").write_text(json.dumps(record))
    assert other_run_there("small", run) == "another run (seed 7, now 0)"


def test_what_a_killed_writer_left_is_cleared_away(trained, small):
    (small / ".model.keras.abc.tmp").write_bytes(b"half")
    save_trained("small", trained[1], TEXT, "digits", [])
    assert not list(small.glob(".*.tmp"))


def test_figures_are_written_in_full():
    result = EpochResult(1, 0.1 + 0.2, 0.5, float("nan"), float("nan"), 0.1, 1.0)
    assert figures(result).splitlines() == [
        "Training Loss\t0.30000000000000004",
        "Training Accuracy\t0.5",
        "Validation Loss\tnan",
        "Validation Accuracy\tnan",
    ]
    assert history_csv([result]).splitlines()[1] == "1,0.30000000000000004,0.5,nan,nan,0.1,1.0"


def test_a_network_that_is_not_there_names_those_that_are(small):
    with pytest.raises(ModelError, match="did you mean 'small'"):
        load_trained("smal")
    (small.parent / "half" / "checkpoint").mkdir(parents=True)
    with pytest.raises(ModelError, match="not trained to its end"):
        load_trained("half")


@pytest.mark.parametrize("file", ["model.keras", "spec.txt"])
def test_a_file_unlike_its_digest_is_refused(file, small):
    content = (small / file).read_bytes()
    for tampered in (content[:-10], content + b"\n", b"", None):
        (small / file).write_bytes(tampered) if tampered is not None else (small / file).unlink()
        with pytest.raises(ModelError, match=file):
            load_trained("small")


@pytest.mark.parametrize(
    "record",
    [b"", b"{}", b"[1]", b"null", b"\xff", b"[" * 100_000, b'{"settings": 3}', b'{"settings": {}}', b"NaN"],
)
def test_a_record_that_is_none_is_refused(record, small):
    (small / "run.json").write_bytes(record)
    with pytest.raises(ModelError, match=r"run\.json.*train small again"):
        load_trained("small")


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"files": "x"},
        {"pixel_mean": "0.1"},
        {"settings": {"threads": 10**9}},
        {"settings": {"threads": 0}},
        {"settings": {"engine": "pickle (1.0)"}},
        {"settings": {"precision": "float8"}},
    ],
)
def test_a_record_with_other_values_is_refused(changes, small):
    record = json.loads((small / "run.json").read_text())
    settings = {**record["settings"], **changes.get("settings", {})}
    (small / "run.json").write_text(json.dumps({**record, **changes, "settings": settings}))
    with pytest.raises(ModelError):
        load_trained("small")


# From here on the attacker has also written run.json: digests match, so the contents must speak.


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
    file.create_dataset(name, (3 * 2**28,), "f4", chunks=(2**20,), compression="gzip")


def _more(file):
    file["extra"] = np.zeros(3, np.float32)


def _other_type(file):
    name = _first_dataset(file)
    values = file[name][...].astype(np.float64)
    del file[name]
    file[name] = values


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
    members["metadata.json"] += b" " * 2**16  # so that it is not too small at first sight
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
        for _ in range(60):  # each level twice below the one before: 2⁶⁰ ways down
            below = group.create_group("a")
            group["b"] = below
            group = below

    _with_weights(small, maze)
    with pytest.raises(ModelError, match="'/a' is none of theirs"):
        load_trained("small")


def test_a_text_of_a_huge_network_is_refused_before_it_is_built(small):
    _replace(small, "spec.txt", TEXT.replace("Dense,10", "Dense,200000,relu\nDense,10").encode())
    with pytest.raises(ModelError, match="too small to hold the weights"):
        load_trained("small")


def test_nine_outputs_are_refused(small):
    _replace(small, "spec.txt", TEXT.replace("Dense,10", "Dense,9").encode())
    with pytest.raises(ModelError, match="refused"):
        load_trained("small")


def test_a_text_of_another_network_is_refused(small):
    _replace(small, "spec.txt", TEXT.replace("Conv,4", "Conv,5").encode())
    with pytest.raises(ModelError, match="not those of the model text"):
        load_trained("small")


@pytest.mark.parametrize("number", range(5))
def test_a_disk_that_fails_at_any_write_leaves_what_was_there(number, trained, small, monkeypatch):
    """Each of the five files in turn; the network that was there stays whole, or is refused."""
    before = {path: path.read_bytes() for path in Path("Model_Output").rglob("*") if path.is_file()}
    writes = []
    real = os.replace

    def failing(*arguments):
        writes.append(arguments)
        if len(writes) > number:
            raise OSError(28, "No space left on device")
        real(*arguments)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="No space left"):
        save_trained("small", trained[1], TEXT + "# changed\n", "digits", [])
    after = {path for path in Path("Model_Output").rglob("*") if path.is_file()}
    assert after == before.keys()
    if number == 0:
        assert all(path.read_bytes() == content for path, content in before.items())
    monkeypatch.setattr(os, "replace", real)
    if 0 < number < 4:
        with pytest.raises(ModelError, match=r"spec\.txt"):
            load_trained("small")
    else:
        load_trained("small")
