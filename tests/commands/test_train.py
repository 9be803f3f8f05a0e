"""`train` as a user types it: what it prints and writes, and what interruptions cost (faults 16 to 21).

What does not depend on the engine is tested with NumPy's, which starts in a second; Keras takes several.
"""

import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from examples import slowly

from MNIST import cli
from MNIST.engines import ENGINES
from MNIST.training import load_trained

ROOT = Path(__file__).parents[2]
MODEL = """
Layers:
Conv,8,3,3,linear
BatchNorm
Activation,relu
MaxPool,2,2
Dropout,0.25
Flatten
Dense,32,relu
Dropout,0.25
Dense,10,softmax
Optimizer:
0.002,1e-3
{epochs}
50
"""


COLUMNS = """
Input:
Threshold,1,128
Layers:
Columns,50,10
Optimizer:
ParallelDelta,0.05
{epochs}
50
"""
STOPS = f"{MODEL}Stop:\npatience=4\n".replace("0.002", "0.03")  # a high rate, so it soon stops improving
NUMPY = "--engine", "numpy", "--images", "300", "--threads", "1"
WIDE = "Layers:\nConv,{filters},3,3,relu\nGlobalAvgPool\nDense,10,softmax\nOptimizer:\n0.001,0\n1\n1000\n"


def start(*words: object, cwd: Path, **options) -> subprocess.Popen:
    """Start `python MNIST train …` in a folder, with pipes."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "MNIST"), "train", *map(str, words)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture
def train(tmp_path, monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """A function that does in this process what `start` and `finish` do in one of their own."""
    monkeypatch.chdir(tmp_path)

    def command(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(["train", *map(str, words)])
        return code, *capsys.readouterr()

    return command


def model_of(engine: str) -> str:
    """A model file that an engine can train, with the number of epochs left open."""
    return COLUMNS if engine == "sonn" else MODEL


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=600)
    return process.returncode, output, errors


def wait_for_epoch(process: subprocess.Popen, epoch: int) -> None:
    """Read the output up to the line of this epoch."""
    for line in process.stdout:
        if line.strip().startswith(f"{epoch}/"):
            return
    pytest.fail(f"ended before epoch {epoch}: {process.stderr.read()}")


def history(folder: Path, name: str) -> list[list[str]]:
    """The history's rows without the columns that differ from run to run: seconds and peak memory."""
    rows = list(csv.DictReader((folder / "Model_Output" / name / "history.csv").open()))
    return [[value for key, value in row.items() if key not in ("seconds", "peak_memory")] for row in rows]


def weights(folder: Path, name: str, monkeypatch) -> dict[str, np.ndarray]:
    monkeypatch.chdir(folder)
    return load_trained(name, threads=os.cpu_count()).engine.get_weights()


def test_it_says_what_it_does_and_leaves_what_it_says(digits_folder, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=2))
    code, output, errors = finish(start(digits_folder, "first", "net.txt", *NUMPY, cwd=tmp_path))
    assert (code, errors) == (0, "")
    assert "first: net, 43,738 parameters" in output
    assert "\nnumpy (" in output
    assert "digits: 270 images to train on, 30 to validate" in output
    assert [line.split()[0] for line in output.splitlines() if "/2 " in line] == ["1/2", "2/2"]
    assert "\x1b" not in output  # no escape codes if the output is not a terminal
    left = sorted(path.name for path in (tmp_path / "Model_Output" / "first").iterdir())
    assert left == ["curves.png", "history.csv", "run.json", "spec.txt", "weights.npz"]
    assert (tmp_path / "Model_Output" / "first.txt").is_file()
    assert (tmp_path / "Model_Output" / "first" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "Model_Output/first/run.json").read_text())["settings"]["start"] == ""


def test_what_is_trained_is_not_trained_again_unless_it_is_to_be(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=2))
    words = digits_folder, "first", "net.txt", *NUMPY
    assert train(*words)[0] == 0
    code, output, errors = train(*words)
    assert (code, errors) == (0, "")
    assert "trained already" in output
    code, output, errors = train(*words, "--fresh")
    assert (code, errors) == (0, "")
    assert [line.split()[0] for line in output.splitlines() if "/2 " in line] == ["1/2", "2/2"]

    assert train(*words, "--epochs", 1, "--batch", 100)[0] == 0
    assert len(history(tmp_path, "first")) == 1


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


def shown_on_a_terminal(*words: object, cwd: Path) -> str:
    """All that `python MNIST train …` writes to a terminal; checks that it ends with exit code 0."""
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "MNIST"), "train", *map(str, words)],
        cwd=cwd,
        stdout=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:  # the process has closed its end
            break
    assert process.wait() == 0
    return shown.decode()


def test_on_a_terminal_there_is_a_bar(digits_folder, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=2))
    text = shown_on_a_terminal(digits_folder, "first", "net.txt", *NUMPY, cwd=tmp_path)
    for expected in ("━", "images/s", "left", "epoch 2/2", "loss"):
        assert expected in text


def test_it_stops_by_its_validation_and_says_what_it_kept(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(STOPS.format(epochs=40))
    words = digits_folder, "net", "net.txt", *NUMPY
    shown = shown_on_a_terminal(*words, cwd=tmp_path)
    record = json.loads((tmp_path / "Model_Output/net/run.json").read_text())
    epochs, kept = record["epochs"], record["kept_epoch"]
    assert (epochs, record["stopped"]) == (kept + 4, True)
    said = f"Stopped after epoch {epochs}: no better validation loss for 4 epochs; kept epoch {kept}."
    bar, after = shown.split(said)
    assert bar.rindex("\x1b[2K") > bar.rindex("━")  # the bar is wiped away
    rows = list(csv.DictReader((tmp_path / "Model_Output/net/history.csv").open()))
    assert len(rows) == epochs
    assert f"{float(rows[kept - 1]['val_accuracy']):.2%} of the validation images right" in after
    figures = dict(line.split("\t") for line in (tmp_path / "Model_Output/net.txt").read_text().splitlines())
    assert (
        figures["Validation Loss"]
        == rows[kept - 1]["val_loss"]
        == min((row["val_loss"] for row in rows), key=float)
    )
    for more in ([], ["--epochs", 60]):
        code, output, errors = train(*words, *more)
        assert (code, errors) == (0, "")
        assert "trained already" in output
        assert f"Stop: ended it after epoch {epochs}" in output
    code, output, _ = train(*words, "--epochs", kept + 1)
    assert code == 0
    assert f"holds a run of {epochs} epochs, {kept + 1} wanted" in output
    assert f"Kept epoch {kept} of {kept + 1}: it has the best validation loss.\n" in output
    assert json.loads((tmp_path / "Model_Output/net/run.json").read_text())["stopped"] is False


@pytest.mark.slow
def test_killed_after_its_best_epoch_it_still_keeps_that(digits_folder, train, tmp_path, monkeypatch):
    (tmp_path / "net.txt").write_text(STOPS.replace("=4", "=10").format(epochs=400))
    words = "net.txt", *NUMPY
    assert train(digits_folder, "whole", *words)[0] == 0
    record = json.loads((tmp_path / "Model_Output/whole/run.json").read_text())
    assert record["stopped"]
    process = start(digits_folder, "killed", *words, cwd=tmp_path)
    wait_for_epoch(process, record["kept_epoch"] + 1)
    process.kill()
    finish(process)
    code, output, errors = train(digits_folder, "killed", *words)
    assert (code, errors) == (0, "")
    going_on = re.search(r"Going on after epoch (\d+)\.", output)
    assert going_on is not None
    assert record["kept_epoch"] < int(going_on[1]) < record["epochs"]
    assert f"kept epoch {record['kept_epoch']}." in output
    assert history(tmp_path, "killed") == history(tmp_path, "whole")
    ours, theirs = weights(tmp_path, "killed", monkeypatch), weights(tmp_path, "whole", monkeypatch)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    assert Path("Model_Output/killed.txt").read_bytes() == Path("Model_Output/whole.txt").read_bytes()


@pytest.mark.slow
def test_killed_between_its_end_and_its_files_it_only_writes_them(digits_folder, tmp_path):
    """Then only the checkpoints are left; here they are those of a run that could not write its files."""
    (tmp_path / "net.txt").write_text(STOPS.format(epochs=40))
    words = digits_folder, "net", "net.txt", *NUMPY
    obstacle = tmp_path / "Model_Output" / "net" / ".incoming"  # where the files are written first
    obstacle.parent.mkdir(parents=True)
    obstacle.write_text("")
    code, output, _ = finish(start(*words, cwd=tmp_path))
    assert code == 1
    epochs = _epochs_done(tmp_path)
    assert f"{epochs}/40" in output
    obstacle.unlink()
    code, output, errors = finish(start(*words, cwd=tmp_path))
    assert (code, errors) == (0, "")
    assert f"Stopped after epoch {epochs}" in output
    assert f"{epochs}/40" not in output
    assert len(history(tmp_path, "net")) == epochs


@pytest.mark.parametrize(
    "any_engine",
    ["numpy", *slowly(name for name in ENGINES if name != "numpy")],
    indirect=True,
)
def test_killed_at_random_moments_it_ends_with_the_same_bits(
    any_engine, digits_folder, tmp_path, monkeypatch
):
    """Keras is killed most often, since most of its code is not ours; engines on PyTorch share their code."""
    kills = {"keras": 4, "numpy": 2, "sonn": 2}.get(any_engine, 1)
    seconds = 4 if any_engine == "keras" else 2  # a start takes about so many
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for folder in (killed, whole):
        folder.mkdir()
        (folder / "net.txt").write_text(model_of(any_engine).format(epochs=100_000))  # never reached
    words = digits_folder, "net", "net.txt", "--engine", any_engine, "--images", 300
    moments = random.Random(0)
    for kill in range(kills):
        process = start(*words, cwd=killed)
        if kill % 2 == 0:  # kill half of them while they train, the others at any time after their start
            wait_for_epoch(process, int(moments.uniform(1, 4)) + _epochs_done(killed))
            time.sleep(moments.uniform(0, 0.2))
        else:
            time.sleep(moments.uniform(0, seconds))
        process.kill()
        finish(process)
    assert not (killed / "Model_Output" / "net.txt").exists()
    last = "--epochs", _epochs_done(killed) + 2
    code, output, _ = finish(start(*words, *last, cwd=killed))
    assert code == 0
    assert "Going on after epoch" in output
    code, output, errors = finish(start(*words, *last, cwd=whole))
    assert (code, errors) == (0, "")
    assert f"\n{any_engine} (" in output
    assert history(killed, "net") == history(whole, "net")
    ours, theirs = weights(killed, "net", monkeypatch), weights(whole, "net", monkeypatch)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
    assert not list((killed / "Model_Output").rglob("*.tmp"))


def _epochs_done(folder: Path) -> int:
    checkpoints = (folder / "Model_Output" / "net" / "checkpoint").glob("epoch_*.npz")
    return max((int(path.stem.removeprefix("epoch_")) for path in checkpoints), default=0)


@pytest.mark.slow
def test_a_file_that_one_engine_alone_can_train_chooses_it(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(COLUMNS.format(epochs=1))
    code, _, errors = train(digits_folder, "net", "net.txt", "--engine", "keras")
    assert code == 2
    assert "--engine sonn" in errors
    assert [path.name for path in tmp_path.iterdir()] == ["net.txt"]
    code, output, errors = train(digits_folder, "net", "net.txt")
    assert (code, errors) == (0, "")
    assert "\nsonn (" in output
    (tmp_path / "net.txt").write_text(COLUMNS.format(epochs=2))
    code, output, errors = train(digits_folder, "more", "net.txt", "--from", "net")
    assert (code, errors) == (0, "")
    assert "which begin as those of net" in output


def test_without_keras_tensorflow_is_not_imported(digits_folder, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=1))
    environment = {**os.environ, "PYTHONPROFILEIMPORTTIME": "1"}
    words = digits_folder, "net", "net.txt", *NUMPY
    code, _, errors = finish(start(*words, cwd=tmp_path, env=environment))
    assert code == 0
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in errors.splitlines()}
    assert not imported & {"tensorflow", "keras", "torch", "jax"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--engine", "nunpy"], "--engine: expected one of keras, .*; did you mean 'numpy'"),
        (["--precision", "float46"], "--precision: expected one of auto, .*; did you mean 'float64'"),
        (["--engine", "numpy", "--precision", "bfloat16"], "the engine numpy cannot compute in bfloat16"),
        (["--engine", "sonn"], "the engine sonn trains Columns, .*: --engine keras"),
        (["--from", "new"], "--from new: a network cannot begin from itself"),
        (["--split", "1"], "Plateau goes by the validation images, and this split leaves none"),
        (["--from", "../x"], "model name '../x' is not usable"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(
    words, message, digits_folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("net.txt").write_text(MODEL.format(epochs=1) + "Schedule:\nPlateau\n")
    assert cli.main(["train", str(digits_folder), "new", "net.txt", *words]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["net.txt"]


@pytest.mark.slow
def test_a_network_goes_on_from_another_also_when_it_is_killed(digits_folder, train, tmp_path, monkeypatch):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=1))
    words = "net.txt", *NUMPY
    assert train(digits_folder, "first", *words)[0] == 0
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=100_000))
    words = *words, "--from", "first"
    process = start(digits_folder, "net", *words, cwd=tmp_path)
    wait_for_epoch(process, 2)
    process.kill()
    finish(process)
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=_epochs_done(tmp_path) + 2))
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


def test_a_network_of_other_layers_begins_nothing(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=1))
    assert train(digits_folder, "first", "net.txt", *NUMPY)[0] == 0
    (tmp_path / "wider.txt").write_text(MODEL.format(epochs=1).replace("Dense,32", "Dense,64"))
    code, _, errors = train(digits_folder, "new", "wider.txt", "--from", "first")
    assert code == 2
    assert errors.startswith("wider.txt, line 9: dense_7/kernel takes 1352×64 weights, and first has 1352×32")
    assert not (tmp_path / "Model_Output" / "new").exists()


@pytest.mark.parametrize(
    ("number", "engine"),
    [
        (signal.SIGINT, "numpy"),
        pytest.param(signal.SIGTERM, "numpy", marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, "keras", marks=pytest.mark.slow),
    ],
)
def test_an_interrupt_keeps_the_checkpoint_and_the_same_command_goes_on(
    number, engine, digits_folder, tmp_path
):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=100_000))
    words = digits_folder, "net", "net.txt", "--engine", engine, "--images", 300
    process = start(*words, cwd=tmp_path)
    wait_for_epoch(process, 2)
    process.send_signal(number)
    code, _, errors = finish(process)
    assert code == 130
    assert "The same command goes on" in errors
    assert "Traceback" not in errors
    done = _epochs_done(tmp_path)
    assert done >= 2
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=done + 1))
    code, output, errors = finish(start(*words, cwd=tmp_path))
    assert (code, errors) == (0, "")
    assert f"Going on after epoch {done}." in output
    assert len(history(tmp_path, "net")) == done + 1


def test_a_name_that_is_being_trained_is_refused(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=100_000))
    first = start(digits_folder, "net", "net.txt", *NUMPY, cwd=tmp_path)
    wait_for_epoch(first, 1)
    code, _, errors = train(digits_folder, "net", "net.txt", *NUMPY)
    assert code == 1
    assert "being trained by another process" in errors
    first.kill()
    finish(first)


@pytest.mark.slow
def test_other_settings_start_afresh_and_say_so(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=100_000))
    first = start(digits_folder, "net", "net.txt", *NUMPY, cwd=tmp_path)
    wait_for_epoch(first, 1)
    first.kill()
    finish(first)
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
    process = start(digits_folder, "net", "net.txt", "--batch", 500, cwd=tmp_path)
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


def test_a_trained_network_is_not_replaced_without_a_word(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=1))
    assert train(digits_folder, "net", "net.txt", *NUMPY)[0] == 0
    code, output, _ = train(digits_folder, "net", "net.txt", *NUMPY, "--seed", 5)
    assert code == 0
    assert "Model_Output/net holds another run (seed 0, now 5); this run will take its place." in output


def test_divergence_is_one_line(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=2).replace("0.002,1e-3", "SGD,1e30"))
    code, _, errors = train(digits_folder, "net", "net.txt", *NUMPY)
    assert code == 1
    assert errors.startswith("diverged at epoch 1:")
    assert "Traceback" not in errors
    assert not (tmp_path / "Model_Output" / "net.txt").exists()


def test_a_folder_that_cannot_be_written_is_one_line(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=1))
    (tmp_path / "Model_Output").write_text("a file where the folder should be")
    code, _, errors = train(digits_folder, "net", "net.txt", *NUMPY)
    assert code == 1
    assert "Model_Output" in errors
    assert len(errors.splitlines()) == 1


def test_a_full_disk_is_one_line_and_the_old_checkpoint_stays(digits_folder, tmp_path):
    """A limit on the size of a file replaces the full disk: writes beyond it fail in the same way."""
    resource = pytest.importorskip("resource")  # Windows lacks it
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=2))
    limit = 200_000  # bytes; a checkpoint has half a million
    process = start(
        digits_folder,
        "net",
        "net.txt",
        *NUMPY,
        cwd=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    code, _, errors = finish(process)
    assert code == 1
    assert "File too large" in errors
    assert len(errors.splitlines()) == 1
    assert not [
        path for path in (tmp_path / "Model_Output").rglob("*") if path.name != ".lock" and path.is_file()
    ]


def test_a_step_that_cannot_fit_is_refused_before_it_begins(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(WIDE.format(filters=100_000))
    code, output, errors = train(digits_folder, "net", "net.txt", "--engine", "numpy")
    assert code == 1
    assert errors.startswith("out of memory: a step on 1,000 images needs at least")
    assert len(errors.splitlines()) == 1
    assert "epoch" not in output
