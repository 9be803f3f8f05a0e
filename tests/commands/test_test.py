"""`test` as a user types it: the table, the files, and networks that cannot be trusted."""

import contextlib
import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from MNIST import cli
from MNIST.data import load
from MNIST.errors import BusyError
from MNIST.files import only_one, write_together
from MNIST.report.testing.comparison import COLUMNS

ROOT = Path(__file__).parents[2]
MODEL = "Layers:\nFlatten\nDense,{units},relu\nDense,10,softmax\nOptimizer:\n0.01,0\n{epochs}\n50\n"

NUMPY = "--engine", "numpy"

TABLES = ("confusion.csv", "classes.csv", "errors.csv")
PICTURES = ("confusion.png", "top_errors.png", "calibration.png")


@pytest.fixture(scope="module")
def networks(digits_folder, tmp_path_factory) -> Path:
    """A directory where `small` and `large` have been trained."""
    folder = tmp_path_factory.mktemp("networks")
    with contextlib.chdir(folder):
        for name, units in (("small", 4), ("large", 64)):
            Path(f"{name}.txt").write_text(MODEL.format(units=units, epochs=3))
            assert cli.main(["train", str(digits_folder), name, f"{name}.txt", *NUMPY]) == 0
    return folder


@pytest.fixture
def trained(networks, digits_folder, tmp_path, monkeypatch) -> Path:
    """The digits, in a copy of that directory."""
    shutil.copytree(networks, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return digits_folder


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def test_results_confusion_and_errors_agree(trained, capsys):
    capsys.readouterr()
    assert cli.main(["test", "Results", str(trained), "small,large"]) == 0
    shown = capsys.readouterr().out
    header, *rows = [line.split("\t") for line in Path("Results.txt").read_text().splitlines()]
    assert tuple(header) == COLUMNS
    assert header[:3] == ["Model_Name", "Test_Loss", "Test_Accuracy"]
    assert [row[0] for row in rows] == ["small", "large"]
    labels = load(trained).test_labels
    for name, _, accuracy, errors, images, low, high, engine in rows:
        assert engine == "numpy"
        assert float(low) < float(accuracy) < float(high)
        assert (len(labels) - int(errors)) / len(labels) == float(accuracy)
        assert int(images) == len(labels)
        assert errors in shown
        confusion = list(csv.reader(_lines(f"Results/{name}_confusion.csv")))[1:]
        counts = [[int(count) for count in row[1:]] for row in confusion]
        assert sum(map(sum, counts)) == len(labels)
        assert sum(counts[digit][digit] for digit in range(10)) == len(labels) - int(errors)
        listed = list(csv.DictReader(_lines(f"Results/{name}_errors.csv")))
        assert len(listed) == int(errors)
        sureness = [float(row["probability_of_got"]) for row in listed]
        assert sureness == sorted(sureness, reverse=True)
        assert all(row["expected"] != row["got"] for row in listed)
        assert all(labels[int(row["image"])] == int(row["expected"]) for row in listed)


def test_the_report_has_every_network_and_its_surest_error(trained, capsys):
    capsys.readouterr()
    assert cli.main(["test", "Results", str(trained), "small,large"]) == 0
    shown = capsys.readouterr().out
    page = Path("Results/report.html").read_text()
    for name in ("small", "large"):
        first = next(csv.DictReader(_lines(f"Results/{name}_errors.csv")))
        image, label, answer = first["image"], first["expected"], first["got"]
        assert f"{name}'s surest error: image {image}, a {label}, taken for a {answer} (" in shown
        assert f"<b>a {label}, taken for a {answer}</b>" in page
        confusion = list(csv.reader(_lines(f"Results/{name}_confusion.csv")))[1:]
        classes = list(csv.DictReader(_lines(f"Results/{name}_classes.csv")))
        for digit, row in enumerate(classes):
            counts = [int(count) for count in confusion[digit][1:]]
            answers = sum(int(other[digit + 1]) for other in confusion)
            assert (int(row["images"]), int(row["answers"])) == (sum(counts), answers)
            assert float(row["recall"]) == pytest.approx(counts[digit] / sum(counts), abs=1e-6)
            assert float(row["precision"] or 0) == pytest.approx(counts[digit] / max(answers, 1), abs=1e-6)
    named = {f"{name}_{end}" for name in ("small", "large") for end in TABLES}
    assert {path.name for path in Path("Results").iterdir()} == named | {"report.html"}
    assert len(page) < 10_000_000
    assert cli.main(["test", "Drawn", str(trained), "small", "--pictures"]) == 0
    named = {f"small_{end}" for end in (*TABLES, *PICTURES)}
    assert {path.name for path in Path("Drawn").iterdir()} == named | {"report.html"}
    assert all(Path(f"Drawn/small_{end}").read_bytes().startswith(b"\x89PNG") for end in PICTURES)


def test_columns_are_shown_by_their_votes(digits_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    layers = "Input:\nThreshold,100\nLayers:\nColumns,6,4,spread=9\n"
    Path("net.txt").write_text(f"{layers}Optimizer:\nParallelDelta,0.05\n1\n50\n")
    assert cli.main(["train", str(digits_folder), "votes", "net.txt", "--images", "200"]) == 0
    assert cli.main(["test", "Results", str(digits_folder), "votes"]) == 0
    assert "Shown: 297 test images, with" in Path("Results/report.html").read_text()


def test_a_folder_that_cannot_be_made_is_one_line(trained, capsys):
    Path("Results").write_text("mine")
    capsys.readouterr()
    assert cli.main(["test", "Results", str(trained), "small"]) == 2
    assert capsys.readouterr().err.startswith("Results is a file, and the report would be a folder")
    assert not Path("Results.txt").exists()
    Path("Results").unlink()
    Path("Results").symlink_to("nowhere")
    assert cli.main(["test", "Results", str(trained), "small"]) == 1
    assert capsys.readouterr().err.startswith("Results: expected a folder, found a link that leads to no")


@pytest.mark.slow
def test_another_engine_computes_what_keras_has_trained(trained, capsys):
    for name in ("small", "large"):
        assert cli.main(["train", str(trained), name, f"{name}.txt", "--engine", "keras"]) == 0
    assert cli.main(["test", "Own", str(trained), "small,large"]) == 0
    assert cli.main(["test", "Other", str(trained), "small,large", "--engine", "numpy"]) == 0
    assert "297 test images of digits, computed by numpy" in capsys.readouterr().out
    own, other = ([line.split("\t") for line in _lines(f"{name}.txt")[1:]] for name in ("Own", "Other"))
    assert [row[-1] for row in own + other] == ["keras", "keras", "numpy", "numpy"]
    for ours, theirs in zip(own, other, strict=True):
        assert float(ours[1]) == pytest.approx(float(theirs[1]), rel=0.02)  # keras may be in bfloat16
        assert abs(int(ours[3]) - int(theirs[3])) <= 2


def test_each_network_by_its_own_engine(trained, capsys):
    assert cli.main(["train", str(trained), "by_keras", "small.txt"]) == 0
    capsys.readouterr()
    assert cli.main(["test", "Results", str(trained), "by_keras,small"]) == 0
    assert "Engine" in capsys.readouterr().out
    assert [line.split("\t")[-1] for line in _lines("Results.txt")[1:]] == ["keras", "numpy"]


def test_every_example_has_a_row_that_pipes_well(trained, capsys):
    capsys.readouterr()
    assert cli.main(["test", "Results", str(trained), "small,large", "--examples"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("\t") == ["network", "example", "expected", "got", "answer"]
    labels = load(trained).test_labels
    wrong = {row.split("\t")[0]: int(row.split("\t")[3]) for row in _lines("Results.txt")[1:]}
    for place, name in enumerate(("small", "large")):
        first = 1 + place * len(labels)
        rows = [line.split("\t") for line in lines[first : first + len(labels)]]
        assert [row[0] for row in rows] == [name] * len(labels)
        assert [int(row[1]) for row in rows] == list(range(len(labels)))
        assert [int(row[2]) for row in rows] == labels.tolist()
        assert all((row[2] == row[3]) == (row[4] == "right") for row in rows)
        assert [row[4] for row in rows].count("wrong") == wrong[name]
    assert len([line for line in lines if "wrong" in line]) == sum(wrong.values())


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_examples_go_into_a_pipe_that_nobody_reads(trained):
    theirs, ours = os.pipe()
    os.close(theirs)
    words = [sys.executable, str(ROOT / "MNIST"), "test", "Results", str(trained), "small", "--examples"]
    result = subprocess.run(words, stdout=ours, stderr=subprocess.PIPE, text=True)
    os.close(ours)
    assert (result.returncode, result.stderr) == (141, "")
    assert Path("Results.txt").exists()


def test_a_network_that_an_engine_cannot_compute_is_named_and_left_out(trained, capsys):
    assert cli.main(["test", "Results", str(trained), "small", "--engine", "sonn"]) == 1
    assert "small: the engine sonn trains Columns" in capsys.readouterr().err
    assert not Path("Results.txt").exists()


@pytest.mark.parametrize(
    ("engine", "hint"), [("nunpy", "did you mean 'numpy'"), ("sklearn", "expected one of keras, numpy")]
)
def test_an_unknown_engine_is_refused(engine, hint, digits_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["test", "Results", str(digits_folder), "small", "--engine", engine]) == 2
    assert hint in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_cannot_be_trusted_is_reported_and_the_others_are_tested(trained, capsys):
    with Path("Model_Output/small/weights.npz").open("ab") as stream:
        stream.write(b"x")
    assert cli.main(["test", "Results", str(trained), "small,large,none"]) == 1
    errors = capsys.readouterr().err
    assert "Model_Output/small: refused: weights.npz is not the file that run.json describes" in errors
    assert "no trained network 'none'" in errors
    assert [line.split("\t")[0] for line in Path("Results.txt").read_text().splitlines()[1:]] == ["large"]


@pytest.mark.slow
def test_networks_trained_with_different_threads_are_compared(digits_folder, tmp_path):
    Path(tmp_path / "net.txt").write_text(MODEL.format(units=4, epochs=1))
    for threads in ("1", "2"):
        words = ["train", str(digits_folder), f"with_{threads}", "net.txt", "--threads", threads, *NUMPY]
        subprocess.run([sys.executable, str(ROOT / "MNIST"), *words], cwd=tmp_path, check=True)
    words = ["test", "Results", str(digits_folder), "with_1,with_2", "--engine", "keras"]
    subprocess.run([sys.executable, str(ROOT / "MNIST"), *words], cwd=tmp_path, check=True)
    assert len((tmp_path / "Results.txt").read_text().splitlines()) == 3


def test_a_file_of_the_users_is_not_overwritten(digits_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("net.txt").write_text("mine")
    assert cli.main(["test", "net", str(digits_folder), "none"]) == 2
    assert "net.txt exists and is no table of results" in capsys.readouterr().err
    assert Path("net.txt").read_text() == "mine"


def test_nothing_is_written_if_no_network_can_be_tested(digits_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["test", "Results", str(digits_folder), "none"]) == 1
    assert "trained are: none yet" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_one_comparison_is_written_at_a_time_and_all_of_it_at_once(trained, monkeypatch):
    written: list[set[str]] = []

    def write(files):
        with pytest.raises(BusyError), only_one(Path("Results/.lock"), busy="busy"):
            pass
        written.append({str(path) for path in files})
        write_together(files)

    monkeypatch.setattr("MNIST.commands.test.write_together", write)
    assert cli.main(["test", "Results", str(trained), "small"]) == 0
    tables = {f"Results/small_{end}" for end in TABLES}
    assert written == [{"Results.txt", "Results/report.html", *tables}]
    Path("Results/.lock").touch()  # as a killed process leaves it
    assert cli.main(["test", "Results", str(trained), "small"]) == 0
    assert not Path("Results/.lock").exists()


def test_nothing_of_an_earlier_comparison_stays_beside_the_new_one(trained, capsys):
    """A picture of the training images beside a table of the test images would be taken for theirs."""
    words = ["--on", "training", "--pictures"]
    assert cli.main(["test", "Results", str(trained), "small,large", *words]) == 0
    assert Path("Results/large_calibration.png").exists()
    assert cli.main(["test", "Results", str(trained), "small"]) == 0
    names = {"report.html", "small_errors.csv", "small_confusion.csv", "small_classes.csv"}
    assert {path.name for path in Path("Results").iterdir()} == names


def test_a_folder_of_others_is_not_filled_with_a_report(trained, capsys):
    for name in ("Model_Output", "Mine"):
        Path(name).mkdir(exist_ok=True)
        Path(name, "notes.txt").write_text("mine")
        assert cli.main(["test", name, str(trained), "small"]) == 2
        assert f"{name}/ has " in capsys.readouterr().err
    assert [path.name for path in Path("Mine").iterdir()] == ["notes.txt"]
    assert not Path("Mine.txt").exists()


def test_what_systems_leave_in_a_folder_is_no_file_of_others(trained, capsys):
    for _ in range(2):
        assert cli.main(["test", "Results", str(trained), "small"]) == 0
        for name in ".DS_Store", "._report.html", "Thumbs.db", "desktop.ini":
            Path("Results", name).touch()


def test_a_dataset_may_be_called_like_markup(trained, tmp_path, capsys):
    shutil.copytree(trained, tmp_path / "named")
    digest = load(tmp_path / "named").digest
    about = {"format": 1, "name": "[/x]", "ink": "bright", "form": "digit", "source": "", "digest": digest}
    (tmp_path / "named" / "dataset.json").write_text(json.dumps(about))
    assert cli.main(["test", "Results", str(tmp_path / "named"), "small,large"]) == 0
    assert " test images of [/x]" in capsys.readouterr().out


def test_a_network_that_learned_from_other_data_is_told(trained, capsys):
    record = json.loads(Path("Model_Output/small/run.json").read_text())
    record["settings"]["data_digest"], record["dataset"] = "0" * 64, "mnist"
    Path("Model_Output/small/run.json").write_text(json.dumps(record))
    assert cli.main(["test", "Results", str(trained), "small,large"]) == 0
    assert capsys.readouterr().err == "small learned from mnist, not from digits\n"
    Path("Model_Output/small/run.json").write_text(json.dumps(record | {"ink": "dark"}))
    assert cli.main(["test", "Results", str(trained), "small"]) == 0
    said = "small learned from mnist with dark ink instead of bright, not from digits\n"
    assert capsys.readouterr().err == said


def test_a_network_of_other_classes_is_left_out(trained, capsys):
    record = json.loads(Path("Model_Output/small/run.json").read_text())
    record["settings"]["data_digest"], record["dataset"] = "0" * 64, "letters"
    record["classes"] = list("abcdefghij")
    Path("Model_Output/small/run.json").write_text(json.dumps(record))
    assert cli.main(["test", "Results", str(trained), "small,large"]) == 1
    refusal = "small tells 10 classes (a, b, c, d, e, …) apart, and the images of digits show 10 digits"
    assert f"{refusal}; it is left out" in capsys.readouterr().err
    assert [line.split("\t")[0] for line in _lines("Results.txt")[1:]] == ["large"]


def test_a_network_that_gives_one_answer_to_everything_is_told(
    digits_folder, tmp_path, monkeypatch, capsys, public_cases
):
    monkeypatch.chdir(tmp_path)
    words = [str(digits_folder), "dying", str(public_cases / "27_dying.txt"), "--engine", "numpy"]
    assert cli.main(["train", *words]) == 0
    capsys.readouterr()
    assert cli.main(["test", "Results", str(digits_folder), "dying"]) == 0
    said = r"dying answers \d to every image: it has learned nothing"
    assert re.search(said, capsys.readouterr().out)
