"""`export` as a user types it: its file answers as the network does; what it writes and what it refuses."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from MNIST import cli
from MNIST.data import load
from MNIST.export import onnx_file
from MNIST.training import load_trained, softmax

ROOT = Path(__file__).parents[2]
MODEL = """
Input:
Standardize
Layers:
Conv,8,3,3,linear,stride=2
BatchNorm
Activation,relu
MaxPool,2,2
Dropout,0.25
Flatten
Dense,10,softmax
Optimizer:
0.003,0
2
50
"""


def train(folder: Path, data: Path, *more: str) -> None:
    (folder / "net.txt").write_text(MODEL)
    words = ["train", str(data), "net", "net.txt", "--engine", "numpy", "--threads", "1", *more]
    subprocess.run([sys.executable, str(ROOT / "MNIST"), *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def trained(digits_folder, tmp_path_factory):
    """A folder with the network `net`, trained on the digits of scikit-learn."""
    folder = tmp_path_factory.mktemp("trained")
    train(folder, digits_folder)
    return folder


@pytest.fixture
def here(trained, monkeypatch):
    monkeypatch.chdir(trained)
    return trained


@pytest.mark.slow
def test_on_all_test_images_an_onnx_file_gives_the_trained_network_s_probabilities(
    mnist_folder, tmp_path, monkeypatch, capsys
):
    pytest.importorskip("onnxruntime", reason="needs onnx: python -m pip install '.[onnx]'")
    train(tmp_path, mnist_folder, "--images", "5000")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", "net", "net.onnx"]) == 0
    assert "on 297 images it answers as the engine does in float32, within" in capsys.readouterr().out
    dataset = load(mnist_folder)
    expected = softmax(load_trained("net").engine.logits(dataset.test_images))
    assert (expected.argmax(axis=1) == dataset.test_labels).mean() > 0.8  # it has learned something
    answers = onnx_file.answers((tmp_path / "net.onnx").read_bytes(), dataset.test_images)
    assert abs(answers - expected).max() < 1e-5
    assert np.array_equal(answers.argmax(axis=1), expected.argmax(axis=1))


@pytest.mark.parametrize("file", ["net.onnx", "net.keras"])
def test_a_file_is_replaced_by_the_same_bytes(file, here, capsys):
    pytest.importorskip("onnx", reason="needs onnx: python -m pip install '.[onnx]'")
    (here / file).write_bytes(b"something else")
    assert cli.main(["export", "net", file]) == 0
    first = (here / file).read_bytes()
    assert f"Written: {file} ({len(first):,} bytes)" in capsys.readouterr().out
    assert cli.main(["export", "net", file]) == 0
    assert (here / file).read_bytes() == first
    assert not list(here.glob(".*.tmp"))


@pytest.mark.parametrize(
    ("name", "file", "code", "message"),
    [
        ("net", "net.py", 2, "'net.py': a script needs --with: keras, torch, numpy"),
        ("net", "net.h5", 2, "ends in .onnx, .keras or .py"),
        ("net", "net", 2, "ends in .onnx, .keras or .py"),
        ("net", "net\0.onnx", 2, "ends in .onnx, .keras or .py"),
        ("net", "Model_Output/net/model.keras", 2, "a trained network's own folder"),
        ("net", "numpy.py", 2, "'numpy.py' would hide Python's module numpy"),
        ("net", "string.py", 2, "'string.py' would hide Python's module string"),
        ("../net", "net.onnx", 2, "not usable"),
        ("<script>", "net.onnx", 2, "not usable"),
        ("nett", "net.onnx", 1, "did you mean 'net'?"),
        ("net", "net.txt/net.onnx", 1, "net.txt"),
    ],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(name, file, code, message, here, capsys):
    before = sorted(here.rglob("*"))
    assert cli.main(["export", name, file]) == code
    output = capsys.readouterr()
    assert message in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize(
    ("file", "library", "message"),
    [
        ("new.onnx", "keras", "--with: only a script takes it, a file that ends in .py; found 'new.onnx'"),
        (
            "new.py",
            "kera",
            "--with: expected one of keras, torch, numpy, found 'kera'; did you mean 'keras'?",
        ),
    ],
)
def test_only_a_script_takes_a_library(file, library, message, here, capsys):
    assert cli.main(["export", "net", file, "--with", library]) == 2
    assert capsys.readouterr().err == f"{message}\n"
    assert not (here / file).exists()


def test_a_script_trains_the_network_as_train_did(here, capsys):
    assert cli.main(["export", "net", "net.py", "--with", "numpy"]) == 0
    output = capsys.readouterr().out
    assert "on 297 images it answers as the engine does in float32, within" in output
    assert "python net.py Data --weights net_weights.npz\n" in output
    source, weights = (here / "net.py").read_text(), (here / "net_weights.npz").read_bytes()
    assert "EPOCHS = 2\nBATCH_SIZE = 50\nTRAINING = 1350  # how many images train\n" in source
    assert "VALIDATION = 150  #" in source
    assert cli.main(["export", "net", "net.py", "--with", "numpy"]) == 0
    assert (here / "net.py").read_text() == source
    assert (here / "net_weights.npz").read_bytes() == weights


def test_a_folder_of_that_name_stays(here, capsys):
    (here / "folder.onnx").mkdir(exist_ok=True)
    assert cli.main(["export", "net", "folder.onnx"]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_a_file_that_answers_otherwise_is_not_written(here, monkeypatch, capsys):
    pytest.importorskip("onnxruntime", reason="needs onnx: python -m pip install '.[onnx]'")
    monkeypatch.setitem(onnx_file.ACTIVATIONS, "relu", lambda graph, tensor: tensor)
    assert cli.main(["export", "net", "wrong.onnx"]) == 1
    assert "not written: the file's probabilities differ" in capsys.readouterr().err
    assert not (here / "wrong.onnx").exists()


def test_without_onnxruntime_the_file_is_written_and_that_is_said(here, monkeypatch, capsys):
    pytest.importorskip("onnx", reason="needs onnx: python -m pip install '.[onnx]'")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert cli.main(["export", "net", "unchecked.onnx"]) == 0
    assert "were not checked: that takes onnxruntime" in capsys.readouterr().out
