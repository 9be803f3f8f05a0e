"""The 26 letters go through every command and a real browser: each by its name, a word letter by letter."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from drawn_letters import LETTERS, drawn, word, write_folder
from own_classes import DIGIT, said, visible

from MNIST import cli, training
from MNIST.data import load

pytestmark = pytest.mark.slow

MODEL = """
Layers:
Conv,8,5,5,relu,stride=2
Flatten
Dense,{classes},softmax
Optimizer:
Adam,0.01
epochs=10
batch=50
"""
GRID = MODEL.replace("0.01", "{rate}").replace("epochs=10", "epochs=2") + "Explore:\nrate=0.003,0.01\n"
ENGINES = "numpy", "modules", "keras"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with the dataset Letters and a network of each engine, called as the engine."""
    folder = tmp_path_factory.mktemp("letters")
    write_folder(folder / "pictures", 40)
    (folder / "net.txt").write_text(MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert cli.main(["import", "pictures", "Letters", "--form", "digit"]) == 0
        for engine in ENGINES:
            how = "--engine", engine, "--precision", "float32"  # in which onnxruntime and the page compute
            assert cli.main(["train", "Letters", engine, "net.txt", *how]) == 0
    return folder


@pytest.fixture
def here(place, monkeypatch) -> Path:
    monkeypatch.chdir(place)
    return place


def test_the_dataset_has_their_names(here, capsys):
    about = json.loads((here / "Letters/dataset.json").read_text())
    assert about["form"] == "digit"
    assert (here / "Letters/classes.txt").read_text().split() == list(LETTERS)
    assert re.search(r"^25 Z +34 .* 6 ", said(capsys, "show", "Letters"), re.MULTILINE)
    assert re.search(r"Dense,26,softmax +26 ", said(capsys, "check", "net.txt", "--data", "Letters"))


def test_every_engine_learns_them_and_the_report_names_them(here, capsys):
    output = said(capsys, "test", "Results", "Letters", ",".join(ENGINES), "--examples", "--pictures")
    for engine in ENGINES:
        rows = re.findall(rf"^{engine}\t\d+\t(\S+)\t(\S+)\t", output, re.MULTILINE)
        assert len(rows) == 26 * 6
        assert {each for row in rows for each in row} <= set(LETTERS)
        assert np.mean([true == answer for true, answer in rows]) >= 0.9
        with (here / f"Results/{engine}_confusion.csv").open() as stream:
            assert next(csv.reader(stream)) == ["true", *LETTERS]
    assert not DIGIT.search(visible((here / "Results/report.html").read_text()))


def test_explore_trains_its_winner_on_them(here, capsys):
    (here / "grid.txt").write_text(GRID)
    output = said(
        capsys, "explore", "Letters", "scan", "-t", "grid.txt", "--engine", "numpy", "--workers", "1"
    )
    assert "Dense,26,softmax" in (here / "Hyperparam_Search/scan/best.txt").read_text()
    assert "The winner is Model_Output/scan" in output


def test_a_word_is_read(here, capsys):
    word("HELMUT").save(here / "word.png")
    output = said(capsys, "predict", "keras", "word.png")
    read = re.search(r"word.png: 6 found, in reading order: ([A-Z]{6})", output)[1]
    assert sum(a == b for a, b in zip(read, "HELMUT", strict=True)) >= 5


def test_an_answer_is_explained(here, capsys):
    drawn("W", 1_000).save(here / "w.png")
    assert "The answer is W" in said(capsys, "explain", "modules", "w.png")
    assert "which is" in said(capsys, "explain", "modules", "--image", "0", "--data", "Letters")


def test_onnxruntime_gives_the_same_probabilities_and_the_names(here, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    said(capsys, "export", "keras", "keras.onnx")
    images, session = load(Path("Letters")).test_images, onnxruntime.InferenceSession("keras.onnx")
    (probabilities,) = session.run(None, {"images": images})
    model = training.load_trained("keras")
    assert np.abs(probabilities - training.softmax(model.engine.logits(images))).max() < 1e-5
    assert json.loads(session.get_modelmeta().custom_metadata_map["classes"]) == list(LETTERS)


def test_engines_agree_on_them(here, capsys):
    assert "agree" in said(
        capsys, "certify", "net.txt", "--data", "Letters", "--batch", "8", "--entries", "0"
    )


def test_the_page_answers_as_the_network_does(here, capsys, browser_page):
    said(capsys, "page", "keras,numpy", "letters.html")
    page = browser_page
    page.goto((here / "letters.html").as_uri())
    assert not DIGIT.search(page.locator("body").inner_text())
    images = load(Path("Letters")).test_images[::13]
    for place, name in enumerate(("keras", "numpy")):
        model = training.load_trained(name)
        ask = f"images => Promise.all(images.map((image) => MNIST.probabilities({place}, image)))"
        answers = np.array(page.evaluate(ask, images.reshape(len(images), -1).tolist()))
        assert np.abs(answers - training.softmax(model.engine.logits(images))).max() < 1e-5
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 140, box["y"] + 40)  # an I
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 240, steps=5)
    page.mouse.up()
    page.locator("#spoken", has_text="%").wait_for(state="attached")
    assert page.locator(".digit").all_text_contents()[0] in LETTERS
    assert len(page.locator(".bars").first.locator("li").all()) == 12  # the likeliest of 26
