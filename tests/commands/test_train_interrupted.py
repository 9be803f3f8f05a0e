"""What it costs when `train` is killed, interrupted, out of disk, or started twice (faults 16 to 21)."""

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from examples import slowly
from train_command import (
    MODEL,
    NUMPY,
    STOPS,
    WIDE,
    epochs_done,
    finish,
    history,
    model_of,
    start,
    start_and_finish,
    wait_for_epoch,
    weights,
)


def test_checkpoints_that_a_kill_has_left_behind_go_when_their_run_is_known_to_be_over(
    digits_folder, train, tmp_path, monkeypatch
):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=2))
    words = digits_folder, "net", "net.txt", *NUMPY
    checkpoints = tmp_path / "Model_Output" / "net" / "checkpoint"
    with monkeypatch.context() as patch:
        patch.setattr("MNIST.training.record.remove_checkpoints", lambda _: None)
        assert train(*words)[0] == 0
        assert [path.name for path in checkpoints.iterdir()] == ["epoch_00001.npz", "epoch_00002.npz"]
        shutil.copytree(checkpoints, tmp_path / "kept")
        assert train(*words, "--seed", 1)[0] == 0
    shutil.rmtree(checkpoints)
    shutil.copytree(tmp_path / "kept", checkpoints)
    assert "trained already" in train(*words, "--seed", 1)[1]
    assert len(list(checkpoints.iterdir())) == 2  # another run may go on from them
    assert train(*words, "--fresh")[0] == 0
    shutil.copytree(tmp_path / "kept", checkpoints)
    assert "trained already" in train(*words)[1]
    assert not checkpoints.exists()


@pytest.mark.slow
def test_ended_after_its_best_epoch_it_still_keeps_that(digits_folder, train, tmp_path, monkeypatch):
    """As a kill at that moment, an obstacle leaves only the checkpoints of the first run."""
    (tmp_path / "net.txt").write_text(STOPS.replace("=4", "=10").format(epochs=400))
    words = "net.txt", *NUMPY
    assert train(digits_folder, "whole", *words)[0] == 0
    record = json.loads((tmp_path / "Model_Output/whole/run.json").read_text())
    assert record["stopped"]
    obstacle = obstruct(tmp_path, "ended")
    done = record["kept_epoch"] + 2
    assert train(digits_folder, "ended", *words, "--epochs", done)[0] == 1
    obstacle.unlink()
    code, output, errors = train(digits_folder, "ended", *words)
    assert (code, errors) == (0, "")
    assert f"Going on after epoch {done}." in output
    assert f"kept epoch {record['kept_epoch']}." in output
    assert history(tmp_path, "ended") == history(tmp_path, "whole")
    ours, theirs = weights(tmp_path, "ended", monkeypatch), weights(tmp_path, "whole", monkeypatch)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    assert Path("Model_Output/ended.txt").read_bytes() == Path("Model_Output/whole.txt").read_bytes()


def obstruct(folder: Path, name: str) -> Path:
    """A file in the place where a network's files are written first, so that they cannot be."""
    path = folder / "Model_Output" / name / ".incoming"
    path.parent.mkdir(parents=True)
    path.write_text("")
    return path


@pytest.mark.slow
def test_killed_between_its_end_and_its_files_it_only_writes_them(digits_folder, train, tmp_path):
    """Then only the checkpoints are left; here they are those of a run that could not write its files."""
    (tmp_path / "net.txt").write_text(STOPS.format(epochs=40))
    words = digits_folder, "net", "net.txt", *NUMPY
    obstacle = obstruct(tmp_path, "net")
    code, output, _ = train(*words)
    assert code == 1
    epochs = epochs_done(tmp_path)
    assert f"{epochs}/40" in output
    obstacle.unlink()
    code, output, errors = train(*words)
    assert (code, errors) == (0, "")
    assert f"Stopped after epoch {epochs}" in output
    assert f"{epochs}/40" not in output
    assert len(history(tmp_path, "net")) == epochs


@pytest.mark.parametrize(
    "any_engine",
    ["numpy", *slowly(("keras", "modules", "sonn"))],
    indirect=True,
)
def test_killed_at_random_moments_it_ends_with_the_same_bits(
    any_engine, digits_folder, train, tmp_path, monkeypatch
):
    """Keras, NumPy and sonn are killed twice, once while they train. The others share the code of these."""
    kills = {"keras": 2, "numpy": 2, "sonn": 2}.get(any_engine, 1)
    seconds = 4 if any_engine == "keras" else 2  # a start takes about so many
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for folder in (killed, whole):
        folder.mkdir()
        (folder / "net.txt").write_text(model_of(any_engine).format(epochs=100_000))  # never reached
    words = digits_folder, "net", "net.txt", "--engine", any_engine, "--images", 300
    moments = random.Random(0)
    for kill in range(kills):
        with start(*words, cwd=killed) as process:
            if kill % 2 == 0:  # kill half of them while they train, the others at any time after their start
                wait_for_epoch(process, int(moments.uniform(1, 4)) + epochs_done(killed))
                time.sleep(moments.uniform(0, 0.2))
            else:
                time.sleep(moments.uniform(0, seconds))
    assert not (killed / "Model_Output" / "net.txt").exists()
    last = "--epochs", epochs_done(killed) + 2
    code, output, _ = start_and_finish(*words, *last, cwd=killed)
    assert code == 0
    assert "Going on after epoch" in output
    monkeypatch.chdir(whole)
    code, output, errors = train(*words, *last)
    assert (code, errors) == (0, "")
    assert f"\n{any_engine} (" in output
    assert history(killed, "net") == history(whole, "net")
    ours, theirs = weights(killed, "net", monkeypatch), weights(whole, "net", monkeypatch)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    assert not list((killed / "Model_Output").rglob("*.tmp"))


@pytest.mark.slow
def test_a_network_goes_on_from_another_also_when_it_is_killed(digits_folder, train, tmp_path, monkeypatch):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=1))
    words = "net.txt", *NUMPY
    assert train(digits_folder, "first", *words)[0] == 0
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=100_000))
    words = *words, "--from", "first"
    with start(digits_folder, "net", *words, cwd=tmp_path) as killed:
        wait_for_epoch(killed, 2)
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=epochs_done(tmp_path) + 2))
    code, output, _ = train(digits_folder, "net", *words)
    assert code == 0
    assert "Going on after epoch" in output
    code, output, errors = train(digits_folder, "whole", *words)
    assert (code, errors) == (0, "")
    assert "43,738 parameters, which begin as those of first" in output
    assert history(tmp_path, "net") == history(tmp_path, "whole")
    ours, theirs = weights(tmp_path, "net", monkeypatch), weights(tmp_path, "whole", monkeypatch)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    record = json.loads((tmp_path / "Model_Output/whole/run.json").read_text())
    assert len(record["settings"]["start"]) == 64
    assert record["command"][-2:] == ["--from", "first"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(
    ("number", "engine"),
    [
        (signal.SIGINT, "numpy"),
        pytest.param(signal.SIGTERM, "numpy", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "keras", marks=pytest.mark.slow),
    ],
)
def test_an_interrupt_keeps_the_checkpoint_and_the_same_command_goes_on(
    number, engine, digits_folder, train, tmp_path
):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=100_000))
    words = digits_folder, "net", "net.txt", "--engine", engine, "--images", 300
    with start(*words, cwd=tmp_path) as process:
        wait_for_epoch(process, 2)
        process.send_signal(number)
        code, _, errors = finish(process)
    assert code == 130
    assert "The same command goes on" in errors
    assert "Traceback" not in errors
    done = epochs_done(tmp_path)
    assert done >= 2
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=done + 1))
    code, output, errors = train(*words)
    assert (code, errors) == (0, "")
    assert f"Going on after epoch {done}." in output
    assert len(history(tmp_path, "net")) == done + 1


def test_a_name_that_is_being_trained_is_refused(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=100_000))
    with start(digits_folder, "net", "net.txt", *NUMPY, cwd=tmp_path) as first:
        wait_for_epoch(first, 1)
        code, _, errors = train(digits_folder, "net", "net.txt", *NUMPY)
    assert code == 1
    assert "being trained by another process" in errors


@pytest.mark.slow
def test_other_settings_start_afresh_and_say_so(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=100_000))
    with start(digits_folder, "net", "net.txt", *NUMPY, cwd=tmp_path) as killed:
        wait_for_epoch(killed, 1)
    code, output, errors = train(digits_folder, "net", "net.txt", *NUMPY, "--seed", 1, "--epochs", 1)
    assert code == 0
    assert "starting afresh: the checkpoint there is of another run (seed 0, now 1)" in errors
    assert "Going on" not in output


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_second_interrupt_ends_it_at_once(digits_folder, tmp_path):
    """A step of this network takes a minute in native code, where Python hears no signal."""
    slow = WIDE.format(filters=64).replace("GlobalAvgPool", "Conv,1024,5,5,relu\n" * 2 + "GlobalAvgPool")
    (tmp_path / "net.txt").write_text(slow)
    with start(digits_folder, "net", "net.txt", "--batch", 500, cwd=tmp_path) as process:
        for line in process.stdout:
            if line.strip().startswith("epoch"):
                break
        before = processor_seconds(process.pid)
        while processor_seconds(process.pid) < before + 6:  # until it is in the middle of the first step
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)  # the system might merge a second SIGINT with the first
        begun = time.monotonic()
        code, _, errors = finish(process)
    assert code in (130, -signal.SIGTERM)  # a shell calls both an interrupt
    assert time.monotonic() - begun < 20  # after one interrupt alone, the step would run to its end
    assert "Traceback" not in errors


def processor_seconds(process: int) -> float:
    """The processor time of a process in seconds, on all cores together."""
    of_user = int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[11])
    return of_user / os.sysconf("SC_CLK_TCK")


def test_a_full_disk_is_one_line_and_the_old_checkpoint_stays(digits_folder, train, tmp_path):
    """A limit on the size of a file replaces the full disk: writes beyond it fail in the same way."""
    resource = pytest.importorskip("resource")  # Windows lacks it
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=2))
    words = digits_folder, "net", "net.txt", *NUMPY
    obstacle = obstruct(tmp_path, "net")
    assert train(*words, "--epochs", 1)[0] == 1
    obstacle.unlink()
    checkpoint = tmp_path / "Model_Output/net/checkpoint/epoch_00001.npz"
    before, files = checkpoint.read_bytes(), sorted((tmp_path / "Model_Output").rglob("*"))
    limit = 200_000  # bytes
    assert len(before) > 2 * limit
    code, _, errors = start_and_finish(
        *words, cwd=tmp_path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    assert code == 1
    assert "File too large" in errors
    assert len(errors.splitlines()) == 1
    assert checkpoint.read_bytes() == before
    assert sorted((tmp_path / "Model_Output").rglob("*")) == files  # none is new, not even a temporary one
    code, output, errors = train(*words)
    assert (code, errors) == (0, "")
    assert "Going on after epoch 1." in output
