"""The Keras engine: every layer and block of the language, judged by plain Keras and by the spec."""

import os
import re
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path as FilePath

import numpy as np
import pytest
from examples import slowly

from MNIST import engines
from MNIST.engines import EpochMetrics
from MNIST.engines.keras import backend
from MNIST.engines.keras import engine as keras_engine
from MNIST.engines.keras import layers as keras_layers
from MNIST.engines.keras.backend import batches, keras, memory_errors
from MNIST.engines.keras.engine import OPTIMIZERS
from MNIST.engines.keras.layers import BUILDERS, LocalResponseNormalization, layer_name
from MNIST.engines.processor import cores
from MNIST.errors import MNISTError
from MNIST.language import LAYERS, lay_out, optimizers, parse_spec
from MNIST.language import layers as layer_types
from MNIST.language.layers import Columns, Path, Repeat
from MNIST.training.draws import initial_weights
from MNIST.training.rates import epoch_rates

EVERYTHING = """
Input:
Threshold,1,64,128
Layers:
Pad,1,1
Conv,8,3,3,relu,stride=2,padding=same,init=he_normal
BatchNorm
LocalResponseNorm
Residual:
    Conv,12,3,3,silu,stride=2,padding=same
    BatchNorm
Repeat,2:
    Residual:
        Conv,12,3,3,leaky_relu,padding=same
Parallel:
    Path:
        Conv,4,1,1,elu
    Path:
        MaxPool,3,3,stride=1,padding=same
        Conv,4,1,1,tanh
AvgPool,2,2
MaxPool,2,1
Dropout,0.2
Flatten
Dense,9,relu
Residual:
    Dense,9,softplus
Dense,16,sigmoid
Activation,tanh
Dense,10,linear
Activation,softmax
Optimizer:
0.01,0
1
32
"""
GLOBAL = "Layers:\nConv,10,3,3,linear\nGlobalAvgPool\nActivation,softmax\nOptimizer:\n0.01,0\n1\n32\n"
IMAGES = np.random.default_rng(0).integers(0, 256, (70, 28, 28), dtype=np.uint8)
LABELS = (np.arange(70) % 10).astype(np.uint8)
_THREADS = cores()


def _engine(text, precision="float32", pixel_statistics=(0.13, 0.31), draws=None):
    network = lay_out(parse_spec(text))
    weights = initial_weights(network, seed=0)
    return engines.create(
        "keras",
        network,
        precision=precision,
        threads=_THREADS,
        pixel_statistics=pixel_statistics,
        weights=weights,
        draws=draws,
    )


def _train(engine, text, epoch=1):
    rates = epoch_rates(parse_spec(text), epoch, 3)
    return engine.train_epoch(IMAGES, LABELS, rates, 7, lambda *step: None)


def test_every_layer_and_optimizer_of_the_language_has_its_place():
    laid_out_away, without_gradients = {Path, Repeat}, {Columns}  # the latter is the engine sonn's
    assert set(BUILDERS) == set(LAYERS.values()) - laid_out_away - without_gradients
    assert set(OPTIMIZERS) == {o for o in optimizers.OPTIMIZERS.values() if o.follows_gradients}


@pytest.mark.parametrize("text", [GLOBAL, *slowly([EVERYTHING])], ids=["global", "everything"])
def test_weights_are_those_of_the_laid_out_network_in_bfloat16_too(text):
    engine = _engine(text, "bfloat16")
    network = lay_out(parse_spec(text))
    weights = engine.get_weights()
    expected = {f"{n.path}/{p.name}": p.shape for n in network.walk() for p in n.parameters}
    assert {name: weight.shape for name, weight in weights.items()} == expected
    floats = np.dtype(np.float32)
    assert {weight.dtype for weight in weights.values()} == {floats}
    assert sum(weight.size for weight in weights.values()) == network.parameters
    before = {name: weight.copy() for name, weight in weights.items()}
    metrics = _train(engine, text)
    assert np.isfinite(metrics.loss)
    assert 0 <= metrics.accuracy <= 1
    assert metrics.gradient_norm_mean > 0 < metrics.gradient_norm_variance
    after = engine.get_weights()
    assert [name for name in before if np.array_equal(before[name], after[name])] == []
    logits = engine.logits(IMAGES)
    assert (logits.dtype, logits.shape) == (floats, (70, 10))


def test_output_shapes_are_those_that_the_spec_infers():
    engine = _engine(EVERYTHING)
    network = lay_out(parse_spec(EVERYTHING))
    shapes = {layer.name: tuple(layer.output.shape[1:]) for layer in engine._model.layers}
    compared = [node for node in network.walk() if layer_name(node) in shapes]
    assert len(compared) >= 20
    for node in compared:
        assert shapes[layer_name(node)] == node.output_shape, node.path


def test_what_is_trained_on_keeps_its_order_and_does_not_tune_itself():
    _engine(GLOBAL)  # this sets the number of threads before anything computes
    pipeline = batches(IMAGES, LABELS, 32)["x"]
    found = [(images.numpy(), labels.numpy()) for images, labels in pipeline]
    assert [len(images) for images, _ in found] == [32, 32, 6]
    assert np.array_equal(np.concatenate([images for images, _ in found]), IMAGES)
    assert np.array_equal(np.concatenate([labels for _, labels in found]), LABELS)
    assert not pipeline.options().autotune.enabled


def test_several_steps_at_a_time_change_nothing(monkeypatch):
    text = GLOBAL.replace("1\n32\n", "1\n3\n")
    states, metrics = [], []
    for most in (1, 5):
        monkeypatch.setattr(keras_engine, "MOST_STEPS_AT_ONCE", most)
        engine, steps = _engine(text), []
        rates = np.linspace(0.01, 0.02, 24, dtype=np.float32)  # 70 images, 3 in a step: the last step has one
        with warnings.catch_warnings(action="error", category=UserWarning):
            metrics.append(engine.train_epoch(IMAGES, LABELS, rates, 7, lambda step, *_: steps.append(step)))  # noqa: B023
        states.append(engine.get_state())
        assert steps == (list(range(1, 25)) if most == 1 else [5, 10, 15, 20, 24])
    assert metrics[0] == metrics[1]
    assert states[0].keys() == states[1].keys()
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])


def test_a_step_is_traced_once(monkeypatch):
    traced, step = [], keras.Model.train_step
    monkeypatch.setattr(keras.Model, "train_step", lambda *of: traced.append(of) or step(*of))
    engine = _engine(GLOBAL)
    _train(engine, GLOBAL, epoch=1)
    _train(engine, GLOBAL, epoch=2)
    assert len(traced) == 1


def test_training_agrees_with_plain_keras():
    text = """
Layers:
Conv,4,3,3,relu
MaxPool,2,2
Flatten
Dense,10,softmax
Optimizer:
0.01,0.1
1
32
"""
    engine = _engine(text)
    start = list(engine.get_weights().values())
    _train(engine, text, epoch=1)
    _train(engine, text, epoch=2)

    plain = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    plain.set_weights(start)
    decay = keras.optimizers.schedules.InverseTimeDecay(0.01, decay_steps=1, decay_rate=0.1)
    plain.compile(keras.optimizers.Adam(decay), "sparse_categorical_crossentropy")
    pixels = IMAGES[..., None].astype(np.float32) / 255
    plain.fit(pixels, LABELS, batch_size=32, epochs=2, shuffle=False, verbose=0)
    for ours, theirs in zip(engine.get_weights().values(), plain.get_weights(), strict=True):
        # Equal up to the rounding of 1/255 and of the rates: a few units of the seventh digit.
        assert np.allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_the_spread_of_gradient_norms_is_not_lost_to_rounding():
    norms = np.float32([1000, 1000.0001, 1000.0002])
    assert EpochMetrics.of(0.0, 0.0, norms).gradient_norm_variance == np.var(norms.astype(np.float64))
    with np.errstate(all="raise"):  # a run that diverges gives an error, and no warning beside it
        assert np.isnan(EpochMetrics.of(0.0, 0.0, np.float32([1, np.inf])).gradient_norm_variance)


def test_local_response_normalization_follows_its_formula():
    x = np.random.default_rng(1).normal(size=(2, 3, 3, 7)).astype(np.float32)
    ours = keras.ops.convert_to_numpy(LocalResponseNormalization(5, 0.1, 0.75, 2.0)(x))
    for channel in range(7):
        near = x[..., max(0, channel - 2) : channel + 3]
        expected = x[..., channel] / (2.0 + 0.1 * (near**2).sum(axis=-1)) ** 0.75
        assert ours[..., channel] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("precision", ["float32", *slowly(["bfloat16", "float64"])])
def test_a_saved_network_is_read_back_and_by_plain_keras(precision, tmp_path):
    engine = _engine(EVERYTHING, precision)
    _train(engine, EVERYTHING)
    name, content = engine.save()
    network = lay_out(parse_spec(EVERYTHING))
    again = engines.read_saved(
        "keras", network, content, precision=precision, threads=_THREADS, pixel_statistics=(0.13, 0.31)
    )
    for key, weight in engine.get_weights().items():
        assert np.array_equal(weight, again.get_weights()[key])
    assert np.array_equal(engine.logits(IMAGES), again.logits(IMAGES))

    (tmp_path / name).write_bytes(content)
    plain = keras.models.load_model(tmp_path / name)
    probabilities = keras.ops.convert_to_numpy(plain(IMAGES, training=False))
    logits = engine.logits(IMAGES).astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert probabilities == pytest.approx(expected, abs=1e-6)


def test_a_new_layer_type_is_a_dataclass_and_a_builder(monkeypatch):
    """The example of the specification, a random layer: it trains, resumes bit for bit, is saved and read."""
    specification = (FilePath(__file__).parents[2] / "Model_Specification.md").read_text(encoding="utf-8")
    declared, built = re.findall(r"^   ```python\n(.*?)^   ```$", specification, re.MULTILINE | re.DOTALL)
    names = vars(layer_types) | vars(keras_layers)
    exec(textwrap.dedent(declared), names)
    monkeypatch.setattr(layer_types, "GaussianDropout", names["GaussianDropout"], raising=False)
    exec(textwrap.dedent(built), names)
    monkeypatch.setitem(LAYERS, "GaussianDropout", names["GaussianDropout"])
    monkeypatch.setitem(BUILDERS, names["GaussianDropout"], names["_gaussian_dropout"])
    text = GLOBAL.replace("Conv", "GaussianDropout,0.5\nDropout,0.1\nConv", 1)
    whole, resumed = _engine(text), _engine(text)
    _train(whole, text, epoch=1)
    resumed.set_state(whole.get_state())
    assert _train(whole, text, epoch=2) == _train(resumed, text, epoch=2)
    for name, array in whole.get_state().items():
        assert np.array_equal(array, resumed.get_state()[name])
    _, content = whole.save()
    resumed.load(content)
    shape = (70, 28, 28, 1)
    draws = {"gaussiandropout_1": np.zeros(shape), "dropout_2": np.full(shape, 0.9)}  # they change nothing
    expected, _ = _engine(GLOBAL).gradients(IMAGES, LABELS)
    assert _engine(text, draws=draws).gradients(IMAGES, LABELS)[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
def test_a_backend_out_of_memory_is_pythons_memory_error():
    with pytest.raises(MemoryError), memory_errors():
        keras.ops.ones((2**45,))  # 128 TiB


@pytest.mark.parametrize(
    "said", ["[enforce fail] DefaultCPUAllocator: can't allocate memory", "RESOURCE_EXHAUSTED: Out of memory"]
)
def test_backends_that_say_it_in_words_only_are_understood(said):
    """PyTorch on a processor, and JAX."""
    with pytest.raises(MemoryError), memory_errors():
        raise RuntimeError(said)
    with pytest.raises(RuntimeError, match="another"), memory_errors():
        raise RuntimeError("another")


BESIDE_OTHERS = """
import numpy as np
from MNIST import engines
from MNIST.engines.keras.backend import keras
from MNIST.language import lay_out, parse_spec
from MNIST.training.draws import initial_weights
c = keras.config
print(c.floatx(), c.epsilon(), c.image_data_format())
images, labels = np.zeros((8, 28, 28), np.uint8), np.zeros(8, np.uint8)
for units in range(2, 10):
    layers = f"Conv,8,3,3,relu\\nFlatten\\nDense,{units},relu\\nDense,10,softmax"
    network = lay_out(parse_spec(f"Layers:\\n{layers}\\nOptimizer:\\nAdam,0.1\\n1\\n8\\n"))
    weights = initial_weights(network, 0)
    engine = engines.create(
        "keras", network, precision="float32", threads=1, pixel_statistics=(0.1, 0.3), weights=weights
    )
    for _ in range(2):
        engine.train_epoch(images, labels, np.zeros(1, np.float32), 0, lambda *_: None)
"""


@pytest.fixture(scope="module")
def of_its_own(tmp_path_factory) -> subprocess.CompletedProcess:
    """A process that trains eight networks, where a keras.json asks for other numbers and axes.

    oneDNN prints a line for each operation that it computes if it is asked to, as it is here.
    """
    home = tmp_path_factory.mktemp("keras")
    settings = '{"floatx": "float64", "epsilon": 0.001, "image_data_format": "channels_first"}'
    (home / "keras.json").write_text(settings)
    environment = {name: value for name, value in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    return subprocess.run(
        [sys.executable, "-c", BESIDE_OTHERS],
        env={**environment, "KERAS_HOME": str(home), "ONEDNN_VERBOSE": "1"},
        cwd=FilePath(__file__).parents[2],
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_a_users_settings_of_keras_change_nothing(of_its_own):
    assert "\nfloat32 1e-07 channels_last\n" in f"\n{of_its_own.stdout}"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "darwin", reason="TensorFlow has no oneDNN there")
def test_convolutions_are_computed_by_onednn(of_its_own):
    assert ",convolution," in of_its_own.stdout


@pytest.mark.parametrize(
    ("switch", "value"), [("TF_FORCE_GPU_ALLOW_GROWTH", "true"), ("XLA_PYTHON_CLIENT_PREALLOCATE", "false")]
)
def test_no_process_takes_all_the_memory_of_a_gpu(switch, value):
    """Their libraries read these switches. Here is no GPU that could show what they do."""
    assert os.environ[switch] == value


def test_a_process_keeps_its_number_of_threads(monkeypatch):
    """TensorFlow cannot change it once it has computed, be it for us or for a program of the user's."""
    threads = backend.set_threads()
    assert backend.set_threads(threads) == backend.set_threads() == threads
    with pytest.raises(
        MNISTError, match=rf"with {threads} threads? here, and .* {threads + 1} threads later"
    ):
        backend.set_threads(threads + 1)
    monkeypatch.setattr(backend, "_threads_set", None)  # as where a program used TensorFlow itself
    with pytest.raises(MNISTError, match=r"TensorFlow has computed here before, and .* start Python again"):
        backend.set_threads(threads + 1)


@pytest.mark.slow
def test_many_networks_of_one_step_are_no_reason_for_a_warning(of_its_own):
    """TensorFlow warns about functions that are traced again and again, as each new network's step is."""
    assert (of_its_own.returncode, of_its_own.stderr) == (0, "")
