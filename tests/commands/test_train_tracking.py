"""`train --track` as a user types it: TensorBoard and W&B get the same numbers as history.csv."""

import csv
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from train_command import epochs_done, start, wait_for_epoch
from wandb_files import wandb_rows

pytest.importorskip("tensorboard", reason="needs TensorBoard: python -m pip install '.[tensorboard]'")

ROOT = Path(__file__).parents[2]
MODEL = "Layers:\nFlatten\nDense,200,relu\nDense,200,relu\nDense,10,softmax\nOptimizer:\nAdam,0.001\n{}\n5\n"


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Environment variables with which nobody is logged in to W&B, and W&B asks no question."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    return {**kept, "HOME": str(folder), "WANDB_MODE": "offline", **more}


def command(data: Path, *words: str) -> list[str]:
    return [sys.executable, str(ROOT / "MNIST"), "train", str(data), "net", "net.txt", *words]


def train(folder: Path, data: Path, *words: str, engine: str = "numpy", epochs: int = 2, **more: str):
    """Train `net` in a folder; fail if the command does; return the finished process."""
    (folder / "net.txt").write_text(MODEL.format(epochs))
    return subprocess.run(
        [*command(data, "--engine", engine, *words)],
        cwd=folder,
        env=environment(folder, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


def history(folder: Path) -> list[dict[str, float]]:
    """The rows of history.csv."""
    rows = csv.DictReader((folder / "Model_Output" / "net" / "history.csv").open())
    return [{name: float(value) for name, value in row.items()} for row in rows]


def curves(folder: Path) -> list[dict[str, float]]:
    """The same from TensorBoard's files: one row for each epoch."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "Model_Output" / "net" / "tensorboard"))
    events.Reload()
    points = {name: events.Scalars(name) for name in events.Tags()["scalars"]}
    epochs = [point.step for point in points["loss"]]
    assert all([point.step for point in curve] == epochs for curve in points.values())
    values = [{name: curve[place].value for name, curve in points.items()} for place in range(len(epochs))]
    return [{"epoch": epoch, **row} for epoch, row in zip(epochs, values, strict=True)]


def identity(folder: Path) -> str:
    return json.loads((folder / "Model_Output" / "net" / "run.json").read_text())["identity"]


def assert_same(tracked: list[dict[str, float]], rows: list[dict[str, float]], rel: float) -> None:
    assert [row["epoch"] for row in tracked] == [row["epoch"] for row in rows]
    for row, expected in zip(tracked, rows, strict=True):
        measured = {name: value for name, value in expected.items() if not math.isnan(value)}
        assert {name: row[name] for name in measured} == pytest.approx(measured, rel=rel)


@pytest.mark.slow
def test_a_killed_run_has_every_epoch_once_in_both_when_it_has_gone_on(digits_folder, tmp_path):
    pytest.importorskip("wandb", reason="needs W&B: python -m pip install '.[wandb]'")
    (tmp_path / "net.txt").write_text(MODEL.format(100_000))
    track = "--track", "tensorboard,wandb"
    words = digits_folder, "net", "net.txt", *track, "--engine", "numpy"
    with start(*words, cwd=tmp_path, env=environment(tmp_path)) as killed:
        wait_for_epoch(killed, 2)
    before = curves(tmp_path)
    assert before  # epochs are in the file before the run ends
    epochs = epochs_done(tmp_path) + 2
    done = train(tmp_path, digits_folder, *track, epochs=epochs)
    assert "Going on after epoch" in done.stdout
    rows = history(tmp_path)
    assert [row["epoch"] for row in rows] == list(range(1, epochs + 1))
    assert_same(curves(tmp_path), rows, rel=1e-6)  # TensorBoard keeps float32
    first, last = sorted(tmp_path.glob("wandb/offline-run-*/*.wandb"))
    assert first.name == last.name  # one run, by its id
    assert_same(wandb_rows(last), rows, rel=1e-14)
    assert f"wandb sync {last.parent}" in done.stdout


@pytest.mark.slow
def test_tracking_changes_nothing_and_a_trained_network_can_be_tracked_later(digits_folder, tmp_path):
    plain, tracked = tmp_path / "plain", tmp_path / "tracked"
    for folder, words in ((plain, ()), (tracked, ("--track", "tensorboard"))):
        folder.mkdir()
        train(folder, digits_folder, *words)
    assert identity(plain) == identity(tracked)
    assert [row["val_loss"] for row in history(plain)] == [row["val_loss"] for row in history(tracked)]
    assert not (plain / "Model_Output" / "net" / "tensorboard").exists()
    assert_same(curves(tracked), history(tracked), rel=1e-6)
    later = train(plain, digits_folder, "--track", "tensorboard")
    assert "trained already" in later.stdout
    assert "tensorboard --logdir Model_Output" in later.stdout
    assert_same(curves(plain), history(plain), rel=1e-6)

    train(tracked, digits_folder, "--seed", "1")  # another network, trained without --track
    assert not list((tracked / "Model_Output" / "net" / "tensorboard").iterdir())


@pytest.mark.slow
def test_without_a_login_the_training_goes_on_and_nothing_waits(digits_folder, tmp_path):
    pytest.importorskip("wandb", reason="needs W&B: python -m pip install '.[wandb]'")
    done = train(tmp_path, digits_folder, "--track", "wandb,tensorboard", WANDB_MODE="online")
    (warning,) = [line for line in done.stderr.splitlines() if line.startswith("--track")]
    assert warning.startswith("--track wandb: No API key configured")
    assert warning.endswith("the training goes on without it")
    assert len(history(tmp_path)) == len(curves(tmp_path)) == 2


def test_a_folder_that_cannot_be_written_does_not_cost_the_training(digits_folder, tmp_path):
    (tmp_path / "Model_Output" / "net").mkdir(parents=True)
    (tmp_path / "Model_Output" / "net" / "tensorboard").write_text("a file")
    done = train(tmp_path, digits_folder, "--track", "tensorboard")
    assert done.stderr.startswith("--track tensorboard: ")
    assert done.stderr.count("\n") == 1
    assert len(history(tmp_path)) == 2


@pytest.mark.parametrize(
    ("words", "there"),
    [pytest.param((), set(), marks=pytest.mark.slow), (("--track", "tensorboard"), {"tensorboard"})],
)
def test_only_what_is_asked_for_is_imported(words, there, digits_folder, tmp_path):
    done = train(tmp_path, digits_folder, *words, PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "numpy" in imported
    assert imported & {"tensorboard", "wandb", "tensorflow"} == there


@pytest.mark.parametrize(
    ("places", "message"),
    [("tensorbord", "did you mean 'tensorboard'?"), ("", "found ''"), ("wandb,", "expected one of")],
)
def test_a_place_that_there_is_not_is_a_mistake(places, message, digits_folder, tmp_path):
    (tmp_path / "net.txt").write_text(MODEL.format(1))
    done = subprocess.run(
        command(digits_folder, "--track", places), cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "Model_Output").exists()
