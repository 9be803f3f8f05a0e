"""TensorBoard's files, read back by TensorBoard's own reader."""

import os
import subprocess
import sys

import numpy as np
import pytest
from tracked import epoch, run_of

pytest.importorskip("tensorboard", reason="needs TensorBoard: python -m pip install '.[tensorboard]'")

from MNIST.tracking import Confusion
from MNIST.tracking.event_files import forget, start


def read_back(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "Model_Output" / "net" / "tensorboard"))
    events.Reload()
    return events


def curve(events, tag):
    return [(event.step, event.value) for event in events.Scalars(tag)]


def text(events, tag):
    (event,) = events.Tensors(tag)
    return event.tensor_proto.string_val[0].decode()


def test_each_epoch_is_there_once_with_what_was_measured(tmp_path):
    tracker = start(run_of(tmp_path, 0))
    for number in (1, 2, 3):
        tracker.epoch(epoch(number, val_loss=float("nan")))
        assert curve(read_back(tmp_path), "loss")[-1][0] == number  # though the file is still open
    tracker.close()
    events = read_back(tmp_path)
    assert curve(events, "loss") == [(1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3))]
    assert [value for _, value in curve(events, "learning_rate")] == pytest.approx([1e-3, 5e-4, 1e-3 / 3])
    assert curve(events, "seconds") == [(1, 2.0), (2, 2.0), (3, 2.0)]
    assert set(events.Tags()["scalars"]) == {
        *("loss", "accuracy", "val_accuracy", "learning_rate", "seconds", "peak_memory")
    }  # neither nan


def test_a_run_that_goes_on_has_its_earlier_epochs_once(tmp_path):
    first = start(run_of(tmp_path, 0))
    first.epoch(epoch(1))
    first.epoch(epoch(2))  # killed here: never closed
    again = start(run_of(tmp_path, 2))
    again.epoch(epoch(3))
    again.close()
    events = read_back(tmp_path)
    assert [step for step, _ in curve(events, "loss")] == [1, 2, 3]
    walls = [event.wall_time for event in events.Scalars("loss")]
    assert walls == sorted(walls)
    assert walls[1] - walls[0] == pytest.approx(2.0, abs=0.01)  # as long as the epoch took


def test_what_an_open_tensorboard_has_read_is_forgotten_when_the_run_starts_again(tmp_path):
    first = start(run_of(tmp_path, 3))
    events = read_back(tmp_path)
    first.close()
    start(run_of(tmp_path, 1)).close()
    events.Reload()
    assert [step for step, _ in curve(events, "loss")] == [1]


def test_the_text_and_the_answers_are_there_too(tmp_path):
    tracker = start(run_of(tmp_path, 2))
    confusion = np.diag(np.arange(10))
    confusion[3, 5] = 77
    tracker.finish({"epochs": 2}, Confusion(confusion, list("0123456789")))
    assert tracker.close() == f"tensorboard --logdir {tmp_path / 'Model_Output'}"
    events = read_back(tmp_path)
    assert text(events, "model") == "    Layers:\n    # <script>"
    assert '"seed": 3' in text(events, "settings")
    assert '"epochs": 2' in text(events, "run.json")
    table = [line.strip("| ").split(" | ") for line in text(events, "confusion").splitlines()]
    assert table[0][1:] == list("0123456789")
    assert [[int(cell) for cell in row[1:]] for row in table[2:]] == confusion.tolist()


def test_the_files_of_another_run_can_be_forgotten(tmp_path):
    forget(tmp_path / "Model_Output" / "net")  # without such files it does nothing
    start(run_of(tmp_path, 1)).close()
    other = tmp_path / "Model_Output" / "net" / "tensorboard" / "mine.txt"
    other.write_text("stays")
    forget(tmp_path / "Model_Output" / "net")
    assert list(other.parent.iterdir()) == [other]


def test_tensorflow_is_not_imported(tmp_path):
    program = (
        "import sys; from pathlib import Path; from tracked import run_of; "
        "from MNIST.tracking.event_files import start; start(run_of(Path('.'), 2)).close(); "
        "print('tensorboard' in sys.modules, 'tensorflow' in sys.modules)"
    )
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=paths, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["True", "False"]
