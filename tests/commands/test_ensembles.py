"""Ensembles: `A+B` stands for the mean of the networks' probabilities wherever a network may be named."""

import contextlib
import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from MNIST import cli, load_network, training
from MNIST.commands import values
from MNIST.data import load
from MNIST.errors import UsageError
from MNIST.export import onnx_file
from MNIST.paths import LONGEST_NAME, short_name

MODEL = "Layers:\nConv,4,5,5,relu,stride=2\nFlatten\nDense,{units},softmax\nOptimizer:\n0.01,0\n1\n50\n"


@pytest.fixture(scope="module")
def trained(digits_folder, tmp_path_factory) -> Path:
    """A folder with the networks net_0 to net_2, which differ in their seed, and the digits in Data."""
    folder = tmp_path_factory.mktemp("ensembles")
    with contextlib.chdir(folder):
        Path("Data").symlink_to(digits_folder)
        Path("net.txt").write_text(MODEL.format(units=10))
        words = ["Data", "net", "net.txt", "--engine", "numpy", "--seeds", "0-2", "--images", "400"]
        assert cli.main(["train", *words]) == 0
    return folder


def _probabilities(name: str, images: np.ndarray) -> np.ndarray:
    model = training.load_trained(name)
    probabilities = training.softmax(model.engine.logits(images))
    model.engine.close()
    return probabilities


def _mean(images: np.ndarray, *names: str) -> np.ndarray:
    return np.mean([_probabilities(name, images) for name in names], axis=0)


def test_test_gives_what_the_mean_of_the_probabilities_reaches(here, run):
    code, shown, _ = run("test", "Results", "Data", "net_0,net_1,net_1+net_0,net_0+net_1+net_2")
    assert code == 0
    data = load(Path("Data"))
    rows = list(csv.DictReader(Path("Results.txt").read_text().splitlines(), delimiter="\t"))
    assert [row["Model_Name"] for row in rows] == ["net_0", "net_1", "net_1+net_0", "net_0+net_1+net_2"]
    for row in rows:
        mean = _mean(data.test_images, *row["Model_Name"].split("+"))
        likely = mean[np.arange(len(data.test_labels)), data.test_labels]
        assert int(row["Errors"]) == (mean.argmax(axis=1) != data.test_labels).sum()
        assert float(row["Test_Loss"]) == pytest.approx(-np.log(likely).mean(), rel=1e-12)
        assert row["Engine"] == "numpy"
        assert Path(f"Results/{row['Model_Name']}_errors.csv").is_file()
    single = training.read_record("net_0").parameters
    assert f"{single:,}" in shown
    assert f"{3 * single:,}" in shown
    page = Path("Results/report.html").read_text()
    assert 'href="#of-net_0+net_1+net_2"' in page
    assert "mean accuracy" in shown  # net_0 and net_1 are a family, to which no ensemble belongs
    assert "2 seeds" in shown


def test_an_ensemble_alone_has_a_report(here, run):
    assert run("test", "Results", "Data", "net_*+")[0] == 0
    assert "The images as the network sees them" not in Path("Results/report.html").read_text()
    assert not list(Path("Model_Output").glob("*/tested.json"))


def test_predict_gives_the_mean_of_the_probabilities(here, run):
    data = load(Path("Data"))
    Image.fromarray(np.pad(data.test_images[0], 20)).save("digit.png")
    code, shown, _ = run("predict", "net_0,net_1,net_0+net_1", "digit.png", "--json")
    assert code == 0
    (digit,) = json.loads(shown)["pictures"][0]["digits"]
    one, other, mean = (
        [*digit["answers"][name]["probabilities"].values()] for name in ("net_0", "net_1", "net_0+net_1")
    )
    np.testing.assert_allclose(mean, np.mean([one, other], axis=0), rtol=0, atol=1e-12)
    assert digit["answers"]["net_0+net_1"]["answer"] == str(np.argmax(mean))


def test_explain_explains_each_and_tells_the_mean(here, run):
    code, shown, _ = run("explain", "net_0+net_1", "--image", "3")
    assert code == 0
    data = load(Path("Data"))
    answer = _mean(data.test_images[3:4], "net_0", "net_1")[0].argmax()
    assert f"net_0+net_1, by the mean of their probabilities:\nThe answer is {answer}," in shown
    for name in ("net_0", "net_1"):
        assert Path(f"Model_Output/{name}/explained/test_3.html").is_file()


def test_an_onnx_file_of_an_ensemble_gives_the_mean(here, run):
    onnx = pytest.importorskip("onnx", reason="needs onnx: python -m pip install '.[onnx]'")
    pytest.importorskip("onnxruntime")
    code, shown, _ = run("export", "net_0+net_1+net_2", "three.onnx")
    assert code == 0
    assert "it answers as the engine does in float32" in shown
    images = load(Path("Data")).test_images
    content = Path("three.onnx").read_bytes()
    mean = _mean(images, "net_0", "net_1", "net_2")
    np.testing.assert_allclose(onnx_file.answers(content, images), mean, rtol=0, atol=1e-5)
    properties = {each.key: each.value for each in onnx.load_from_string(content).metadata_props}
    assert properties["name"] == "net_0+net_1+net_2"
    assert properties["spec of net_2"] == Path("net.txt").read_text()
    assert json.loads(properties["classes"]) == list("0123456789")


@pytest.mark.parametrize("words", [["two.keras"], ["two.py", "--with", "numpy"]])
def test_other_files_hold_one_network(words, here, run):
    code, _, errors = run("export", "net_0+net_1", *words)
    assert code == 2
    assert "ensemble" in errors
    assert not Path(words[0]).exists()


def test_the_page_answers_with_the_mean_and_has_each_network_once(here, run, browser_page):
    assert run("page", "net_0,net_0+net_1", "page.html")[0] == 0
    browser_page.goto(Path("page.html").resolve().as_uri())
    assert browser_page.locator(".card .name").all_text_contents() == ["net_0", "net_0+net_1"]
    assert browser_page.locator(".card .size").nth(1).text_content().startswith("2 networks, ")
    assert Path("page.html").read_text().count('id="numbers-') == 2
    images = load(Path("Data")).test_images[:5]
    ask = "images => Promise.all(images.map((image) => MNIST.probabilities(1, image)))"
    found = browser_page.evaluate(ask, images.reshape(5, -1).tolist())
    np.testing.assert_allclose(found, _mean(images, "net_0", "net_1"), rtol=0, atol=1e-6)


def test_a_notebook_loads_an_ensemble(here):
    data = load(Path("Data"))
    ensemble = load_network("net_0+net_1")
    mean = _mean(data.test_images, "net_0", "net_1")
    np.testing.assert_allclose(ensemble.predict(data.test_images), mean, rtol=0, atol=1e-12)
    _, accuracy = ensemble.evaluate(data.test_images, data.test_labels)
    assert accuracy == (mean.argmax(axis=1) == data.test_labels).mean()
    assert repr(ensemble) == "<net_0+net_1: the mean of 2 networks>"


def test_one_that_cannot_be_trusted_takes_the_ensemble_with_it(here, run):
    Path("Model_Output/net_1/weights.npz").write_bytes(b"damaged")
    code, _, errors = run("test", "Results", "Data", "net_0+net_1,net_1,net_0,net_0+net_2")
    assert code == 1
    assert errors.count("weights.npz") == 1  # it is named once
    assert "net_0+net_1 is left out, because net_1 is" in errors
    rows = csv.DictReader(Path("Results.txt").read_text().splitlines(), delimiter="\t")
    assert [row["Model_Name"] for row in rows] == ["net_0", "net_0+net_2"]


def test_networks_of_other_classes_are_no_ensemble(here, run):
    record = Path("Model_Output/net_1/run.json")
    values = json.loads(record.read_text())
    record.write_text(json.dumps(values | {"classes": [*"abcdefghij"]}))
    assert "tell 10 digits and 10 classes" in run("test", "Results", "Data", "net_0+net_1")[2]
    code, _, errors = run("page", "net_0+net_1", "page.html")
    assert code == 2
    assert "tell 10 digits and 10 classes (a, b, c, d, e, …) apart" in errors
    with pytest.raises(ValueError, match="classes"):
        load_network("net_0+net_1")


def test_a_pattern_stands_for_all_that_fit(here):
    assert values.model_names("net_*") == ["net_0", "net_1", "net_2"]
    assert values.model_names("net_*+") == ["net_0+net_1+net_2"]
    assert values.model_names("net_2, net_?+") == ["net_2", "net_0+net_1+net_2"]


def test_a_file_of_names_may_name_ensembles(here):
    Path("names.txt").write_text("net_0\nnet_?+  # all of them\n")
    assert values.model_names("names.txt") == ["net_0", "net_0+net_1+net_2"]
    Path("names.txt").write_text("net_0+net_7\n")
    with pytest.raises(UsageError, match="line 1: no trained network 'net_7'"):
        values.model_names("names.txt")


@pytest.mark.parametrize(
    "words", ["net_0+", "+net_0", "net_0++net_1", "+", "net_0+net_0", "net_0+net_1,net_1+net_0", "net_0+../x"]
)
def test_what_is_no_ensemble_is_refused(words, here):
    with pytest.raises(UsageError, match="model name"):
        values.model_names(words)


def test_a_command_of_one_network_takes_one_ensemble(here):
    assert values.model_or_ensemble("net_0+net_1") == "net_0+net_1"
    with pytest.raises(UsageError, match=r"expected one network, found 2: net_0, net_1; .* join them by \+"):
        values.model_or_ensemble("net_0,net_1")


def test_a_long_name_is_shortened():
    many = "+".join(f"net_{number}" for number in range(30))
    assert len(many) > LONGEST_NAME
    assert short_name(many) == "net_0+29_more"
    assert short_name("net_0+net_1") == "net_0+net_1"
