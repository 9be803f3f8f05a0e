"""Drawn shapes, three classes with names, go through every command: right names everywhere, and no digit."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from drawn_shapes import SHAPES, drawn, write_folder
from own_classes import DIGIT, said, visible

from MNIST import cli, training
from MNIST.data import load

MODEL = """
Layers:
Conv,8,5,5,relu,stride=2
Flatten
Dense,{classes},softmax
Optimizer:
Adam,0.01
epochs=6
batch=20
label_smoothing=0.05
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the dataset Shapes, a model file, and a network of NumPy's engine."""
    folder = tmp_path_factory.mktemp("shapes")
    write_folder(folder / "pictures", 60)
    (folder / "net.txt").write_text(MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert cli.main(["import", "pictures", "Shapes", "--form", "digit"]) == 0
        assert cli.main(["train", "Shapes", "net", "net.txt", "--engine", "numpy"]) == 0
    return folder


@pytest.fixture
def here(place, monkeypatch) -> Path:
    monkeypatch.chdir(place)
    return place


def test_show_names_the_classes(here, capsys):
    output = said(capsys, "show", "Shapes", "--count", "2", "--label", "star")
    assert re.search(r"^0 circle +51 ", output, re.MULTILINE)
    assert "2 of 51 training images with label 2 (star)" in output
    assert "did you mean 'star'?" in said(capsys, "show", "Shapes", "--label", "sta", code=2)


def test_check_knows_how_many_there_are(here, capsys):
    output = said(capsys, "check", "net.txt", "--data", "Shapes")
    assert re.search(r"Dense,3,softmax +3 ", output)
    assert "{classes}  3" in output
    (here / "ten.txt").write_text(MODEL.replace("{classes}", "10"))
    refusal = "the network ends in a row of 10 numbers, and this dataset has 3 classes"
    assert f"ten.txt, line 5: {refusal}" in said(capsys, "check", "ten.txt", "--data", "Shapes", code=2)
    for words in (["train", "Shapes", "no", "ten.txt"], ["explore", "Shapes", "no", "-t", "ten.txt"]):
        assert refusal in said(capsys, *words, code=2)
    assert not (here / "Model_Output" / "no").exists()


def test_train_keeps_the_classes_with_the_network(here):
    record = json.loads((here / "Model_Output/net/run.json").read_text())
    assert (record["dataset"], record["classes"]) == ("Shapes", list(SHAPES))
    assert "Dense,3,softmax" in (here / "Model_Output/net/spec.txt").read_text()
    model = training.load_trained("net")
    assert model.network.classes == 3
    model.engine.close()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["modules", "keras"])
def test_other_engines_learn_them_too(engine, here, capsys):
    output = said(capsys, "train", "Shapes", engine, "net.txt", "--engine", engine)
    assert "Shapes: 138 images to train on, 15 to validate, 3 classes (circle, square, star)" in output
    assert float(re.search(r"([\d.]+)% of the validation", output)[1]) >= 80


def test_test_and_its_report_name_them(here, capsys):
    output = said(capsys, "test", "Results", "Shapes", "net", "--examples", "--pictures")
    rows = re.findall(r"^net\t\d+\t(\w+)\t(\w+)\t", output, re.MULTILINE)
    assert len(rows) == 27
    assert {each for row in rows for each in row} <= set(SHAPES)
    with (here / "Results/net_confusion.csv").open() as stream:
        assert next(csv.reader(stream)) == ["true", *SHAPES]
    text = visible((here / "Results/report.html").read_text())
    assert not DIGIT.search(text)
    assert "What it takes each class for" in text


def test_explore_finds_a_network_of_theirs(here, capsys):
    (here / "grid.txt").write_text(MODEL.replace("0.01", "{rate}") + "Explore:\nrate=0.003,0.01\n")
    output = said(
        capsys, "explore", "Shapes", "scan", "-t", "grid.txt", "--engine", "numpy", "--workers", "1"
    )
    assert "Dense,3,softmax" in (here / "Hyperparam_Search/scan/best.txt").read_text()
    assert "The winner is Model_Output/scan" in output


def test_predict_and_explain_name_them(here, capsys):
    drawn("star", 1_000).save(here / "mine.png")
    output = said(capsys, "predict", "net", "mine.png")
    assert re.search(r"│ +star +│", output)
    assert re.search(r"^ *circle", output, re.MULTILINE)
    assert "The answer is star" in said(capsys, "explain", "net", "mine.png")
    assert "which is right" in said(capsys, "explain", "net", "--image", "0", "--data", "Shapes")


def test_the_page_asks_for_a_picture(here, capsys):
    said(capsys, "page", "net", "shapes.html")
    text = (here / "shapes.html").read_text()
    assert "<title>Draw a picture</title>" in text
    assert '"classes":["circle","square","star"]' in text


@pytest.mark.slow
def test_export_and_certify_follow_them(here, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    said(capsys, "export", "net", "net.onnx")
    dataset, session = load(Path("Shapes")), onnxruntime.InferenceSession("net.onnx")
    (probabilities,) = session.run(None, {"images": dataset.test_images})
    model = training.load_trained("net")
    ours = training.softmax(model.engine.logits(dataset.test_images))
    assert probabilities.shape == (27, 3)
    assert np.abs(probabilities - ours).max() < 1e-6
    assert "agree" in said(capsys, "certify", "net.txt", "--data", "Shapes", "--batch", "8", "--entries", "0")


def test_images_of_other_classes_are_refused_in_the_same_words(here, digits_folder, capsys):
    words = "net tells 3 classes (circle, square, star) apart, and the images of digits show 10 digits"
    for command in (
        ["test", "Other", str(digits_folder), "net"],
        ["explain", "net", "--image", "0", "--data", str(digits_folder)],
    ):
        capsys.readouterr()
        assert cli.main(command) in (1, 2)
        assert words in capsys.readouterr().err


def test_other_images_than_the_test_sets_are_asked_about(here, capsys):
    training_images = said(capsys, "test", "OnTraining", "Shapes", "net", "--on", "training", "--examples")
    assert "153 training images of Shapes" in training_images
    rows = re.findall(r"^net\t(\d+)\t", training_images, re.MULTILINE)
    assert rows == [str(number) for number in range(153)]
    output = said(capsys, "test", "OnValidation", "Shapes", "net", "--on", "validation", "--examples")
    assert "15 validation images of Shapes" in output
    numbers = [int(number) for number in re.findall(r"^net\t(\d+)\t", output, re.MULTILINE)]
    figures = (here / "Model_Output" / "net.txt").read_text()
    accuracy = float(re.search(r"Validation Accuracy\t(.*)", figures)[1])
    wrong = len(re.findall(r"^net\t.*\twrong$", output, re.MULTILINE))
    assert accuracy == pytest.approx(1 - wrong / 15)
    assert len(set(numbers)) == 15
    assert "validation image" in (here / "OnValidation" / "report.html").read_text()


def test_networks_validated_on_other_images_are_not_compared_on_them(here, capsys):
    said(capsys, "train", "Shapes", "other", "net.txt", "--engine", "numpy", "--epochs", "1", "--seed", "1")
    output = said(capsys, "test", "No", "Shapes", "net,other", "--on", "validation", code=2)
    assert "net and other were not validated on the same images" in output
    assert not (here / "No").exists()
