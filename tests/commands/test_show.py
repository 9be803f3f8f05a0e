"""`show` as a user types it: what it prints, the picture, and what it refuses."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from MNIST import cli
from MNIST.data import load, select
from MNIST.report.image_grid import CELL, HEAD, MARGIN

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    return tmp_path


def captions(output):
    """The label and the number printed below each image."""
    return [(int(label), int(number)) for label, number in re.findall(r"(\d+) #(\d+)", output)]


def test_what_is_shown_is_in_the_dataset(digits_folder, here, capsys):
    assert cli.main(["show", str(digits_folder), "--count", "3"]) == 0
    output = capsys.readouterr().out
    dataset = load(digits_folder)
    shown = captions(output)
    assert len(shown) == 6
    for (label, number), labels in zip(
        shown, 3 * [dataset.train_labels] + 3 * [dataset.test_labels], strict=True
    ):
        assert labels[number] == label
    assert [number for _, number in shown[:3]] == select(dataset.train_labels, 3, 0).tolist()
    counts = zip(np.bincount(dataset.train_labels), np.bincount(dataset.test_labels), strict=True)
    for label, (train, test) in enumerate(counts):
        assert re.search(rf"^{label} +{train} ▀+ +{test} ▀+$", output, re.MULTILINE)
    assert "\x1b" not in output
    (picture,) = here.iterdir()
    assert picture.name == f"{digits_folder.name}_images.png"
    first = (imread(picture)[MARGIN + HEAD + 26 :, MARGIN + CELL :, 0] * 255).round()[:84:3, :84:3]
    assert np.array_equal(first, dataset.train_images[shown[1][1]])


def test_a_label_a_count_and_a_seed(digits_folder, here, capsys):
    words = ["show", str(digits_folder), "--png", "Pictures/sevens.png", "--label", "7"]
    outputs = []
    for seed in ("0", "0", "1"):
        assert cli.main([*words, "--count", "40", "--seed", seed]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1]
    assert captions(outputs[1]) != captions(outputs[2])
    assert {label for label, _ in captions(outputs[0])} == {7}
    assert "40 of 145 training images with label 7" in outputs[0]
    assert "34 of 34 test images with label 7" in outputs[0]
    assert "Written: Pictures/sevens.png." in outputs[0]
    assert [str(path.relative_to(here)) for path in here.rglob("*.png")] == ["Pictures/sevens.png"]


def test_a_pipe_a_plain_locale_and_a_narrow_terminal_do_no_harm(digits_folder):
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "COLUMNS": "50"}
    words = [sys.executable, str(ROOT / "MNIST"), "show", str(digits_folder)]
    result = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **plain})
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.isascii()
    assert "?" not in result.stdout
    assert "\x1b" not in result.stdout
    sentences = ("Written", str(digits_folder))
    assert all(len(line) <= 50 for line in result.stdout.splitlines() if not line.startswith(sentences))


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--label", "10"], "--label: expected a whole number, from 0 to 9, found '10'"),
        (["--label", "seven"], "--label: no class 'seven'; there are 0, 1, 2"),
        (["--count", "0"], "from 1 to 1000"),
        (["--seed", "-1"], "--seed"),
        (["--png", "notes.txt"], "a file's name that ends in .png, found 'notes.txt'"),
        (["--png", "a\0.png"], "--png"),
        (["--lable", "7"], "did you mean '--label'?"),
    ],
)
def test_wrong_words_are_explained_and_nothing_is_written(words, hint, digits_folder, here, capsys):
    assert cli.main(["show", str(digits_folder), *words]) == 2
    assert hint in capsys.readouterr().err
    assert list(here.iterdir()) == []


def test_missing_data_and_places_that_cannot_be_written(digits_folder, here, capsys):
    assert cli.main(["show", "No such data"]) == 1
    assert "python MNIST download 'No such data'" in capsys.readouterr().err
    (here / "taken.png").mkdir()
    assert cli.main(["show", str(digits_folder), "--png", "taken.png"]) == 2
    assert "--png: 'taken.png' is a folder" in capsys.readouterr().err
    (here / "file").write_text("mine")
    assert cli.main(["show", str(digits_folder), "--png", "file/x.png"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert sorted(path.name for path in here.rglob("*")) == ["file", "taken.png"]


def test_a_link_to_a_dataset_gives_its_picture_the_links_name(digits_folder, here, capsys):
    Path("Data").symlink_to(digits_folder)
    assert cli.main(["show", "Data"]) == 0
    assert [path.name for path in here.iterdir() if path.is_file()] == ["Data_images.png"]
    os.chdir("Data")
    assert cli.main(["show", ".", "--png", str(here / "own.png")]) == 0
