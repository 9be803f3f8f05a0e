"""Checkpoints: a crash or a damaged file never costs more than an epoch (faults 16 and 20)."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from MNIST.training.checkpoint import (
    Checkpoint,
    EpochResult,
    load_checkpoint,
    remove_checkpoints,
    save_checkpoint,
)


def _checkpoint(epochs: int) -> Checkpoint:
    history = [EpochResult(e, 1 / e, 0.5, float("nan"), 0.1 + 0.2, 1e-3, 1.0) for e in range(1, epochs + 1)]
    state = {
        "conv_1/kernel": np.full((3, 3), epochs, np.float32),
        "optimizer/0": np.array(7 * epochs, np.int64),
        "empty": np.zeros((0, 2), np.float32),
    }
    return Checkpoint("identity", {"seed": 0}, history, state)


def _epoch(folder, warnings):
    found = load_checkpoint(folder, warnings.append)
    return len(found.history) if found else None


def test_what_is_saved_is_loaded_and_two_are_kept(tmp_path):
    for epochs in (1, 2, 3, 10):
        save_checkpoint(tmp_path, _checkpoint(epochs))
    found = load_checkpoint(tmp_path, pytest.fail)
    expected = _checkpoint(10)
    assert (found.identity, found.settings) == (expected.identity, expected.settings)
    assert repr(found.history) == repr(expected.history)  # repr, for nan is not equal to itself
    assert found.state.keys() == expected.state.keys()
    for name, array in expected.state.items():
        assert found.state[name].dtype == array.dtype
        assert np.array_equal(found.state[name], array)
    assert len(list(tmp_path.iterdir())) == 2
    remove_checkpoints(tmp_path)
    assert not tmp_path.exists()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
    found = load_checkpoint(tmp_path, warnings.append)
    epochs = len(found.history)
    assert np.array_equal(found.state["conv_1/kernel"], _checkpoint(epochs).state["conv_1/kernel"])
    assert epochs == 2 or (epochs == 1 and len(warnings) == 1)


def test_nothing_there_is_no_checkpoint(tmp_path):
    assert load_checkpoint(tmp_path / "nowhere", pytest.fail) is None
    (tmp_path / "epoch_00001.npz").write_bytes(b"")
    warnings = []
    assert load_checkpoint(tmp_path, warnings.append) is None
    assert "damaged" in warnings[0]


def test_a_checkpoint_is_never_unpickled(tmp_path):
    marker = tmp_path / "executed"

    class Hostile:
        def __reduce__(self):
            return (open, (str(marker), "w"))

    np.savez(tmp_path / "epoch_00001.npz", **{"checkpoint.json": np.array([Hostile()], dtype=object)})
    warnings = []
    assert load_checkpoint(tmp_path, warnings.append) is None
    assert warnings
    assert not marker.exists()


@pytest.mark.parametrize(
    "step", ["tempfile.mkstemp", "os.fsync", "os.chmod", "os.replace", "pathlib.Path.unlink"]
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_step_of_saving_the_old_or_the_new_one_loads(step, when, tmp_path):
    for epochs in (1, 2):
        save_checkpoint(tmp_path, _checkpoint(epochs))
    program = f"""
import os, pathlib, signal, sys, tempfile
sys.path.insert(0, {str(Path(__file__).parent)!r})
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
    assert _epoch(tmp_path, []) == (3 if written else 2)
    save_checkpoint(tmp_path, _checkpoint(3))  # the next start clears up
    assert _epoch(tmp_path, []) == 3
