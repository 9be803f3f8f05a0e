"""A script answers as our engines do, trains by itself, and reads as its library's own documentation."""

import ast
import dataclasses
import gzip
import io
import re
import subprocess
import sys
from contextlib import closing
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from small_networks import COLUMNS, END, IMAGES, NETWORKS, engine_of, network_of, probabilities

from MNIST.data import idx
from MNIST.engines.metrics import cross_entropy
from MNIST.errors import UsageError
from MNIST.export import SharedNetwork
from MNIST.export.scripts import LIBRARIES, answers, keras_script, numpy_script, script_of, torch_script
from MNIST.export.scripts.frame import executed
from MNIST.language import LAYERS, OPTIMIZERS, SCHEDULES, lay_out, parse_spec
from MNIST.language.layer import ACTIVATION
from MNIST.language.layers import Columns, Flatten, Parallel, Repeat, Residual
from MNIST.language.layers import Path as PathLayer
from MNIST.training.draws import initial_weights
from MNIST.training.rates import epoch_rates

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(
    file.stem
    for file in (ROOT / "Models").glob("*.txt")
    if file.stem not in ("explore", "experiments", "sonn", "random_features")  # templates; without gradients
)
# Keras takes seconds to start and to build networks.
EACH_LIBRARY = ["numpy", "torch", pytest.param("keras", marks=pytest.mark.slow)]

MODULES = {"keras": keras_script, "torch": torch_script, "numpy": numpy_script}
SMALL = "Layers:\nConv,4,3,3,relu,stride=2\nBatchNorm\nFlatten\nDropout,0.1\nDense,10,softmax\nOptimizer:\n"
SINGLE = "Layers:\nAvgPool,28,28\nBatchNorm\nFlatten\nDense,9,tanh\nBatchNorm\nDense,10,softmax\nOptimizer:\n"
TRAININGS = {
    "decay": f"{SMALL}0.01,0.1\n2\n20\n",
    "momentum": f"{SMALL}Momentum,0.1\n2\n20\nSchedule:\nStep,1,0.5\nAugment:\nElastic,20,4\n",
    "nesterov": f"{SMALL}Nesterov,0.1\n2\n20\nSchedule:\nCosine\nStop:\naccuracy=0.01\n",
    "plain": f"{SMALL}SGD,0.1\n2\n20\nSchedule:\nCosine,warmup=0.5,final=0.01\nAugment:\nShift,0.1\n",
    "rmsprop": f"{SMALL}RMSprop,0.01,decay=0.1\n4\n20\nSchedule:\nPlateau,patience=1,monitor=accuracy\n",
    "adam": f"{SMALL}Adam,0.01,0.1,beta2=0.9\n2\n20\nSchedule:\nOneCycle,0.02\nStop:\npatience=1\n",
    "adamw": f"{SMALL}AdamW,0.01\n2\n20\nlabel_smoothing=0.1\nSchedule:\nPlateau\n"
    "Augment:\nRotate,9\nShear,9\n",
    "turn": f"{SMALL}Adam,0.01\n2\n35\nSchedule:\nOneCycle,0.02,warmup=0.25\n",  # after 1 of 4 steps
    "rising": f"{SMALL}SGD,0.01\n2\n20\nSchedule:\nCosine,warmup=0.95\n",  # in all of 8 steps
    "single": f"{SINGLE}Adam,0.01\n2\n23\n",  # its last batch has one image
    "adagrad": f"{SMALL}Adagrad,0.01\n3\n20\nAugment:\nZoom,0.1\n"
    "Stop:\npatience=1,accuracy=0.99,monitor=accuracy\n",
}


def shipped(name: str, drawn: bool = True) -> SharedNetwork:
    """A shipped model with its first weights, as training begins; drawn: whether they are not all 0."""
    text = (ROOT / "Models" / f"{name}.txt").read_text()
    network = lay_out(parse_spec(text))
    parameters = {f"{node.path}/{each.name}": each for node in network.walk() for each in node.parameters}
    zeros = {name: np.broadcast_to(np.float32(0), each.shape) for name, each in parameters.items()}
    weights = initial_weights(network, seed=0) if drawn else zeros
    return SharedNetwork(name, text, network, weights, (0.13, 0.31), tuple("0123456789"))


def needs(library: str) -> None:
    if library == "torch":
        pytest.importorskip("torch", reason="needs torch: python -m pip install '.[torch]'")


def test_every_layer_activation_and_optimizer_of_the_language_has_its_place():
    layers = set(LAYERS.values()) - {PathLayer, Repeat, Columns}
    assert set(numpy_script.LAYERS) == layers
    assert {*torch_script.LAYERS, Flatten} == layers
    assert {*keras_script.LAYERS, Residual, Parallel} == layers
    names = set(ACTIVATION.choices) - {"swish", "softmax", "linear"}
    assert set(numpy_script.ACTIVATIONS) == set(torch_script.ACTIVATIONS) == names
    assert names <= set(re.findall(r"\w+", NETWORKS["blocks"]))  # so the tests of all exports compute it
    optimizers = {optimizer for optimizer in OPTIMIZERS.values() if optimizer.follows_gradients}
    for module in MODULES.values():
        assert set(module.OPTIMIZERS) == optimizers
    for schedule in SCHEDULES:
        assert schedule == "Constant" or any(schedule in text for text in TRAININGS.values())


@pytest.mark.parametrize("library", EACH_LIBRARY)
@pytest.mark.parametrize("name", NETWORKS)
def test_with_the_network_s_weights_it_answers_as_the_engine_does(name, library):
    needs(library)
    network = network_of(NETWORKS[name])
    expected = probabilities(network)
    assert np.ptp(expected, axis=0).max() > 0.02
    assert abs(answers(script_of(network, library), IMAGES) - expected).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_model_answers_as_the_engine_does_in_every_library(name):
    needs("torch")
    network = shipped(name)
    expected = probabilities(network, images=IMAGES[:8])
    for library in LIBRARIES:
        assert abs(answers(script_of(network, library), IMAGES[:8]) - expected).max() < 1e-5


FLATTENED = {
    "batch norm, then dense": "Flatten\nBatchNorm\nDense,9,relu",
    "residual": "Flatten\nResidual:\n    Dense,50,relu",
    "parallel": "Flatten\nParallel:\n    Path:\n        Dense,9,relu\n    Path:\n        Dropout,0.5",
    "one place": "GlobalAvgPool\nFlatten",
}


@pytest.mark.parametrize("name", FLATTENED)
def test_pytorch_sees_the_values_of_a_flattened_map_in_the_right_order(name):
    needs("torch")
    network = network_of(f"Layers:\nAvgPool,5,5\nConv,2,1,1,tanh\n{FLATTENED[name]}\n{END}")
    assert abs(answers(script_of(network, "torch"), IMAGES) - probabilities(network)).max() < 1e-5


def test_the_gradients_of_the_script_with_numpy_are_the_engine_s():
    text = re.sub(r"(Dropout|GaussianNoise).*\n", "", NETWORKS["blocks"])
    network, labels = network_of(text), np.arange(len(IMAGES)) % 10
    with closing(engine_of(network, precision="float64")) as engine:
        expected_loss, expected = engine.gradients(IMAGES, labels)
    source, arrays = numpy_script.script_of(network)
    script = executed(source.replace("float32", "float64"))
    model = script["build_model"]()
    for array, value in zip([*model.weights, *model.averages], arrays.values(), strict=True):
        array[...] = value
    loss, dlogits = script["cross_entropy"](model.forward(script["prepare"](IMAGES), True), labels)
    model.backward(dlogits)
    assert loss == pytest.approx(expected_loss, rel=1e-9)
    largest = max(abs(gradient).max() for gradient in expected.values())
    assert len(model.gradients) == len(expected)
    for name, gradient in zip(arrays, model.gradients, strict=False):  # the averages have none
        assert abs(gradient - expected[name]).max() < 1e-9 * largest, name


@pytest.mark.parametrize("library", EACH_LIBRARY)
@pytest.mark.parametrize("name", TRAININGS)
def test_it_trains_with_every_optimizer_schedule_and_augmentation(name, library, capfd):
    needs(library)
    network = dataclasses.replace(
        network_of(TRAININGS[name]),
        training_images=70,
        validation_images=30 if "Plateau" in TRAININGS[name] or "Stop" in TRAININGS[name] else 0,
        paper=255 if "Shift" in TRAININGS[name] else 0,
    )
    script = executed(script_of(network, library).source)
    # As its `main` does; a network that gets none of 30 images right would not stop.
    if library == "keras":
        script["keras"].utils.set_random_seed(0)
    if library == "torch":
        script["torch"].manual_seed(0)
    model = script["build_model"]()
    images, labels = IMAGES, np.arange(len(IMAGES)) % 10
    if library == "torch":
        images, labels = script["torch"].tensor(images), script["torch"].tensor(labels)
    script["train"](model, images[..., None] if library == "keras" else images, labels)
    printed = re.findall(r"^Epoch (\d)/|^epoch (\d)/", capfd.readouterr().out, re.MULTILINE)
    stops = "accuracy=0.01" in TRAININGS[name]
    assert 1 <= len(printed) <= network.network.spec.epochs
    assert not stops or len(printed) < network.network.spec.epochs


def test_pytorch_normalises_a_single_image_as_the_engines_do():
    """PyTorch's own layers raise an error instead."""
    needs("torch")
    network = network_of(f"{SINGLE}Adam,0.01\n1\n1\n")
    with closing(engine_of(network)) as engine:
        expected, gradients = engine.gradients(IMAGES[:1], np.array([3]))
    made = script_of(network, "torch")
    script = executed(made.source)
    torch, model = script["torch"], script["build_model"]()
    script["load_weights"](model, io.BytesIO(made.weights))
    logits = model(script["prepare"](torch.tensor(IMAGES[:1])))
    loss = script["F"].cross_entropy(logits, torch.tensor([3]))
    loss.backward()
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    found = [weight.grad.numpy() for weight in model.parameters()]
    assert abs(found[-1] - gradients["dense_6/bias"]).max() < 1e-6
    assert not any(gradient.any() for gradient in found[:-4])  # nothing before the last BatchNorm learns


def test_the_loss_of_a_script_with_numpy_has_no_cap():
    network, labels = network_of(f"{SMALL}SGD,0.1\n1\n20\n"), np.arange(len(IMAGES)) % 10
    script = executed(script_of(network, "numpy").source)
    model = script["build_model"]()
    for weight in model.weights:
        weight *= 5
    logits = model.forward(script["prepare"](IMAGES), False)
    expected = cross_entropy(logits, labels)
    assert expected > 50  # a probability of 1e-12 would give 28
    assert script["cross_entropy"](logits, labels)[0] == pytest.approx(expected, rel=1e-5)
    assert script["evaluate"](model, IMAGES, labels)[0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_a_script_with_keras_smooths_the_labels_that_it_trains_with_and_no_others(capfd):
    text = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\nSGD,1e-9\n1\n70\nlabel_smoothing=0.1\n"
    network = dataclasses.replace(network_of(text), training_images=70, validation_images=50)
    script = executed(script_of(network, "keras").source)
    model, labels = script["build_model"](), np.arange(len(IMAGES)) % 10
    script["train"](model, IMAGES[..., None], labels)
    loss, val_loss = re.search(r"\bloss: (\S+) .* val_loss: (\S+)", capfd.readouterr().out).groups()
    order = np.random.default_rng(0).permutation(len(IMAGES))
    log_p = np.log(model.predict(IMAGES[..., None], verbose=0))[order]
    of_label = log_p[np.arange(len(IMAGES)), labels[order]]
    assert float(val_loss) == pytest.approx(-of_label[70:].mean(), abs=1e-3)
    assert float(loss) == pytest.approx(-(0.9 * of_label + 0.1 * log_p.mean(axis=1))[:70].mean(), abs=1e-3)


@pytest.mark.parametrize("warmup", [0, 0.25, 0.5, 0.95])  # 0, 2, 4 and all of 8 steps
def test_the_rates_of_a_cosine_in_pytorch_are_those_of_the_engines(warmup):
    needs("torch")
    network = network_of(f"{SMALL}SGD,0.1\n2\n20\nSchedule:\nCosine,warmup={warmup},final=0.01\n")
    network = dataclasses.replace(network, training_images=70, validation_images=0)
    script, rates = executed(script_of(network, "torch").source), []
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    noting = register_optimizer_step_pre_hook(
        lambda optimizer, *words: rates.append(optimizer.param_groups[0]["lr"])
    )
    try:
        images, labels = map(script["torch"].tensor, (IMAGES, np.arange(len(IMAGES)) % 10))
        script["train"](script["build_model"](), images, labels)
    finally:
        noting.remove()
    expected = [epoch_rates(network.network.spec, epoch, steps=4) for epoch in (1, 2)]
    assert rates == pytest.approx(np.concatenate(expected), abs=1e-8)


def test_a_plateau_never_raises_the_rate():
    network = network_of(f"{SMALL}Adam,1e-6\n2\n20\nSchedule:\nPlateau,patience=1,min=1e-5\n")
    source = script_of(dataclasses.replace(network, training_images=70, validation_images=30), "numpy").source
    assert "max(rate * 0.5, 1e-06)" in source


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_it_reads_hundreds_of_classes_and_files_that_are_not_compressed(ending, tmp_path):
    script = executed(script_of(network_of(f"{SMALL}SGD,0.1\n2\n20\n"), "numpy").source)
    images, labels = np.arange(2 * 784, dtype=np.uint8).reshape(2, 28, 28), np.array([0, 299], np.int32)
    for kind in "train", "t10k":
        for name, array in ((f"{kind}-images-idx3-ubyte", images), (f"{kind}-labels-idx1-ubyte", labels)):
            content = idx.encode(array)
            (tmp_path / f"{name}{ending}").write_bytes(gzip.compress(content) if ending else content)
    read = script["load_data"](tmp_path)
    assert (read[0] == images).all()
    assert (read[1] == labels).all()
    assert read[1].dtype.isnative


def test_augmented_images_move_as_the_model_file_says():
    images = np.zeros((500, 28, 28), np.uint8)
    images[:, 13:15, 13:15] = 255
    network = network_of(f"{SMALL}0.1,0\n1\n1\nAugment:\nShift,0.25\n")
    for library, as_given in (("numpy", np.asarray), ("torch", None)):
        needs(library)
        script = executed(script_of(network, library).source)
        moved = np.asarray(script["augment"]((as_given or script["torch"].tensor)(images)))
        weights = moved / moved.sum(axis=(1, 2), keepdims=True)
        for axis in (1, 2):
            place = (weights.sum(axis=3 - axis) * np.arange(28)).sum(axis=1) - 13.5
            assert 6 < place.max() < 7.01
            assert -7.01 < place.min() < -6


@cache
def every_source() -> dict[str, str]:
    """The source of many scripts, by file name."""
    networks = {name: shipped(name, drawn=False) for name in SHIPPED}
    networks |= {name.replace(" ", "_"): network_of(text) for name, text in {**NETWORKS, **TRAININGS}.items()}
    no_validation = dataclasses.replace(networks["decay"], validation_images=0)
    networks |= {"alone": no_validation, "dark": dataclasses.replace(networks["best"], paper=255)}
    networks["single"] = dataclasses.replace(networks["single"], training_images=70)
    return {
        f"{name}_{library}.py": module.script_of(network)[0]
        for name, network in networks.items()
        for library, module in MODULES.items()
    }


def test_every_script_is_as_ruff_wants_it(tmp_path):
    for name, source in every_source().items():
        (tmp_path / name).write_text(source)
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--target-version", "py311", str(tmp_path)]
    for words in (["check", "--quiet"], ["format", "--diff"]):
        result = subprocess.run([*ruff, *words, *options], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout


def test_no_script_has_a_definition_that_it_does_not_use_or_needs_this_project():
    for name, source in every_source().items():
        tree = ast.parse(source)
        used = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
        defined = {each.name for each in tree.body if isinstance(each, ast.ClassDef | ast.FunctionDef)}
        assert defined <= used, f"{name}: {defined - used}"
        imported = {
            alias.name.split(".")[0] if isinstance(each, ast.Import) else str(each.module).split(".")[0]
            for each in ast.walk(tree)
            if isinstance(each, ast.Import | ast.ImportFrom)
            for alias in each.names
        }
        library = name.removesuffix(".py").rsplit("_", 1)[1]
        assert imported <= {*sys.stdlib_module_names, "numpy", library}, name


HOSTILE = (
    "# \"\"\"\n# '''; import os\x0cimport os\n# \x85import os\u2028import os \u202ereversed\n"
    "# -*- coding: utf-7 -*-\n# \\\n# {{ 7 * 7 }} {% raw %}\n#\ttab\\N{BELL}\n"
)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_model_file_s_text_stays_a_comment(library):
    harmless = network_of(TRAININGS["adam"])
    hostile = dataclasses.replace(harmless, text=HOSTILE + harmless.text)
    source = script_of(hostile, library).source
    assert "{{ 7 * 7 }}" in source
    assert ast.dump(ast.parse(source)) == ast.dump(ast.parse(script_of(harmless, library).source))
    assert source.replace("\n", "").isprintable()


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_same_network_gives_the_same_bytes(library):
    network = network_of(NETWORKS["blocks"])
    in_float64 = {name: weight.astype(np.float64) for name, weight in network.weights.items()}
    script = script_of(network, library)
    assert script == script_of(network, library)
    assert script == script_of(dataclasses.replace(network, weights=in_float64), library)


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_are_refused_with_the_way_out(library):
    with pytest.raises(UsageError, match=rf"{LIBRARIES[library]} has no layer for net's Columns.*\.onnx"):
        script_of(network_of(COLUMNS), library)


@pytest.mark.parametrize("library", LIBRARIES)
def test_so_is_least_squares(library):
    network = network_of("Layers:\nFlatten\nDense,10,softmax\nOptimizer:\nLeastSquares\n1\n50\n")
    with pytest.raises(UsageError, match=r"none has LeastSquares, by which net learns; .* \.onnx or \.keras"):
        script_of(network, library)


def test_without_its_library_a_script_is_made_but_not_checked(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert answers(script_of(network_of(NETWORKS["no neighbours"]), "torch"), IMAGES) is None


# Runs a script in a Python that has its library, and nothing of this project.
STRANGER = """
import sys
sys.path = [place for place in sys.path if "site-packages" in place or place.startswith(sys.base_prefix)]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in str(finder)]
import importlib.util, runpy
assert importlib.util.find_spec("MNIST") is None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def train_and_test(network: SharedNetwork, library: str, folder: Path, digits: Path) -> tuple[float, float]:
    """The test accuracy, in percent, of a script that has trained, and that with the network's weights."""
    script = script_of(network, library)
    (folder / "net.py").write_text(script.source)
    (folder / "net_weights.npz").write_bytes(script.weights)
    found = []
    for options in ([], ["--weights", "net_weights.npz"]):
        words = [sys.executable, "-I", "-c", STRANGER, "net.py", str(digits), *options]
        result = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        found.append(float(re.search(r"test accuracy ([\d.]+)%\n$", result.stdout)[1]))
    return found[0], found[1]


def with_digits(network: SharedNetwork, epochs: int, images: int) -> SharedNetwork:
    """A network that is trained on some of the 1,500 digits of scikit-learn."""
    spec = dataclasses.replace(network.network.spec, epochs=epochs, batch_size=50)
    laid_out = dataclasses.replace(network.network, spec=spec)
    return dataclasses.replace(network, network=laid_out, training_images=images, validation_images=100)


def test_a_script_with_numpy_trains_without_this_project(tmp_path, digits_folder):
    text = "Layers:\nFlatten\nDense,32,relu\nDense,10,softmax\nOptimizer:\nAdam,0.003\n1\n1\n"
    network = with_digits(network_of(text), epochs=10, images=1400)
    trained, untrained = train_and_test(network, "numpy", tmp_path, digits_folder)
    assert trained > 80
    assert untrained < 40


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "library", "epochs", "least"),
    [
        ("lenet5", "numpy", 4, 80),
        ("lenet5", "torch", 3, 50),
        ("optimized_model", "keras", 2, 30),
        ("resnet20", "torch", 1, 20),
    ],
)
def test_scripts_train_without_this_project(name, library, epochs, least, tmp_path, digits_folder):
    needs(library)
    network = with_digits(shipped(name), epochs, images=1400)
    trained, _ = train_and_test(network, library, tmp_path, digits_folder)
    assert trained > least
