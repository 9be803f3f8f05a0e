"""`explain` as a user types it: it shows the network's own numbers; and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread, imsave

from MNIST import cli, training
from MNIST.data import like_mnist, load, read_picture
from MNIST.engines.scratch.inspection import Inspection
from MNIST.explaining import explain
from MNIST.report.canvas import enlarged
from MNIST.training import read_record

LINEAR = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.01,0\n1\n50\n"
BLOCKS = """
Input:
Standardize
Layers:
Conv,4,5,5,relu,stride=2
BatchNorm
Parallel:
    Path:
        Residual:
            Conv,4,3,3,tanh,padding=same
            Dropout,0.5
    Path:
        Parallel:
            Path:
                AvgPool,3,3,stride=1,padding=same
            Path:
                Conv,3,1,1,relu
MaxPool,2,2
Flatten
Dense,10,softmax
Optimizer:
0.01,0
1
50
"""
COLUMNS = "Input:\nThreshold,128\nLayers:\nColumns,50,20\nOptimizer:\nParallelDelta,0.05\n1\n50\n"


@pytest.fixture
def here(digits_folder, tmp_path, monkeypatch):
    """A project folder with the digits in Data and no network."""
    monkeypatch.chdir(tmp_path)
    Path("Data").symlink_to(digits_folder)
    return tmp_path


def trained(name, text, engine="numpy"):
    Path(f"{name}.txt").write_text(text)
    words = ["Data", name, f"{name}.txt", "--images", "200", "--engine", engine]
    assert cli.main(["train", *words]) == 0


def of_kind(layers, kind):
    """The layers of a kind, also inside blocks."""
    for layer in layers:
        yield from of_kind(layer.inside, kind)
        if layer.kind == kind:
            yield layer


def written():
    return sorted(str(path.relative_to("Model_Output")) for path in Path("Model_Output").rglob("explained/*"))


def test_a_picture_and_a_page_are_written_and_named(here, capsys):
    trained("net", BLOCKS)
    capsys.readouterr()
    assert cli.main(["explain", "net", "--image", "296"]) == 0
    label = load(Path("Data")).test_labels[296]
    output = capsys.readouterr().out
    assert "net: image 296 of the test set of digits" in output
    assert f"it is {label}." in output or "which is right" in output
    assert "Model_Output/net/explained/test_296.png" in output
    assert written() == ["net/explained/test_296.html", "net/explained/test_296.png"]
    assert imread("Model_Output/net/explained/test_296.png").shape[1] > 1000
    page = Path("Model_Output/net/explained/test_296.html").read_text()
    assert "How net arrives at its answer" in page
    assert "image 296 of the test set" in page.lower()
    assert cli.main(["explain", "net", "--image", "0", "--set", "training"]) == 0
    assert "net/explained/training_0.png" in written()
    assert cli.main(["test", "Results", "Data", "net"]) == 0  # `explain` has not changed the network


def test_what_was_explained_of_another_network_does_not_stay(here):
    trained("net", LINEAR)
    assert cli.main(["explain", "net", "--image", "0"]) == 0
    trained("net", LINEAR)  # the same network again
    assert written()
    trained("net", LINEAR.replace("0.01", "0.02"))
    assert not written()


def test_a_network_of_other_classes_is_not_asked(here, capsys, monkeypatch):
    trained("net", LINEAR)
    letters = replace(read_record("net"), dataset="letters", classes=list("abcdefghij"))
    monkeypatch.setattr(training, "read_record", lambda name: letters)
    capsys.readouterr()
    assert cli.main(["explain", "net", "--image", "0"]) == 2
    refusal = "net tells 10 classes (a, b, c, d, e, …) apart, and the images of digits show 10 digits"
    assert refusal in capsys.readouterr().err
    assert not written()


def test_scores_that_were_a_map_are_drawn_too(here):
    trained(
        "net",
        LINEAR.replace("Flatten\nDense,10,softmax", "Conv,10,28,28,linear\nFlatten\nActivation,softmax"),
    )
    assert cli.main(["explain", "net", "--image", "0"]) == 0


def test_the_numbers_are_those_of_the_network(here):
    trained("net", BLOCKS)
    image = load(Path("Data")).test_images[5]
    explained = explain("net", image, 5, "an image")
    model = training.load_trained("net")
    weights = model.engine.get_weights()
    inspection = Inspection(model.network, weights, model.record.pixel_statistics)
    outputs = {each.node.path: each.output[0] for each in inspection.layer_outputs(image[None])}

    logits = model.engine.logits(image[None])
    np.testing.assert_allclose(explained.probabilities, training.softmax(logits)[0], rtol=1e-5)
    np.testing.assert_allclose(explained.layers[-1].output, logits[0], rtol=1e-5, atol=1e-6)
    for digit in range(10):
        slope = inspection.pixel_gradient(image[None], np.array([digit]))[0]
        np.testing.assert_allclose(explained.slopes[digit], slope, rtol=1e-4, atol=1e-6)

    kinds = [layer.kind for layer in explained.layers]
    assert kinds == ["Conv", "BatchNorm", "Parallel", "MaxPool", "Flatten", "Dense"]
    parallel = explained.layers[2]
    assert [layer.kind for layer in parallel.inside] == ["Residual", "Parallel"]
    assert [layer.kind for layer in parallel.inside[0].inside] == ["Conv", "Dropout"]
    assert [layer.kind for layer in parallel.inside[1].inside] == ["AvgPool", "Conv"]
    paths = ["conv_1", "parallel_3.path_1.residual_1.conv_1", "parallel_3.path_2.parallel_1.path_2.conv_1"]
    for layer, path in zip(of_kind(explained.layers, "Conv"), paths, strict=True):
        assert np.array_equal(layer.kernels, weights[f"{path}/kernel"])
        assert np.array_equal(layer.output, outputs[path])
    assert explained.layers[0].text == "Conv,4,5,5,relu,stride=2"
    assert explained.layers[-1].text == "Dense,10,softmax"


def test_the_slopes_of_a_linear_network_are_its_weights(here):
    trained("linear", LINEAR)
    weights = training.load_trained("linear").engine.get_weights()["dense_2/kernel"]
    explained = explain("linear", load(Path("Data")).test_images[0], None, "an image")
    np.testing.assert_allclose(explained.slopes, weights.T.reshape(10, 28, 28), rtol=1e-6)
    record = Path("Model_Output/linear/run.json")
    before = record.read_text()
    record.write_text(json.dumps(json.loads(before) | {"ink": "dark"}))
    dark = explain("linear", explained.image)  # more ink is a smaller value there
    record.write_text(before)
    np.testing.assert_array_equal(dark.slopes, -explained.slopes)
    np.testing.assert_array_equal(dark.ink, 255 - explained.ink)


def test_numbers_beyond_all_bounds_are_refused(here, capsys, monkeypatch):
    trained("net", LINEAR.replace("Dense,10", "Dense,8,relu\nDense,10"))
    engine = type(training.load_trained("net").engine)
    own = engine.get_weights
    monkeypatch.setattr(
        engine, "get_weights", lambda self: {name: w * 0 + 1e30 for name, w in own(self).items()}
    )
    capsys.readouterr()
    assert cli.main(["explain", "net", "--image", "0"]) == 1
    assert capsys.readouterr().err == ("net: what its layers make of this image are not finite numbers\n")
    assert written() == []


def test_what_is_no_image_of_mnists_form_is_refused(here):
    for image in (np.zeros((28, 28)), np.zeros((1, 28, 28), np.uint8)):
        with pytest.raises(ValueError, match=r"expected one image, uint8 \(28, 28\), found"):
            explain("net", image)


def test_columns_have_nothing_to_show(here, capsys):
    trained("columns", COLUMNS, engine="sonn")
    assert cli.main(["explain", "columns", "--image", "0"]) == 2
    assert "columns is one layer of Columns, which has no maps and no gradients" in capsys.readouterr().err
    assert written() == []


def test_what_is_not_there_is_named(here, capsys):
    assert cli.main(["explain", "net", "--image", "0"]) == 1
    assert "no trained network 'net' in Model_Output/; trained are: none yet" in capsys.readouterr().err
    trained("net", LINEAR)
    for words, code, hint in (
        (["--image", "297"], 2, "--image 297: the test set has 297 images, 0 to 296"),
        (["--image", "1500", "--set", "training"], 2, "the training set has 1,500 images, 0 to 1,499"),
        (["--image", "-1"], 2, "--image: expected a whole number"),
        (["--image", "0", "--set", "tset"], 2, "did you mean 'test'?"),
        (["--image", "0", "--data", "No such data"], 1, "; there is a dataset in Data"),
        ([], 2, "<image-file> is missing"),
        (["--image"], 2, "an option lacks its value"),
    ):
        capsys.readouterr()
        assert cli.main(["explain", "net", *words]) == code
        assert hint in capsys.readouterr().err
    assert cli.main(["explain", "../net", "--image", "0"]) == 2
    assert written() == []


def test_a_folder_that_cannot_be_made_is_one_line(here, capsys):
    trained("net", LINEAR)
    Path("Model_Output/net/explained").write_text("mine")
    capsys.readouterr()
    assert cli.main(["explain", "net", "--image", "0"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert Path("Model_Output/net/explained").read_text() == "mine"


def test_a_picture_of_the_users_own(here, capsys):
    """An MNIST image saved as dark ink on paper gets the same explanation as the image itself."""
    trained("net", LINEAR)
    image = load(Path("Data")).test_images[3]
    Path("Bild eins").mkdir()
    file = Path("Bild eins/&lt;seven.png")
    imsave(file, 255 - enlarged(image, 4), cmap="gray", vmin=0, vmax=255)
    capsys.readouterr()
    assert cli.main(["explain", "net", str(file)]) == 0
    output = capsys.readouterr().out
    assert "net: the picture '&lt;seven.png'\nThe answer is " in output
    assert "right" not in output
    assert written() == ["net/explained/file__lt_seven.html", "net/explained/file__lt_seven.png"]
    assert (
        "the picture &#39;&amp;lt;seven.png" in Path("Model_Output/net", written()[0][4:]).read_text().lower()
    )
    prepared = like_mnist(read_picture(Path("Bild eins/&lt;seven.png"))).image
    shown = imread(Path("Model_Output/net", written()[1][4:]))[84 : 84 + 224 : 8, 20 : 20 + 224 : 8, 0]
    assert np.array_equal((shown * 255).round(), prepared)


def test_what_is_no_picture_is_one_line_and_writes_nothing(here, capsys):
    trained("net", LINEAR)
    Path("notes.txt").write_text("no picture")
    for file in ("notes.txt", "none.png", ".", "a\0b"):
        capsys.readouterr()
        assert cli.main(["explain", "net", file]) == 1
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert said.startswith(file.replace("\0", "\\x00") + ": ")
    assert cli.main(["explain", "net", "notes.txt", "--image", "3"]) == 2
    assert written() == []
