"""Checkpoints: a crash or a damaged file never costs more than one epoch (faults 16 and 20)."""

import io
import os
import subprocess
import sys
import tracemalloc
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from examples import most, slowly
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from MNIST.training.checkpoint import (
    Checkpoint,
    EpochResult,
    read_checkpoints,
    remove_checkpoints,
    save_checkpoint,
)


def _checkpoint(epochs: int) -> Checkpoint:
    history = [
        EpochResult(e, 1 / e, 0.5, float("nan"), 0.1 + 0.2, 1e-3, 0.7, 0.01, 1.0, 2**30)
        for e in range(1, epochs + 1)
    ]
    state = {
        "conv_1/kernel": np.full((3, 3), epochs, np.float32),
        "optimizer/0": np.array(7 * epochs, np.int64),
        "empty": np.zeros((0, 2), np.float32),
    }
    return Checkpoint("identity", {"seed": 0}, history, state)


def _load(folder, warn=pytest.fail):
    return next(read_checkpoints(folder, warn), None)


def _epoch(folder):
    found = _load(folder)
    return len(found.history) if found else None


def test_what_is_saved_is_loaded_and_two_are_kept(tmp_path):
    for epochs in (1, 2, 3, 10):
        save_checkpoint(tmp_path, _checkpoint(epochs))
    found = _load(tmp_path)
    expected = _checkpoint(10)
    assert (found.identity, found.settings) == (expected.identity, expected.settings)
    assert repr(found.history) == repr(expected.history)  # repr, since nan is not equal to itself
    assert found.state.keys() == expected.state.keys()
    for name, array in expected.state.items():
        assert found.state[name].dtype == array.dtype
        assert np.array_equal(found.state[name], array)
    remove_checkpoints(tmp_path)
    assert not tmp_path.exists()


@pytest.mark.parametrize("epochs", [3, *slowly([100_000])])  # at 100,000 the names get longer
def test_the_newest_and_the_one_before_it_are_kept(epochs, tmp_path):
    for number in (epochs - 2, epochs - 1, epochs):
        save_checkpoint(tmp_path, replace(_checkpoint(1), history=_checkpoint(1).history * number))
    assert len(list(tmp_path.iterdir())) == 2
    assert _epoch(tmp_path) == epochs
    remove_checkpoints(tmp_path, keep_newest=True)
    assert len(list(tmp_path.iterdir())) == 1
    assert _epoch(tmp_path) == epochs


def test_a_new_run_takes_the_place_of_another_with_its_first_epoch(tmp_path):
    for epochs in (4, 5, 1):
        save_checkpoint(tmp_path, _checkpoint(epochs))
    assert [path.name for path in tmp_path.iterdir()] == ["epoch_00001.npz"]


@pytest.mark.slow
def test_every_flipped_bit_of_the_headers_is_damage_or_nothing(tmp_path):
    """ZIP has flags for encryption and for unknown kinds of compression; they must count as damage, too."""
    for epochs in (1, 2):
        save_checkpoint(tmp_path, _checkpoint(epochs))
    newest = tmp_path / "epoch_00002.npz"
    content = newest.read_bytes()
    directory = content.index(b"PK\x01\x02")
    for place in [*range(64), *range(directory, len(content))]:
        for bit in range(8):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            newest.write_bytes(flipped)
            assert len(_load(tmp_path, lambda _: None).history) in (1, 2)


def test_a_disk_that_cannot_be_read_is_no_damage(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, _checkpoint(1))

    def fail(path, most):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("MNIST.training.checkpoint.read_whole", fail)
    with pytest.raises(OSError, match="Too many"):
        _load(tmp_path)
    monkeypatch.undo()
    assert _epoch(tmp_path) == 1


@settings(most(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), how=st.sampled_from(["truncated", "flipped", "zeroed"]))
def test_a_damaged_newest_gives_way_to_the_one_before(data, how, tmp_path):
    remove_checkpoints(tmp_path)
    tmp_path.mkdir(exist_ok=True)
    for epochs in (1, 2):
        save_checkpoint(tmp_path, _checkpoint(epochs))
    newest = tmp_path / "epoch_00002.npz"
    content = bytearray(newest.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if how == "truncated":
        content = content[:place]
    elif how == "flipped":
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        content[place:] = bytes(len(content) - place)
    newest.write_bytes(content)
    warnings = []
    found = _load(tmp_path, warnings.append)
    epochs = len(found.history)
    assert np.array_equal(found.state["conv_1/kernel"], _checkpoint(epochs).state["conv_1/kernel"])
    assert epochs == 2 or (epochs == 1 and len(warnings) == 1)


def test_a_history_of_another_length_is_damage(tmp_path):
    for epochs in (1, 2):
        save_checkpoint(tmp_path, _checkpoint(epochs))
    (tmp_path / "epoch_00002.npz").rename(tmp_path / "epoch_00003.npz")
    warnings = []
    found = _load(tmp_path, warnings.append)
    assert (len(found.history), len(warnings)) == (1, 1)
    assert "its history has 2 epochs" in warnings[0]


def test_nothing_there_is_no_checkpoint(tmp_path):
    assert _load(tmp_path / "nowhere") is None
    (tmp_path / "epoch_00001.npz").write_bytes(b"")
    warnings = []
    assert _load(tmp_path, warnings.append) is None
    assert "damaged" in warnings[0]


def test_a_checkpoint_of_a_version_that_measured_less_is_left_aside(tmp_path, monkeypatch):
    def earlier(result):
        values = asdict(result)
        return {name: values[name] for name in values if name not in ("gradient_norm_mean", "peak_memory")}

    monkeypatch.setattr("MNIST.training.checkpoint.vars", earlier, raising=False)
    save_checkpoint(tmp_path, _checkpoint(1))
    monkeypatch.undo()
    warnings = []
    assert _load(tmp_path, warnings.append) is None
    (warning,) = warnings
    assert "epoch_00001.npz: another version of this program wrote this checkpoint" in warning
    save_checkpoint(tmp_path, _checkpoint(1))
    assert _epoch(tmp_path) == 1


def test_the_numbers_are_all_but_what_depends_on_the_moment():
    (result,) = _checkpoint(1).history
    nan = float("nan")  # not the same object as the result's nan
    assert replace(result, val_loss=nan, seconds=9.0, peak_memory=0).numbers == result.numbers
    for name in ("epoch", "loss", "val_loss", "gradient_norm_mean", "gradient_norm_variance"):
        assert replace(result, **{name: 9}).numbers != result.numbers, name


def test_a_checkpoint_is_never_unpickled(tmp_path):
    marker = tmp_path / "executed"

    class Hostile:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    np.savez(tmp_path / "epoch_00001.npz", **{"checkpoint.json": np.array([Hostile()], dtype=object)})
    warnings = []
    assert _load(tmp_path, warnings.append) is None
    assert warnings
    assert not marker.exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    "step", ["tempfile.mkstemp", "os.fsync", "os.chmod", "os.replace", "pathlib.Path.unlink"]
)
@pytest.mark.parametrize("when", ["before", *slowly(["after"])])
def test_killed_at_any_step_of_saving_the_old_or_the_new_one_loads(step, when, tmp_path):
    for epochs in (1, 2):
        save_checkpoint(tmp_path, _checkpoint(epochs))
    program = f"""
import os, pathlib, signal, sys, tempfile
sys.path[:0] = {sys.path!r}
from test_checkpoint import _checkpoint, save_checkpoint
owner = {step.rpartition(".")[0]}
real = owner.{step.rpartition(".")[2]}
def killed(*arguments, **named):
    if {when == "after"}:
        real(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)
owner.{step.rpartition(".")[2]} = killed
save_checkpoint(pathlib.Path({str(tmp_path)!r}), _checkpoint(3))
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == -9
    written = step.endswith("unlink") or (step.endswith("replace") and when == "after")
    assert _epoch(tmp_path) == (3 if written else 2)
    save_checkpoint(tmp_path, _checkpoint(3))  # the next save clears up
    assert _epoch(tmp_path) == 3


def _written(folder: Path, member: bytes, compression: int = zipfile.ZIP_STORED) -> None:
    """A file that calls itself a checkpoint, with one member of these bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "epoch_00001.npz", "w", compression) as archive:
        archive.writestr("a.npy", member)


def test_a_checkpoint_takes_no_more_memory_than_its_file(tmp_path):
    def header(shape):
        stream = io.BytesIO()
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
        return stream.getvalue()

    cases = {
        "compressed": (header((2**26,)) + bytes(2**28), zipfile.ZIP_DEFLATED),
        "another size than it says": (header((2**30,)) + bytes(4), zipfile.ZIP_STORED),
    }
    for reason, (member, compression) in cases.items():
        _written(tmp_path, member, compression)
        tracemalloc.start()
        warnings: list[str] = []
        assert list(read_checkpoints(tmp_path, warnings.append)) == []
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
        tracemalloc.stop()
        assert reason in warnings[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_pipe_in_the_place_of_a_checkpoint_is_damage(tmp_path):
    save_checkpoint(tmp_path, _checkpoint(1))
    os.mkfifo(tmp_path / "epoch_00002.npz")
    warnings: list[str] = []
    (found,) = read_checkpoints(tmp_path, warnings.append)
    assert len(found.history) == 1
    assert "epoch_00002.npz: this checkpoint is damaged" in warnings[0]
    assert "not a file" in warnings[0]


def test_files_of_other_names_are_none_of_ours(tmp_path):
    for name in ("epoch_00001 (1).npz", "epoch_1.npz", "epoch_x.npz", "epoch_00001.npz.bak"):
        (tmp_path / name).write_text("mine")
    before = set(tmp_path.iterdir())
    save_checkpoint(tmp_path, _checkpoint(3))
    assert _epoch(tmp_path) == 3
    remove_checkpoints(tmp_path)
    assert set(tmp_path.iterdir()) == before


def test_a_link_to_a_folder_of_others_is_not_followed(tmp_path):
    save_checkpoint(tmp_path / "theirs", _checkpoint(3))
    (tmp_path / "checkpoint").symlink_to(tmp_path / "theirs", target_is_directory=True)
    for act in (_epoch, remove_checkpoints, lambda folder: save_checkpoint(folder, _checkpoint(1))):
        with pytest.raises(OSError, match="a link to another place"):
            act(tmp_path / "checkpoint")
    assert _epoch(tmp_path / "theirs") == 3


def test_a_file_in_the_place_of_the_folder_is_found_before_there_is_something_to_save(tmp_path):
    (tmp_path / "checkpoint").touch()
    with pytest.raises(NotADirectoryError, match="expected a folder, found a file"):
        _epoch(tmp_path / "checkpoint")
