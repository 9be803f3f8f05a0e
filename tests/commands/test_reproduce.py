"""`reproduce`: the same bits again; and what was changed, by hand or by another machine, is found."""

import csv
import gzip
import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from another_process import another_process, run_command
from saved_networks import Student

from MNIST import cli, training
from MNIST.engines.processor import cores
from MNIST.training import EpochResult, first_difference

TEXT = """Layers:
Conv,4,3,3,relu
MaxPool,4,4
Dropout,0.2
Flatten
Dense,10,softmax
Optimizer:
Adam,0.01
epochs=3
batch=50
Augment:
Shift,0.1
"""


@pytest.fixture(scope="module")
def trained(digits_folder, tmp_path_factory) -> Path:
    """A folder in which `net` was trained, and `next` from its weights."""
    folder, before = tmp_path_factory.mktemp("reproduce"), Path.cwd()
    os.chdir(folder)
    try:
        Path("net.txt").write_text(TEXT)
        words = "train", str(digits_folder), "net", "net.txt", "--engine", "numpy", "--images", "500"
        assert cli.main([*words]) == 0
        assert cli.main(["train", str(digits_folder), "next", *words[3:], "--from", "net", "--epochs=1"]) == 0
    finally:
        os.chdir(before)
    return folder


def certificate(name="net"):
    return json.loads(Path("Reproduced", name, "reproduced.json").read_text())


def rewrite(file: str, content: bytes) -> None:
    """Change a file of `net`, and its digest in the record, as a careful cheat would."""
    record = Path("Model_Output/net/run.json")
    values = json.loads(record.read_text())
    values["files"][file] = hashlib.sha256(content).hexdigest()
    record.write_text(json.dumps(values))
    Path("Model_Output/net", file).write_bytes(content)


def history() -> list[list[str]]:
    """The rows of the recorded history, with its header."""
    return list(csv.reader(Path("Model_Output/net/history.csv").read_text().splitlines()))


def test_it_is_the_same_to_the_last_bit(here, run):
    code, output, errors = run("reproduce", "net")
    assert (code, errors) == (0, "")
    assert "net is the same, to the last bit: 3 epochs and 1,490 weights." in output
    found = certificate()
    assert (found["holds"], found["same_bits"], found["weights_compared"]) == (True, True, True)
    assert found["largest_difference_of_a_weight"] == 0
    assert found["identity"] == json.loads(Path("Model_Output/net/run.json").read_text())["identity"]
    assert found["recorded"]["settings"] == found["here"]["settings"]
    assert [path.name for path in Path("Reproduced/net").iterdir()] == ["reproduced.json"]


def test_with_another_number_of_threads_than_this_machine_has(tmp_path, digits_folder):
    """TensorFlow keeps the number that it began with, so all that is read back must be read with it."""
    (tmp_path / "net.txt").write_text(TEXT.replace("epochs=3", "epochs=1"))
    train = ["train", str(digits_folder), "net", "net.txt", "--images=100", f"--threads={cores() + 1}"]
    with another_process() as process:
        for words in (
            train,
            [*train[:2], "next", *train[3:], "--from", "net"],
            ["reproduce", "next"],
            ["reproduce", "net"],
        ):
            result = process.submit(run_command, words, tmp_path).result()
            assert (result.returncode, result.stderr) == (0, "")
    assert "net is the same, to the last bit: 1 epoch and" in result.stdout


def test_the_first_epochs_a_network_from_another_and_a_folder_that_was_sent(here, run, digits_folder):
    code, output, _ = run("reproduce", "net", "--epochs", "2")
    assert (code, "2 epochs of 3; the weights were not compared" in output) == (0, True)
    assert not certificate()["weights_compared"]
    assert run("reproduce", "next")[0] == 0
    shutil.move("Model_Output/next", "Anna's network")
    assert run("reproduce", "Anna's network", digits_folder)[0] == 0
    assert certificate("Anna_s_network")["same_bits"]
    shutil.move("Model_Output/net", "Model_Output/first")
    assert run("reproduce", "Anna's network", "--from", "first")[0] == 0
    code, _, errors = run("reproduce", "Anna's network")
    assert code == 1
    assert errors.startswith("Anna_s_network began with the weights of net: no trained network 'net' in ")
    assert errors.endswith("; if that network has another name here, --from names it\n")


def test_a_history_that_was_changed(here, run):
    rows = history()
    rows[2][rows[0].index("val_accuracy")] = "0.99"
    rewrite("history.csv", "".join(",".join(row) + "\n" for row in rows).encode())
    code, output, errors = run("reproduce", "net")
    assert code == 1
    assert "net is not the same, from epoch 2, val_accuracy: 0.99 was recorded, 0." in errors
    assert "the record or the network was changed" in errors
    assert "3/3" not in output  # to train on would show nothing more
    found = certificate()
    assert (found["holds"], found["first_difference"]["epoch"], found["epochs_compared"]) == (False, 2, 2)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("val_accuracy", "5.0", "epoch 2 has an accuracy of 5.0"),
        ("val_accuracy", "inf", "epoch 2 has an accuracy of inf"),
        ("val_accuracy", "nan", "an epoch has no validation accuracy"),
        (None, None, "it has 2 epochs, and run.json 3"),
    ],
)
def test_a_history_that_no_run_has(column, value, message, here, run):
    rows = history()
    if column:
        rows[2][rows[0].index(column)] = value
    rewrite("history.csv", "".join(",".join(row) + "\n" for row in rows[: 4 if column else 3]).encode())
    code, _, errors = run("reproduce", "net")
    assert (code, message in errors) == (1, True)


def test_an_empty_history_is_refused(here, run):
    rewrite("history.csv", b"")
    code, _, errors = run("reproduce", "net")
    assert (code, "these columns are not a history's" in errors) == (1, True)


def test_more_epochs_in_the_record_do_not_hide_changed_weights(here, run):
    record = Path("Model_Output/net/run.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "epochs": 4}))
    code, _, errors = run("reproduce", "net")
    assert (code, "it has 3 epochs, and run.json 4" in errors) == (1, True)


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": 9_999_999},
        {"training_images": 449},
        {"validation_images": 51},
        {"pixel_mean": 0.9},
        {"pixel_deviation": 0.9},
        {"classes": ["1", "0", *map(str, range(2, 10))]},
        {"ink": "dark"},
        {"form": "whole"},
        {"kept_epoch": 2},
    ],
)
def test_what_the_record_says_beside_the_settings(change, here, run):
    record = Path("Model_Output/net/run.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), **change}))
    code, _, errors = run("reproduce", "net")
    assert (code, f"net: run.json says what this run does not have ({next(iter(change))})" in errors) == (
        1,
        True,
    )


def test_without_validation_images_the_training_accuracies_are_compared(here, run, digits_folder):
    words = ("--engine", "numpy", "--images", "500", "--epochs", "1", "--split", "1")
    assert run("train", digits_folder, "all", "net.txt", *words)[0] == 0
    code, output, _ = run("reproduce", "all", "--engine", "modules")
    assert (code, "Training accuracies: " in output) == (0, True)
    found = certificate("all")
    assert found["holds"]
    assert found["accuracies_agree_within_chance"]
    one, other = found["training_accuracies"]
    assert abs(one - other) < 0.1


def test_weights_that_were_changed(here, run):
    file = Path("Model_Output/net/weights.npz")
    from MNIST.engines.saved_arrays import write_arrays

    weights = dict(np.load(file))
    name = next(iter(weights))
    weights[name] = weights[name].copy()
    weights[name].flat[0] = np.nextafter(weights[name].flat[0], np.float32(9), dtype=np.float32)
    rewrite(file.name, write_arrays(weights))
    code, _, errors = run("reproduce", "net")
    assert code == 1
    assert "The history of net is the same, but its weights are not: they are up to" in errors


@pytest.mark.parametrize("change", [{"seed": 5}, {"data_digest": "0" * 64}, {"threads": 3}])
def test_settings_that_were_changed(here, run, change):
    record = Path("Model_Output/net/run.json")
    values = json.loads(record.read_text())
    values["settings"] |= change
    record.write_text(json.dumps(values))
    code, _, errors = run("reproduce", "net")
    assert (code, "are not those of its identity" in errors) == (1, True)


def test_another_text_other_data_and_a_network_of_a_laboratory(here, run, digits_folder, tmp_path):
    code, _, errors = run("reproduce", "net", tmp_path)
    assert code == 1
    assert str(tmp_path) in errors
    shutil.copytree(digits_folder, "others")
    labels = Path("others/train-labels-idx1-ubyte.gz")
    labels.write_bytes(gzip.compress(gzip.decompress(labels.read_bytes())[:-1] + b"\0"))
    code, _, errors = run("reproduce", "net", "others")
    assert (code, "did not learn from these images" in errors) == (2, True)
    Path("my_net.zip").write_bytes(Student().packed())
    run("import", "my_net.zip")
    code, _, errors = run("reproduce", "my_net")
    assert (code, "was trained in a laboratory, in a browser" in errors) == (2, True)
    rewrite("spec.txt", TEXT.replace("Conv,4", "Conv,5").encode())
    code, _, errors = run("reproduce", "net")
    assert (code, "are not those of its identity" in errors) == (1, True)


def test_a_network_that_is_refused_has_no_certificate(here, run):
    assert run("reproduce", "net", "--epochs", "1")[0] == 0
    assert certificate()["holds"]
    rewrite("spec.txt", TEXT.replace("Conv,4", "Conv,5").encode())
    assert run("reproduce", "net")[0] == 1
    assert not Path("Reproduced/net/reproduced.json").exists()


@pytest.mark.slow
def test_another_engine_gives_other_bits_and_an_accuracy_that_agrees(here, run):
    code, output, errors = run("reproduce", "net", "--engine", "tensors")
    assert (code, errors) == (0, "")
    assert "Not as recorded: engine numpy (" in output
    assert "here; they agree within what chance allows (95 %)." in output
    found = certificate()
    assert (found["holds"], found["same_bits"]) == (True, False)
    assert 0 < found["largest_difference_of_a_weight"] < 1e-3


def test_an_engine_that_cannot_compute_it_is_refused(here, run):
    code, _, errors = run("reproduce", "net", "--engine", "sonn")
    assert (code, "sonn" in errors) == (2, True)


def test_another_version_and_an_accuracy_that_chance_does_not_explain(here, run, monkeypatch):
    """A pretended version of the engine; and a history that no machine's rounding explains."""
    version = training.resolve_settings("", images=None, split=1, seed=0, engine="numpy").engine
    monkeypatch.setattr("MNIST.engines.version", lambda name: version.replace("NumPy 2", "NumPy 3"))
    code, output, _ = run("reproduce", "net")
    assert code == 0
    assert "Not as recorded: engine numpy" in output
    assert "net is the same, to the last bit" in output
    rows = history()
    for row in rows[1:]:
        row[rows[0].index("val_accuracy")] = "1.0"
    rewrite("history.csv", "".join(",".join(row) + "\n" for row in rows).encode())
    code, output, errors = run("reproduce", "net")
    assert code == 1
    assert "What differs here: engine numpy" in errors
    assert "3/3" in output
    assert "they do not agree within what chance allows" in errors


@pytest.mark.parametrize("split", ["0.9", "1"])
def test_weights_of_another_training_are_found_on_another_machine_too(split, here, run, digits_folder):
    """Weights that answer worse than the record says; the history is the same, and the system is another."""
    words = "--engine", "numpy", "--images", "500", "-s", split
    assert run("train", digits_folder, "net", "net.txt", "--fresh", *words)[0] == 0
    assert run("train", digits_folder, "other", "net.txt", *words, "--epochs", "1")[0] == 0
    assert run("train", digits_folder, "alike", "net.txt", *words, "--threads", "1")[0] == 0
    record = Path("Model_Output/net/run.json")
    values = json.loads(record.read_text())
    values["machine"]["system"] = "CP/M"
    record.write_text(json.dumps(values))
    for name, code in ("alike", 0), ("other", 1):
        rewrite("weights.npz", Path(f"Model_Output/{name}/weights.npz").read_bytes())
        assert (name, run("reproduce", "net")[0]) == (name, code)
        assert certificate()["recorded_weights_answer_as_recorded"] in (code == 0, None)
    assert "The recorded weights do not answer as the record says" in run("reproduce", "net")[2]


def test_histories_differ_in_a_bit_or_an_epoch():
    one = EpochResult(1, 0.5, 0.5, float("nan"), float("nan"), 0.1, 1, 0, 3.0, 5)
    later = EpochResult(1, 0.5, 0.5, float("nan"), float("nan"), 0.1, 1, 0, 4.0, 6)
    other = EpochResult(1, np.nextafter(0.5, 1), 0.5, float("nan"), float("nan"), 0.1, 1, 0, 3.0, 5)
    assert first_difference([one], [later]) is None
    assert "1.1e-16 apart" in str(first_difference([one], [other]))
    assert str(first_difference([one, one], [one])) == "epoch 2, which does not come, because of `Stop:`"
    assert str(first_difference([one], [one, one])) == "epoch 2, which was not recorded"


def test_another_system_is_named_and_a_sign_of_zero_is_a_bit(here, run):
    record = Path("Model_Output/net/run.json")
    values = json.loads(record.read_text())
    values["machine"]["system"] = "CP/M"
    record.write_text(json.dumps(values))
    assert "Not as recorded: system CP/M, now " in run("reproduce", "net", "--epochs", "1")[1]
    zeros = {"w": np.zeros(3, np.float32)}
    assert training.largest_difference(zeros, {"w": -zeros["w"]}) == 0
    assert training.weights_digest(zeros) != training.weights_digest({"w": -zeros["w"]})


def test_a_run_that_stop_has_ended_is_trained_by_the_epochs_that_were_asked_for(here, run, digits_folder):
    """Cosine sets every rate by that number, which is neither the text's nor that of the epochs trained."""
    Path("stopped.txt").write_text(f"{TEXT}Schedule:\nCosine\nStop:\naccuracy=0.2\n")
    words = "--engine", "numpy", "--images", "500", "--epochs", "9"
    assert run("train", digits_folder, "stopped", "stopped.txt", *words)[0] == 0
    assert json.loads(Path("Model_Output/stopped/run.json").read_text())["epochs"] < 9
    code, output, _ = run("reproduce", "stopped")
    assert (code, "stopped is the same, to the last bit" in output) == (0, True)
