"""`explore` as a user types it: the border, the plan, the files, Ctrl-C, the pictures of an earlier scan."""

import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from MNIST import cli
from MNIST.data import download

ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    "-l",
    "1",
    "-c",
    "2",
    "-z",
    "8",
    "-k",
    "5",
    "-p",
    "4",
    "-v",
    "1",
    "-d",
    "0.1",
    "-b",
    "50",
    "--images",
    "200",
]


@pytest.fixture(scope="session")
def digits(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "Data"
    download(folder, dataset="digits")
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def explore(*words: object, path: str | None = None) -> subprocess.CompletedProcess:
    environment = {**os.environ, **({} if path is None else {"PATH": path})}
    return subprocess.run(
        [sys.executable, str(ROOT / "MNIST"), "explore", *map(str, words)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-r", "0.001,abc"], "--rate: expected a number.*'abc'"),
        (["-r", "0"], "--rate"),
        (["--rate", "nan"], "--rate.*'nan'"),
        (["-b", "0"], "--batch.*'0'"),
        (["-l", "-1"], "--layers.*'-1'"),
        (["-c", "16,"], "--conv.*''"),
        (["-o", "Adma"], "--opt: expected one of.*adam.*'Adma'"),
        (["-d", "1"], "--dropout.*'1'"),
        (["-e", "1.5"], "--epochs.*'1.5'"),
        (["-z", ""], "--dense.*''"),
        (["-k", "9999999999999"], "--kernel"),
        (["-p", "0x10"], "--pool"),
        (["-y", "-0.1"], "--decay"),
        (["-m", "1e400"], "--mom"),
        (["-v", "1,1"], "--convlayers: 1 is given twice"),
        (["-r", "0.001,1e-3"], "--rate: 0.001 is given twice"),
        (["-s", "0"], "--split"),
        (["--fraction", "0.0001"], "of a grid of 2,304 points leaves none"),
        (["-b", ",".join(map(str, range(1, 1001)))], "768,000 points|2,304,000 points"),
        (["--precision", "half"], "--precision"),
        (["--images", "0"], "--images"),
        (["--rats", "1"], "unknown option '--rats'; did you mean '--rate'"),
        (["-f", "nowhere.csv"], "--file: there is no 'nowhere.csv'"),
    ],
)
def test_a_wrong_value_is_named_and_nothing_is_begun(here, capsys, words, message):
    assert cli.main(["explore", "Data", "scan1", *words]) == 2

    assert re.search(message, capsys.readouterr().err)
    assert list(here.iterdir()) == []


def test_a_wrong_name_touches_nothing(here, capsys):
    assert cli.main(["explore", "Data", "../x"]) == 2
    assert cli.main(["explore", "nowhere", "scan1"]) == 1
    assert "python MNIST download nowhere" in capsys.readouterr().err
    assert list(here.iterdir()) == []


def test_all_images_trained_on_leaves_nothing_to_judge_by(here, capsys, digits):
    assert cli.main(["explore", str(digits), "scan1", "-s", "1"]) == 2
    assert "no image to validate" in capsys.readouterr().err


def test_a_small_scan_from_beginning_to_end(here, digits):
    """Two optimizers, two momenta, two readings, and a kernel that cannot fit; with no git to be found."""
    words = [digits, "scan1", *SMALL, "-e", "1,2", "-m", "0.25,0.5"]
    words[words.index("-k") + 1] = "5,29"
    outcome = explore(*words, path="")
    assert outcome.returncode == 0, outcome.stderr
    for expected in (
        "8 grid points left out, where no network works",
        "its 29×29 window does not fit",
        "8 grid points, 3 distinct runs.",
        "12 epochs point by point, 6 as shared: 50% saved.",
        "0 epochs known from before",
        "opt Adam, mom any",
        "best_of_scan1 Hyperparam_Search/scan1/best.txt",
    ):
        assert expected in outcome.stdout
    folder = here / "Hyperparam_Search" / "scan1"
    rows = list(csv.DictReader((folder / "results.csv").open()))
    assert len(rows) == 8
    assert (folder / "best.txt").read_text().startswith("# The best of exploration scan1")
    assert len(list(folder.glob("*.png"))) == 5
    assert "Traceback" not in outcome.stderr

    before = (folder / "results.csv").read_bytes()
    again = explore(*words)
    assert "6 epochs known" in again.stdout
    assert (folder / "results.csv").read_bytes() == before

    drawn = explore(digits, "again", "-f", folder / "results.csv")
    assert drawn.returncode == 0
    assert len(list((here / "Hyperparam_Search" / "again").glob("*.png"))) == 5

    trained = subprocess.run(
        [
            sys.executable,
            str(ROOT / "MNIST"),
            "train",
            digits,
            "best",
            folder / "best.txt",
            "--images",
            "200",
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert trained.returncode == 0, trained.stderr
    best = max(float(row["val_accuracy"]) for row in rows)
    lines = (here / "Model_Output" / "best.txt").read_text().splitlines()
    assert float(dict(line.split("\t") for line in lines)["Validation Accuracy"]) == best


def test_a_diverging_trial_ends_in_3_and_the_others_are_answered(here, digits):
    outcome = explore(digits, "scan1", *SMALL, "-o", "SGD", "-r", "0.01,1e20", "-e", "1,2", "-m", "0.5")
    assert outcome.returncode == 3, outcome.stderr
    assert "failed, 1 ×: diverged at epoch 1" in outcome.stdout
    rows = list(csv.DictReader((here / "Hyperparam_Search" / "scan1" / "results.csv").open()))
    assert [bool(row["val_accuracy"]) for row in rows] == [True, False, True, False]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_ctrl_c_ends_in_130_and_says_how_to_go_on(here, digits):
    words = [digits, "scan1", *SMALL, "-e", "300", "-m", "0.25"]
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "MNIST"), "explore", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if " runs · " in line:
            break
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "The same command goes on." in output
    assert "Traceback" not in errors
    assert (here / "Hyperparam_Search" / "scan1" / "results.csv").exists()
