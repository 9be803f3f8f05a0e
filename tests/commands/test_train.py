"""`train` as a user types it: what it prints, what it writes, and what it refuses.

What does not depend on the engine is tested with NumPy's, which starts in a second; Keras takes several.
"""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from train_command import (
    COLUMNS,
    MODEL,
    NUMPY,
    ROOT,
    STOPS,
    WIDE,
    history,
    start_and_finish,
)

from MNIST import cli


def test_it_says_what_it_does_and_leaves_what_it_says(digits_folder, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=2))
    code, output, errors = start_and_finish(digits_folder, "first", "net.txt", *NUMPY, cwd=tmp_path)
    assert (code, errors) == (0, "")
    assert "first: net, 43,738 parameters" in output
    assert "\nnumpy (" in output
    assert "digits: 270 images to train on, 30 to validate" in output
    assert [line.split()[0] for line in output.splitlines() if "/2 " in line] == ["1/2", "2/2"]
    assert "\x1b" not in output  # no escape codes if the output is not a terminal
    left = sorted(path.name for path in (tmp_path / "Model_Output" / "first").iterdir())
    assert left == ["curves.png", "history.csv", "live.html", "run.json", "spec.txt", "weights.npz"]
    assert (tmp_path / "Model_Output" / "first.txt").is_file()
    assert (tmp_path / "Model_Output" / "first" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((tmp_path / "Model_Output/first/run.json").read_text())["settings"]["start"] == ""


def test_a_page_that_cannot_be_written_costs_one_warning(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=1))
    page = tmp_path / "Model_Output/first/live.html"
    page.mkdir(parents=True)
    code, _, errors = train(digits_folder, "first", "net.txt", *NUMPY, "--quiet")
    assert code == 0
    assert re.fullmatch(r".*live\.html cannot be written: .*; the training goes on without it\n", errors)
    assert len(history(tmp_path, "first")) == 1
    assert [path.name for path in page.parent.iterdir() if path.suffix == ".tmp"] == []


def test_an_interrupt_after_the_end_leaves_the_report(digits_folder, train, tmp_path, monkeypatch):
    """A finished training has no checkpoints any more, and is not lost."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    (tmp_path / "net.txt").write_text(MODEL.format(epochs=1))
    monkeypatch.setattr("MNIST.commands.train_tracking.finish", interrupted)
    assert train(digits_folder, "first", "net.txt", *NUMPY)[0] == 130
    assert "Finished." in (tmp_path / "Model_Output/first/live.html").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the names of files are text")
@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_a_folder_whose_name_is_no_text_is_a_folder(digits_folder, train, tmp_path, quiet):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=1))
    folder = tmp_path / os.fsdecode(b"Donn\xe9es")
    folder.symlink_to(digits_folder)
    code, _, errors = train(folder.name, "first", "net.txt", *NUMPY, *quiet)
    assert (code, errors) == (0, "")
    assert "Donn?es" in (tmp_path / "Model_Output/first/live.html").read_text()


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


def shown_on_a_terminal(*words: object, cwd: Path) -> str:
    """All that `python MNIST train …` writes to a terminal; checks that it ends with exit code 0."""
    pty = pytest.importorskip("pty")  # Windows has none
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
    code, output, errors = train(*words, "--epochs", kept + 1)
    assert code == 0
    assert f"holds a run of {epochs} epochs, {kept + 1} wanted" in errors
    assert f"Kept epoch {kept} of {kept + 1}: it has the best validation loss.\n" in output
    assert json.loads((tmp_path / "Model_Output/net/run.json").read_text())["stopped"] is False


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
    code, _, errors = start_and_finish(*words, cwd=tmp_path, env=environment)
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


def test_a_network_of_other_layers_begins_nothing(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=1))
    assert train(digits_folder, "first", "net.txt", *NUMPY)[0] == 0
    (tmp_path / "wider.txt").write_text(MODEL.format(epochs=1).replace("Dense,32", "Dense,64"))
    code, _, errors = train(digits_folder, "new", "wider.txt", "--from", "first")
    assert code == 2
    assert errors.startswith("wider.txt, line 9: dense_7/kernel takes 1352×64 weights, and first has 1352×32")
    assert not (tmp_path / "Model_Output" / "new").exists()


def test_a_trained_network_is_not_replaced_without_a_word(digits_folder, train, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(epochs=1))
    assert train(digits_folder, "net", "net.txt", *NUMPY)[0] == 0
    code, _, errors = train(digits_folder, "net", "net.txt", *NUMPY, "--seed", 5)
    assert code == 0
    assert errors == "Model_Output/net holds another run (seed 0, now 5); this run will take its place.\n"


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


def test_a_step_that_cannot_fit_is_refused_before_it_begins(digits_folder, train, tmp_path, monkeypatch):
    monkeypatch.setattr("MNIST.training.memory.available_memory", lambda: 2**34)  # as on a usual machine
    text = WIDE.format(filters=100_000).replace("Global", "BatchNorm\nGlobal")  # which needs the whole batch
    (tmp_path / "net.txt").write_text(text)
    code, output, errors = train(digits_folder, "net", "net.txt", "--engine", "numpy")
    assert code == 1
    assert errors.startswith("out of memory: a step on 1,000 images needs at least")
    assert len(errors.splitlines()) == 1
    assert "epoch" not in output
    assert not (tmp_path / "Model_Output" / "net").exists()
