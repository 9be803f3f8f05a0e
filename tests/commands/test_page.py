"""`page` as a user types it: what is written, what is refused, and what a trained network answers on it."""

import contextlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from MNIST import cli
from MNIST.data import load
from MNIST.training import load_trained, softmax

MODEL = """Layers:
Conv,8,3,3,linear,stride=2
BatchNorm
Activation,relu
Conv,16,3,3,relu
MaxPool,2,2
Flatten
Dense,10,softmax
Optimizer:
0.005,0
1
50
"""
ROUNDING = 1e-5  # tolerance of the probabilities: Keras sums in float32, the page in float64


@pytest.fixture(scope="module")
def trained(digits_folder, tmp_path_factory):
    """A directory in which `small` has been trained, with the engine that starts fastest."""
    folder = tmp_path_factory.mktemp("trained")
    with contextlib.chdir(folder):
        Path("small.txt").write_text(MODEL)
        assert cli.main(["train", str(digits_folder), "small", "small.txt", "--engine", "numpy"]) == 0
    return folder


@pytest.fixture
def small(trained, tmp_path, monkeypatch):
    """A copy of that directory to work in."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_the_page_answers_as_keras_does(mnist_folder, tmp_path, monkeypatch, browser_page, capsys):
    monkeypatch.chdir(tmp_path)
    Path("small.txt").write_text(MODEL)
    assert cli.main(["train", str(mnist_folder), "small", "small.txt", "--images", "6000"]) == 0
    assert cli.main(["page", "small", "pages/digits"]) == 0
    page = Path("pages/digits.html")
    assert "Written: " + str(page) in capsys.readouterr().out
    data = load(mnist_folder)
    images = data.test_images[:200]
    engine = load_trained("small", engine="keras").engine  # it computes in float32
    expected = softmax(engine.logits(images))
    engine.close()
    browser_page.goto(page.absolute().as_uri())
    ask = "(images) => Promise.all(images.map((image) => MNIST.probabilities(0, image)))"
    found = np.array(browser_page.evaluate(ask, images.reshape(200, -1).tolist()))
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING)
    np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))
    assert (found.argmax(axis=1) == data.test_labels[:200]).mean() > 0.8


def test_a_page_may_be_written_again_but_over_nothing_else(small, capsys):
    assert cli.main(["page", "small", "digits.html"]) == 0
    assert cli.main(["page", "small", "digits"]) == 0
    Path("notes.html").write_text("<title>mine</title>")
    Path("folder.html").mkdir()
    Path("empty.html").touch()
    for name in ("notes", "folder", "empty"):
        capsys.readouterr()
        assert cli.main(["page", "small", name]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"{name}.html is ")
        assert error.count("\n") == 1
    assert Path("notes.html").read_text() == "<title>mine</title>"
    assert Path("empty.html").read_text() == ""


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["small,small", "x.html"], 2, "stands there twice"),
        (["../small", "x.html"], 2, "not usable"),
        (["<script>", "x.html"], 2, "not usable"),
        (["small", "x.txt"], 2, "ends in .html"),
        (["small", "a\0b"], 2, "NUL"),
        (["small", ""], 2, "ends in .html"),
        (["small", "x" * 300], 1, "too long"),
        (["small,absent", "x.html"], 1, "no trained network"),
        (["small", "small.txt/x.html"], 1, "small.txt: "),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(words, code, hint, small, capsys):
    before = sorted(small.rglob("*"))
    assert cli.main(["page", *words]) == code
    error = capsys.readouterr().err
    assert hint in error
    assert error.count("\n") == 1
    assert sorted(small.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder(small, capsys):
    folder = small / "locked"
    folder.mkdir(mode=0o500)
    assert cli.main(["page", "small", str(folder / "x.html")]) == 1
    assert "Permission denied" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="such names are for systems that allow them")
def test_a_hostile_file_name_is_but_a_name(small, capsys):
    assert cli.main(["page", "small", "<script>alert(1).html"]) == 0
    assert "<script>alert" not in Path("<script>alert(1).html").read_text()


def test_a_damaged_network_leaves_the_old_page(small, capsys):
    assert cli.main(["page", "small", "x.html"]) == 0
    before = Path("x.html").read_bytes()
    weights = small / "Model_Output" / "small" / "weights.npz"
    weights.write_bytes(weights.read_bytes()[:-9])
    assert cli.main(["page", "small", "x.html"]) == 1
    assert "refused" in capsys.readouterr().err
    assert Path("x.html").read_bytes() == before
