"""The files of a finished run: they are read back equal, or refused if damaged (faults 21 and 26)."""

import json
import os
from copy import copy
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from small_model import TEXT

from MNIST import cli, engines
from MNIST.data import About, load
from MNIST.engines.processor import cores
from MNIST.errors import ModelError
from MNIST.language import Cosine, lay_out, parse_spec
from MNIST.training import (
    EpochResult,
    Run,
    is_finished,
    load_trained,
    other_run_there,
    read_history,
    read_model_text,
    resolve_settings,
    run_identity,
    save_trained,
)
from MNIST.training.draws import initial_weights
from MNIST.training.history import history_csv, parse_history
from MNIST.training.record import figures, most_bytes


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
    assert header == (
        "epoch,loss,accuracy,val_loss,val_accuracy,learning_rate,"
        "gradient_norm_mean,gradient_norm_variance,seconds,peak_memory"
    )
    assert EpochResult(1, *map(float, row.split(",")[1:])) == run.history[0]
    model = load_trained("small")
    assert model.record.settings == run.settings
    assert np.array_equal(model.engine.logits(digits.images), run.engine.logits(digits.images))
    model.engine.set_weights({name: 0 * weight for name, weight in model.engine.get_weights().items()})
    again = load_trained("small", instead_of=model)
    assert again.engine is model.engine  # Keras builds nothing
    assert np.array_equal(again.engine.logits(digits.images), run.engine.logits(digits.images))
    assert is_finished("small", run.identity, run.spec)
    assert not is_finished("small", run.identity, replace(run.spec, epochs=2))
    assert not is_finished("small", "another identity", run.spec)
    assert not is_finished("other", run.identity, run.spec)


def test_only_an_engine_with_the_same_setup_takes_the_weights_of_another_network(
    tmp_path, monkeypatch, digits_folder
):
    monkeypatch.chdir(tmp_path)
    plain = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.01\n1\n50\n"
    Path("plain.txt").write_text(plain)
    Path("standard.txt").write_text(f"{plain}Input:\nStandardize\n")
    for name in "plain", "standard":
        words = ["--engine", "numpy", "--images", "200", "--seeds", "0-1"]
        assert cli.main(["train", str(digits_folder), name, f"{name}.txt", *words]) == 0
    images = load(digits_folder).test_images
    closed = []

    def opened(name, last=None, **how):
        model = load_trained(name, instead_of=last, **how)
        if last is None or model.engine is not last.engine:
            close = model.engine.close
            monkeypatch.setattr(model.engine, "close", lambda: (closed.append(name), close()))
        return model

    def takes_over(name, last, **how):
        model = opened(name, last, **how)
        alone = load_trained(name, **how).engine.logits(images)
        assert model.engine.logits(images).tobytes() == alone.tobytes()
        return model, model.engine is last.engine

    one, same = takes_over("plain_1", opened("plain_0"))
    assert (same, closed) == (True, [])
    one, same = takes_over("standard_0", one)
    assert (same, closed) == (False, ["plain_0"])
    one, same = takes_over("standard_1", one)  # it has learned from other images, of another mean
    assert (same, closed) == (False, ["plain_0", "standard_0"])
    # Another engine computes in float32, whatever the network was trained in: `own` must not take it over.
    other_threads, another, own = {"threads": cores() + 1}, {"engine": "numpy"}, {}
    for how in other_threads, another, own:
        one, same = takes_over("standard_1", one, **how)
        assert not same
    one = opened("plain_0", one)
    closed.clear()
    Path("Model_Output/plain_1/weights.npz").write_bytes(b"x")
    with pytest.raises(ModelError, match="plain_1: refused"):
        load_trained("plain_1", instead_of=one)
    assert closed == ["plain_0"]


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


def test_a_run_of_another_length_is_told_where_the_schedule_goes_by_it(trained, small):
    record = json.loads((small / "run.json").read_text())
    run = copy(trained[1])
    run.network = lay_out(replace(run.spec, schedule=Cosine(), epochs=5))
    run.epochs, run.identity = 5, run_identity(run.spec, run.settings)
    record["epochs"], record["identity"] = 3, run_identity(replace(run.spec, epochs=3), run.settings)
    (small / "run.json").write_text(json.dumps(record))
    assert other_run_there("small", run) == "a run of 3 epochs, 5 wanted"
    record["identity"] = run_identity(replace(run.spec, epochs=4), run.settings)
    (small / "run.json").write_text(json.dumps(record))
    assert "optimizer, batch size or number of epochs, by which Cosine" in other_run_there("small", run)


def test_what_any_engine_leaves_is_read_back_equal(digits, settings_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = Run(parse_spec(TEXT), digits, settings_of, epochs=1)
    run.train()
    save_trained("small", run, TEXT, About("digits"), [])
    model = load_trained("small")
    assert model.record.settings == settings_of
    assert np.array_equal(model.engine.logits(digits.images), run.engine.logits(digits.images))
    assert is_finished("small", run.identity, run.spec)


def test_the_file_of_another_engines_network_does_not_stay(small, digits):
    settings = resolve_settings("digits", images=600, split=0.9, seed=0, engine="numpy")
    run = Run(parse_spec(TEXT), digits, settings, epochs=1)
    run.train()
    save_trained("small", run, TEXT, About("digits"), [])
    assert (small / "weights.npz").exists()
    assert not (small / "model.keras").exists()


def test_what_a_killed_writer_left_is_cleared_away(trained, small):
    (small / ".incoming").mkdir()
    (small / ".incoming" / ".model.keras.abc.tmp").write_bytes(b"half")
    save_trained("small", trained[1], TEXT, About("digits"), [])
    assert not list(small.glob(".*"))


def test_figures_are_written_in_full():
    result = EpochResult(1, 0.1 + 0.2, 0.5, float("nan"), float("nan"), 0.1, 2.0, 0.25, 1.0, 4096)
    assert figures(result).splitlines() == [
        "Training Loss\t0.30000000000000004",
        "Training Accuracy\t0.5",
        "Validation Loss\tnan",
        "Validation Accuracy\tnan",
    ]
    text = history_csv([result])
    assert text.splitlines()[1] == "1,0.30000000000000004,0.5,nan,nan,0.1,2.0,0.25,1.0,4096"
    (back,) = parse_history(text)
    assert back.numbers == result.numbers
    assert [type(value) for value in astuple(back)] == [type(value) for value in astuple(result)]


def test_a_history_reads_back_equal_or_not_at_all(trained, small):
    assert read_history("small") == trained[1].history
    file = small / "history.csv"
    file.write_bytes(file.read_bytes().replace(b"1,", b"2,", 1))
    with pytest.raises(ModelError, match=r"history\.csv: refused: .*its SHA-256 differs"):
        read_history("small")
    for text in ("", "epoch,loss\n1,2.0\n", history_csv([]) + "1,2.0\n", history_csv([]) + "x" + ",1" * 9):
        with pytest.raises(ValueError, match=r"not a history's|not enough|invalid literal"):
            parse_history(text)


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


def test_a_text_unlike_its_digest_is_refused_with_its_place(small):
    (small / "spec.txt").write_text("Layers:\n")
    with pytest.raises(
        ModelError, match=r"^Model_Output/small/spec\.txt: refused: spec\.txt is not the file"
    ):
        read_model_text("small")


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
        {"pixel_mean": float("nan")},
        {"pixel_mean": float("inf")},
        {"pixel_deviation": 0.0},
        {"pixel_deviation": 5e-324},
        {"pixel_deviation": -0.1},
        {"pixel_deviation": float("nan")},
        {"pixel_deviation": float("inf")},
        {"settings": {"threads": 10**9}},
        {"settings": {"threads": 0}},
        {"settings": {"engine": "pickle (1.0)"}},
        {"settings": {"precision": "float8"}},
        {"settings": {"split": 5.0}},
        {"settings": {"split": 0.0}},
        {"settings": {"split": float("nan")}},
        {"settings": {"seed": -1}},
        {"settings": {"images": 0}},
        {"epochs": 0},
        {"epochs": -3},
        {"kept_epoch": 0},
        {"kept_epoch": 10**6},
        {"batch_size": 0},
        {"training_images": -1},
        {"validation_images": -1},
        {"parameters": -1},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seconds": -1.0},
        {"dataset": "\x1b[31mred"},
        {"finished": "yesterday"},
        {"finished": "2020-01-01"},
        {"finished": "0001-01-01T00:00:00+14:00"},
        {"finished": "9999-12-31T23:59:59-14:00"},
    ],
)
def test_a_record_with_other_values_is_refused(changes, small):
    record = json.loads((small / "run.json").read_text())
    settings = {**record["settings"], **changes.get("settings", {})}
    (small / "run.json").write_text(json.dumps({**record, **changes, "settings": settings}))
    (name,) = changes.get("settings", changes)
    with pytest.raises(ModelError, match=rf"\b{name} |isoformat string: 'yesterday'"):
        load_trained("small")


@pytest.mark.parametrize("number", range(10))
def test_a_disk_that_fails_at_any_write_leaves_a_whole_network(number, trained, small, monkeypatch):
    """Each of the five files is written, and then moved to its place; each of these fails in turn."""
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
        save_trained("small", trained[1], TEXT + "# changed\n", About("digits"), [])
    monkeypatch.setattr(os, "replace", real)
    load_trained("small")
    if number < 5:
        after = {path: path.read_bytes() for path in Path("Model_Output").rglob("*") if path.is_file()}
        assert after == before
    else:
        assert read_model_text("small") == TEXT + "# changed\n"
        save_trained("small", trained[1], TEXT, About("digits"), [])
        assert not list(small.glob(".*"))


@pytest.fixture
def stopped(digits, settings, tmp_path, monkeypatch) -> Run:
    """A run that stopped after its fourth epoch and kept its second, saved as `stopped`."""
    monkeypatch.chdir(tmp_path)
    losses = [0.5, 0.3, 0.4, 0.35]
    monkeypatch.setattr(Run, "_validate", lambda run: (losses[len(run.history)], 0.5))
    run = Run(parse_spec(TEXT + "Stop:\npatience=2\n"), digits, settings, epochs=9)
    run.train()
    save_trained("stopped", run, TEXT + "Stop:\npatience=2\n", About("digits"), [])
    return run


def test_the_figures_are_those_of_the_kept_epoch_and_the_history_has_all(stopped, digits):
    assert "Validation Loss\t0.3\n" in Path("Model_Output/stopped.txt").read_text()
    assert len(Path("Model_Output/stopped/history.csv").read_text().splitlines()) == 1 + 4
    model = load_trained("stopped")
    assert (model.record.epochs, model.record.kept_epoch, model.record.stopped) == (4, 2, True)
    assert np.array_equal(model.engine.logits(digits.images), stopped.engine.logits(digits.images))


def test_a_run_that_stopped_is_finished_for_all_epochs_from_its_end_on(stopped):
    for epochs, finished in {3: False, 4: True, 9: True, 50: True}.items():
        assert is_finished("stopped", stopped.identity, replace(stopped.spec, epochs=epochs)) == finished
        stopped.epochs = epochs
        expected = "" if finished else "a run of 4 epochs, 3 wanted"
        assert other_run_there("stopped", stopped) == expected


def test_a_record_from_before_there_was_stop_is_read(trained, small):
    record = json.loads((small / "run.json").read_text())
    assert (record.pop("kept_epoch"), record.pop("stopped")) == (1, False)
    (small / "run.json").write_text(json.dumps(record))
    assert load_trained("small").record.kept_epoch is None
    assert is_finished("small", trained[1].identity, trained[1].spec)
    assert not is_finished("small", trained[1].identity, replace(trained[1].spec, epochs=2))


@pytest.mark.parametrize(
    ("engine", "depth"), [("numpy", 3000), pytest.param("keras", 300, marks=pytest.mark.slow)]
)
def test_a_network_may_be_deep_and_narrow(engine, depth):
    """The names and the structure in its file take more bytes than its weights."""
    text = f"Layers:\nFlatten\nRepeat,{depth}:\n    Dense,1,relu\nDense,10,softmax\nOptimizer:\n0.1,0\n1\n9\n"
    network = lay_out(parse_spec(text))
    weights = initial_weights(network, seed=0)
    made = engines.create(
        engine, network, precision="float32", threads=cores(), pixel_statistics=(0.1, 0.3), weights=weights
    )
    file, content = made.save()
    made.close()
    assert len(content) < most_bytes(file, network, epochs=1)
