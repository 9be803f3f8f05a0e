"""What notebooks import: the documented example runs, and its numbers are those of `train`."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import MNIST
from MNIST import NeuralNetwork, cli, data, load, load_network, training
from MNIST.errors import DataError, ModelError, UsageError
from MNIST.language import SpecError, parse_spec
from MNIST.training import Run, resolve_settings
from MNIST.training.draws import epoch_order

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "notebook.md"
LAYERS = ["Flatten", "Dense,16,relu", "Dense,10,softmax"]
COLUMNS = (["Columns,40,10,spread=10"], "ParallelDelta,0.05,prune=0", "Threshold,1,64,128,192")


@pytest.fixture(scope="session")
def digits(digits_folder):
    return load(digits_folder)


def test_the_examples_of_the_page_run(digits_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("Data").symlink_to(digits_folder)
    Path("Models").symlink_to(ROOT / "Models")  # as in the project's root: there a name may be taken
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(examples) == 5
    Path("net.txt").write_text("Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.01,0\n1\n50\n")
    assert cli.main(["train", "Data", "my_net", "net.txt", "--engine", "numpy"]) == 0
    capsys.readouterr()
    ((file, template),) = re.findall(r"Save this as `(.*)`:\n\n```\n(.*?)```", PAGE.read_text(), re.DOTALL)
    Path(file).write_text(template)
    names: dict[str, object] = {}
    for example in examples:
        exec(example, names)
    *rows, last, network_line, verdict = capsys.readouterr().out.splitlines()
    pattern = r"<my_net: 7,850 parameters, 1 epoch on 1,350 images of digits, [\d.]+% of the validation"
    assert re.match(pattern, network_line)
    assert "but it is" in verdict
    assert [row.split()[0] for row in rows] == [str(number) for number in range(10)]
    assert re.fullmatch(r"\d+ of 297 wrong", last)
    table, network, explained = names["table"], names["network"], names["explained"]
    assert sorted(zip(table["units"], table["rate"], strict=True)) == [
        (8, 0.001), (8, 0.01), (16, 0.001), (16, 0.01),
    ]  # fmt: skip
    best = table.iloc[0]
    assert training.read_history("units")[-1].val_accuracy == best["val_accuracy"]
    live = Path("Hyperparam_Search/units/live.html").read_text()  # without a command and without pictures
    assert "Finished." in live
    assert "The command that" not in live
    assert "Too few to tell which parameters matter: 4 combinations" in live
    x_test = load("Data")[2]
    assert explained.answer == network.predict(x_test[:1]).argmax()


def test_the_error_of_the_page_is_the_programs():
    shown = PAGE.read_text().split("as in a file:\n\n")[1].split("\n\n")[0]
    with pytest.raises(SpecError) as refused:
        NeuralNetwork(["Flatten", "Dens,128,sigmoid", "Dense,10,softmax"])
    assert str(refused.value).splitlines() == [line.removeprefix("    ") for line in shown.splitlines()]


def test_the_data_are_four_arrays(digits):
    x_train, t_train, x_test, t_test = digits
    assert (x_train.shape, x_test.shape) == ((1500, 28, 28), (297, 28, 28))
    assert (t_train.shape, t_test.shape) == ((1500,), (297,))
    assert {array.dtype for array in digits} == {np.dtype(np.uint8)}


def test_data_that_are_not_there_say_how_to_download_them(tmp_path):
    with pytest.raises(DataError, match="python MNIST download"):
        load(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_epoch_of_batches_is_an_epoch_of_train(digits_folder, any_engine):
    """They are equal bit for bit, also with decay. Only what is drawn during training differs."""
    gradients = (LAYERS, "SGD,0.1,momentum=0.9,decay=1e-2", "Scale")
    layers, optimizer, steps = COLUMNS if any_engine == "sonn" else gradients
    images = data.split(data.load(digits_folder), 0.9, 0)
    settings = resolve_settings(
        "digits", images=None, split=0.9, seed=7, engine=any_engine, precision="float32"
    )
    text = "\n".join(["Input:", steps, "Layers:", *layers, "Optimizer:", optimizer, "1", "100"])
    run = Run(parse_spec(text), images, settings, epochs=1)
    run.train()
    network = NeuralNetwork(layers, optimizer, steps, any_engine, seed=7)
    order = epoch_order(images.train, 7, 1)
    losses = [
        network.train_batch(images.images[batch], images.labels[batch])
        for batch in np.split(order, range(100, len(order), 100))
    ]
    weights = run.engine.get_weights()
    assert all(np.array_equal(array, weights[name]) for name, array in network.weights.items())
    assert np.mean(losses[:-1]) > losses[-1]


def test_the_same_calls_give_the_same_numbers_with_dropout_too(digits):
    x_train, t_train, *_ = digits

    def losses(seed: int) -> list[float]:
        network = NeuralNetwork(["Flatten", "Dropout,0.5", *LAYERS[1:]], seed=seed)
        return [network.train_batch(x_train[:60], t_train[:60]) for _ in range(4)]

    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


def test_it_learns_and_gives_probabilities(digits):
    x_train, t_train, x_test, t_test = digits
    network = NeuralNetwork(LAYERS, "Adam,0.01")
    for _ in range(5):
        for start in range(0, len(x_train), 50):
            network.train_batch(x_train[start : start + 50], t_train[start : start + 50])
    probabilities = network.apply(x_test)
    assert probabilities.shape == (297, 10)
    assert np.allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == t_test).mean() > 0.9
    assert network.apply(x_test[:0]).shape == (0, 10)


@pytest.mark.parametrize(
    ("layers", "optimizer", "message"),
    [
        (["Flatten", "Dense,10"], "Adam,0.1", "layers, line 2: Dense takes 2 values"),
        (["Flatten\nDense,16,relu", "Dense,10,soft"], "Adam,0.1", "layers, line 3: .*did you mean 'softmax'"),
        ("Dense,10,softmax", "Adam,0.1", "layers, line 1: "),
        ([], "Adam,0.1", "layers: an empty section"),
        (LAYERS, "Adma,0.1", "optimizer, line 1: unknown optimizer 'Adma'; did you mean 'Adam'"),
        (LAYERS, "Adam,-1", "optimizer, line 1: "),
        (LAYERS, "", "optimizer: this section lacks the optimizer"),
        (LAYERS, "Adam,0.01\n5", "optimizer: expected one line"),
        (LAYERS, "Adam,0.01\r5", "optimizer: expected one line"),
        (LAYERS, "batch=5", "optimizer, line 1: batch is given twice"),
        (COLUMNS[0], COLUMNS[1], "layers, line 1: .*binary pixels: let 'Input:' have a line such as"),
        ([*LAYERS, "Schedule:", "Cosine"], "Adam,0.1", "layers: Schedule:, .* go by epochs"),
        ([*LAYERS, "Stop:", "patience=2"], "Adam,0.1", "layers: Schedule:, .* and Stop: go by"),
    ],
)
def test_a_mistake_is_told_with_its_line(layers, optimizer, message):
    with pytest.raises(SpecError, match=message) as refused:
        NeuralNetwork(layers, optimizer)
    assert "1000000" not in str(refused.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Treshold,5", "input, line 1: unknown input step 'Treshold'; did you mean 'Threshold'"),
        ("", "input: an empty section"),
        ("Scale\nStandardize", "input: expected one line"),
        ("Standardize", "input: Standardize needs all training images, .*; take Scale"),
    ],
)
def test_a_mistake_in_the_input_is_told(line, message):
    with pytest.raises(SpecError, match=message):
        NeuralNetwork(LAYERS, input=line)


def test_the_engine_is_the_one_that_the_layers_need(digits):
    x_train, t_train, x_test, t_test = digits
    network = NeuralNetwork(*COLUMNS)
    for start in range(0, len(x_train), 50):
        network.train_batch(x_train[start : start + 50], t_train[start : start + 50])
    assert network.weights.keys() == {"columns_1/sources", "columns_1/weights", "columns_1/thresholds"}
    assert (network.apply(x_test).argmax(axis=1) == t_test).mean() > 0.7
    with pytest.raises(UsageError, match="sonn"):
        NeuralNetwork(*COLUMNS, engine="numpy")


def test_an_unknown_engine_is_told():
    with pytest.raises(UsageError, match="unknown engine 'nunpy'; did you mean 'numpy'"):
        NeuralNetwork(LAYERS, engine="nunpy")


def test_other_arrays_are_refused(digits):
    x_train, t_train, *_ = digits
    network = NeuralNetwork(LAYERS)
    for images in (x_train / 255, x_train[0], x_train.reshape(-1, 784)):
        with pytest.raises(ValueError, match="expected images as `load` gives them"):
            network.apply(images)
    for labels in (t_train[:9], t_train[:10] / 1.0, np.eye(10)):
        with pytest.raises(ValueError, match="expected 10 whole numbers as labels"):
            network.train_batch(x_train[:10], labels)
    with pytest.raises(ValueError, match="expected at least 1 whole numbers"):
        network.train_batch(x_train[:0], t_train[:0])
    with pytest.raises(ValueError, match="labels from 0 to 9, found 3 to 12"):
        network.train_batch(x_train[:2], np.array([3, 12]))


def test_the_package_itself_stays_light():
    code = "import sys, MNIST; assert 'numpy' not in sys.modules; MNIST.load; assert 'numpy' in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = MNIST.lode


def test_a_trained_network_is_loaded_with_all_of_it(digits_folder, digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "# mine\nLayers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.01,0\n2\n50\n"
    Path("net.txt").write_text(text)
    assert cli.main(["train", str(digits_folder), "net", "net.txt", "--engine", "numpy", "--split", "1"]) == 0
    network, (_, _, x_test, t_test) = load_network("net"), digits
    assert network.text == text
    assert [result.epoch for result in network.history] == [1, 2]
    assert network.classes == tuple("0123456789")
    assert {name: array.shape for name, array in network.weights.items()} == {
        "dense_2/kernel": (784, 10),
        "dense_2/bias": (10,),
    }
    probabilities = network.predict(x_test)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    loss, right = network.evaluate(x_test, t_test)
    assert right == (probabilities.argmax(axis=1) == t_test).mean() > 0.5
    assert loss == pytest.approx(-np.log(probabilities[np.arange(len(t_test)), t_test]).mean())
    assert repr(network).endswith("of the training images>")
    with pytest.raises(ValueError, match="expected images as"):
        network.predict(x_test / 255)
    with pytest.raises(ModelError, match="no trained network 'other'"):
        load_network("other")
    with pytest.raises(UsageError):
        load_network("../net")
