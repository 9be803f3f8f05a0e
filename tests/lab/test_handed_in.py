"""A network that is trained in a browser, saved, imported and tested here gives the same answers."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from web_pages import watched_page

from MNIST import cli
from MNIST.data import load
from MNIST.training import load_trained, read_record, softmax

MODEL = """Layers:
Conv,4,3,3,linear
BatchNorm
Activation,relu
MaxPool,2,2
Dropout,0.25
Flatten
Dense,{classes},softmax
Optimizer:
0.01,1e-4
2
50
Input:
Standardize
"""


@pytest.fixture(scope="module")
def handed_in(chromium, digits_folder, tmp_path_factory):
    """A folder with a network that was saved in a page, and what the page said of it."""
    folder = tmp_path_factory.mktemp("handed_in")
    (folder / "my_net.txt").write_text(MODEL)
    words = "lab", digits_folder, folder / "lab.html", "--models", folder / "my_net.txt"
    assert cli.main([str(word) for word in words]) == 0
    with watched_page(chromium) as page:
        page.goto((folder / "lab.html").as_uri())
        page.get_by_role("button", name="Train", exact=True).click()
        page.locator('[data-test="state"]', has_text="finished").wait_for()
        page.get_by_role("button", name="Test", exact=True).click()
        accuracy = page.locator('[data-test="test-accuracy"]', has_text="%")
        accuracy.wait_for()
        with page.expect_download() as download:
            page.locator("#panel-networks").get_by_role("button", name=re.compile("^Save")).first.click()
        download.value.save_as(folder / "my_net.zip")
        said = accuracy.inner_text()
    return folder, said


def test_it_is_as_good_here_as_there(handed_in, digits_folder, monkeypatch, capsys):
    folder, said = handed_in
    monkeypatch.chdir(folder)
    assert cli.main(["import", "my_net.zip"]) == 0
    assert capsys.readouterr().out.startswith("my_net: ")
    digits = load(digits_folder)
    model = load_trained("my_net")
    answers = softmax(model.engine.logits(digits.test_images)).argmax(axis=1)
    assert f"{(answers == digits.test_labels).mean():.2%}".replace("%", " %") == said
    record = read_record("my_net")
    assert record.settings.data_digest == digits.digest
    assert (record.training_images, record.validation_images, record.epochs) == (1350, 150, 2)
    pixels = digits.train_images / 255
    assert record.pixel_mean == pytest.approx(np.mean(pixels), abs=0.01)  # of nine tenths of the images
    assert (record.ink, record.form) == ("bright", "digit")
    assert json.loads(Path("Model_Output/my_net/run.json").read_text())["machine"].keys() == {"browser"}
    assert cli.main(["test", "Results", str(digits_folder), "my_net"]) == 0
    assert "learned from" not in capsys.readouterr().err
