"""The Keras engine: every layer and block of the language, judged by plain Keras and by the spec."""

import io
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path as FilePath

import keras
import numpy as np
import pytest

from MNIST import engines
from MNIST.engines import EpochMetrics
from MNIST.engines.keras import engine as keras_engine
from MNIST.engines.keras.backend import batches, memory_errors
from MNIST.engines.keras.engine import OPTIMIZERS
from MNIST.engines.keras.layers import BUILDERS, LocalResponseNormalization, layer_name
from MNIST.language import LAYERS, lay_out, optimizers, parse_spec, simplify
from MNIST.language.grammar import positional, real
from MNIST.language.layers import Columns, Dropout, Layer, Path, Repeat
from MNIST.training import softmax
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
_THREADS = os.cpu_count()


def _engine(text, precision="float32", pixels=(0.13, 0.31), masks=None):
    spec = simplify(parse_spec(text))
    weights = initial_weights(lay_out(spec), seed=0)
    return engines.create(
        "keras", spec, precision=precision, threads=_THREADS, pixels=pixels, weights=weights, masks=masks
    )


def _train(engine, text, epoch=1):
    rates = epoch_rates(parse_spec(text), epoch, 3)
    return engine.train_epoch(IMAGES, LABELS, rates, 7, lambda *step: None)


def test_every_layer_and_optimizer_of_the_language_has_its_place():
    laid_out_away, without_gradients = {Path, Repeat}, {Columns}  # the latter is the engine sonn's
    assert set(BUILDERS) == set(LAYERS.values()) - laid_out_away - without_gradients
    concrete = {cls for cls in vars(optimizers).values() if isinstance(cls, type)}
    assert set(OPTIMIZERS) | {optimizers.ParallelDelta} == {
        cls for cls in concrete if issubclass(cls, optimizers.Optimizer) and cls is not optimizers.Optimizer
    }


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("text", [EVERYTHING, GLOBAL], ids=["everything", "global"])
def test_weights_are_those_of_the_laid_out_network(text, precision):
    engine = _engine(text, precision)
    network = lay_out(simplify(parse_spec(text)))
    weights = engine.get_weights()
    expected = {f"{n.path}/{p.name}": p.shape for n in network.walk() for p in n.parameters}
    assert {name: weight.shape for name, weight in weights.items()} == expected
    floats = np.dtype("float64" if precision == "float64" else "float32")
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
    network = lay_out(simplify(parse_spec(EVERYTHING)))
    shapes = {layer.name: tuple(layer.output.shape[1:]) for layer in engine._model.layers}
    compared = [node for node in network.walk() if layer_name(node) in shapes]
    assert len(compared) >= 20
    for node in compared:
        assert shapes[layer_name(node)] == node.output_shape, node.path


def test_what_is_trained_on_keeps_its_order_and_does_not_tune_itself():
    _engine(GLOBAL)  # which sets the number of threads, before anything computes
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
        rates = np.linspace(0.01, 0.02, 24, dtype=np.float32)  # 70 images in threes: the last step has one
        with warnings.catch_warnings(action="error", category=UserWarning):
            metrics.append(engine.train_epoch(IMAGES, LABELS, rates, 7, lambda step, *_: steps.append(step)))  # noqa: B023
        states.append(engine.get_state())
        assert steps == (list(range(1, 25)) if most == 1 else [5, 10, 15, 20, 24])
    assert metrics[0] == metrics[1]
    assert states[0].keys() == states[1].keys()
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])


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


@pytest.mark.parametrize("epochs", [1, 2])
def test_gradient_norms_are_those_of_softmax_regression(epochs):
    """For the mean loss of softmax(xW + b): ∂L/∂W = xᵀ(p − y)/n and ∂L/∂b = Σ(p − y)/n."""
    text = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\nSGD,0.5\n1\n32\n"
    engine = _engine(text)
    W, b = (weight.astype(np.float64) for weight in engine.get_weights().values())
    for epoch in range(1, epochs + 1):
        metrics = _train(engine, text, epoch)
        norms = []
        for begin in (0, 32, 64):  # the last step has 6 images
            x = IMAGES[begin : begin + 32].reshape(-1, 784) / 255
            error = (softmax(x @ W + b) - np.eye(10)[LABELS[begin : begin + 32]]) / len(x)
            dW, db = x.T @ error, error.sum(axis=0)
            norms.append(np.sqrt((dW**2).sum() + (db**2).sum()))
            W, b = W - 0.5 * dW, b - 0.5 * db
    # float32 in the engine: some units of the seventh digit.
    assert metrics.gradient_norm_mean == pytest.approx(np.mean(norms), rel=1e-5)
    assert metrics.gradient_norm_variance == pytest.approx(np.var(norms), rel=1e-5)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_gradients_are_those_of_a_step_and_change_nothing(precision):
    """After a step of plain gradient descent, weight = weight − rate · gradient, at the masks given."""
    rate = 0.5
    text = EVERYTHING.replace("0.01,0\n1\n32", f"SGD,{rate}\n1\n70")
    nodes = list(lay_out(simplify(parse_spec(text))).walk())
    (dropout,) = (node for node in nodes if isinstance(node.layer, Dropout))
    mask = np.random.default_rng(2).integers(0, 2, (70, *dropout.output_shape))
    engine = _engine(text, precision, masks={dropout.path: mask})
    before = engine.get_state()
    loss, gradients = engine.gradients(IMAGES, LABELS)
    weights, state = engine.get_weights(), engine.get_state()
    assert all(np.array_equal(before[name], state[name]) for name in before)
    trained = {f"{n.path}/{p.name}" for n in nodes for p in n.parameters if p.trainable}
    assert gradients.keys() == trained
    metrics = engine.train_epoch(IMAGES, LABELS, np.float32([rate]), 7, lambda *step: None)
    tolerance = 1e-4 if precision == "float32" else 1e-12
    assert metrics.loss == pytest.approx(loss, rel=tolerance)
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients.values()))
    assert metrics.gradient_norm_mean == pytest.approx(norm, rel=tolerance)
    for name, weight in engine.get_weights().items():
        if name in trained:
            step = (weights[name] - weight) / rate
            assert np.abs(step - gradients[name]).max() <= tolerance * np.abs(gradients[name]).max(), name
        else:  # the moving averages go on from the batch
            assert not np.array_equal(weight, weights[name])


def test_given_masks_decide_what_is_dropped():
    text = "Layers:\nFlatten\nDropout,0.5\nDense,10,softmax\nOptimizer:\nSGD,0.5\n1\n70\n"
    mask = np.random.default_rng(2).integers(0, 2, (70, 784))
    engine = _engine(text, "float64", masks={"dropout_2": mask})
    W, _ = engine.get_weights().values()
    x = IMAGES.reshape(70, -1) / 255 * mask * 2
    error = (softmax(x @ W) - np.eye(10)[LABELS]) / 70
    _, gradients = engine.gradients(IMAGES, LABELS)
    assert gradients["dense_3/kernel"] == pytest.approx(x.T @ error, abs=1e-12)
    assert engine.logits(IMAGES) == pytest.approx(IMAGES.reshape(70, -1) / 255 @ W, abs=1e-12)


def test_the_spread_of_gradient_norms_is_not_lost_to_rounding():
    norms = np.float32([1000, 1000.0001, 1000.0002])
    assert EpochMetrics.of(0.0, 0.0, norms).gradient_norm_variance == np.var(norms.astype(np.float64))
    with np.errstate(all="raise"):  # where a run diverges, without a warning beside the error
        assert np.isnan(EpochMetrics.of(0.0, 0.0, np.float32([1, np.inf])).gradient_norm_variance)


def test_a_network_without_weights_has_a_gradient_of_none():
    levels = ",".join(map(str, range(1, 11)))
    text = (
        f"Input:\nThreshold,{levels}\nLayers:\nGlobalAvgPool\nActivation,softmax\nOptimizer:\n0.1,0\n1\n32\n"
    )
    with pytest.warns(UserWarning, match="does not have any trainable weights"):
        metrics = _train(_engine(text), text)
    assert (metrics.gradient_norm_mean, metrics.gradient_norm_variance) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("Scale", lambda p: p[..., None] / 255),
        ("Standardize", lambda p: (p[..., None] / 255 - 0.13) / 0.31),
        ("Threshold,1,64,255", lambda p: p[..., None] >= np.array([1, 64, 255])),
    ],
)
def test_pixels_are_prepared_as_the_language_says(steps, expected):
    text = f"Input:\n{steps}\nLayers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.1,0\n1\n32\n"
    engine = _engine(text)
    pixels = np.arange(784, dtype=np.uint8).reshape(1, 28, 28)  # every grey level
    weights = engine.get_weights()
    flat = expected(pixels.astype(np.float64)).reshape(1, -1)
    logits = flat @ weights["dense_2/kernel"] + weights["dense_2/bias"]
    assert engine.logits(pixels) == pytest.approx(logits, abs=1e-4)


def test_local_response_normalization_follows_its_formula():
    x = np.random.default_rng(1).normal(size=(2, 3, 3, 7)).astype(np.float32)
    ours = keras.ops.convert_to_numpy(LocalResponseNormalization(5, 0.1, 0.75, 2.0)(x))
    for channel in range(7):
        near = x[..., max(0, channel - 2) : channel + 3]
        expected = x[..., channel] / (2.0 + 0.1 * (near**2).sum(axis=-1)) ** 0.75
        assert ours[..., channel] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float64"])
def test_a_saved_network_is_read_back_and_by_plain_keras(precision, tmp_path):
    engine = _engine(EVERYTHING, precision)
    _train(engine, EVERYTHING)
    name, content = engine.save()
    spec = simplify(parse_spec(EVERYTHING))
    again = engines.read_saved(
        "keras", spec, content, precision=precision, threads=_THREADS, pixels=(0.13, 0.31)
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


def test_the_same_network_is_saved_as_the_same_bytes():
    one, two = _engine(EVERYTHING), _engine(EVERYTHING)
    assert one.save() == one.save() == two.save()


def test_a_new_layer_type_is_a_dataclass_and_a_builder(monkeypatch):
    """The document's own example, random and all: it trains, resumes bit for bit, is saved and read."""

    @dataclass(frozen=True)
    class GaussianNoise(Layer):
        deviation: float = positional(real(0, 10))

    def build(graph, noise, node, tensor):
        layer = keras.layers.GaussianNoise(noise.deviation, seed=0, dtype=graph.policy, name=layer_name(node))
        return graph.apply(node, tensor, layer)

    monkeypatch.setitem(LAYERS, "GaussianNoise", GaussianNoise)
    monkeypatch.setitem(BUILDERS, GaussianNoise, build)
    text = GLOBAL.replace("Conv", "GaussianNoise,0.5\nDropout,0.1\nConv", 1)
    whole, resumed = _engine(text), _engine(text)
    _train(whole, text, epoch=1)
    resumed.set_state(whole.get_state())
    assert _train(whole, text, epoch=2) == _train(resumed, text, epoch=2)
    for name, array in whole.get_state().items():
        assert np.array_equal(array, resumed.get_state()[name])
    _, content = whole.save()
    resumed.load(content)


def test_a_kerass_own_settings_file_changes_nothing(tmp_path):
    """A user's keras.json may ask for float64 and another order of axes; a model text is a model text."""
    (tmp_path / ".keras").mkdir()
    settings = '{"floatx": "float64", "epsilon": 0.001, "image_data_format": "channels_first"}'
    (tmp_path / ".keras" / "keras.json").write_text(settings)
    program = (
        "from MNIST.engines.keras.backend import keras; c = keras.config; print(c.floatx(), c.epsilon())"
    )
    result = subprocess.run(
        [sys.executable, "-c", f"{program}; print(c.image_data_format())"],
        env={**os.environ, "KERAS_HOME": str(tmp_path / ".keras")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == ["float32", "1e-07", "channels_last"]


def test_wrong_weights_are_refused():
    engine = _engine(GLOBAL)
    weights = engine.get_weights()
    with pytest.raises(ValueError, match="names differ"):
        engine.set_weights({})
    weights["conv_1/bias"] = np.zeros(11, np.float32)
    with pytest.raises(ValueError, match="conv_1/bias"):
        engine.set_weights(weights)


def test_state_is_a_copy_not_a_view():
    engine = _engine(GLOBAL)
    state = engine.get_state()
    kept = {name: array.copy() for name, array in state.items()}
    _train(engine, GLOBAL)
    assert all(np.array_equal(state[name], kept[name]) for name in state)
    engine.set_state(state)
    assert all(np.array_equal(engine.get_state()[name], kept[name]) for name in state)
    np.savez(io.BytesIO(), **{name.replace("/", "|"): array for name, array in state.items()})


def test_a_backend_out_of_memory_is_pythons_memory_error():
    with pytest.raises(MemoryError), memory_errors():
        keras.ops.ones((2**45,))  # 128 TiB


def test_many_networks_of_one_step_are_no_reason_for_a_warning():
    """TensorFlow warns of functions that are traced again and again, as each new network's is."""
    script = """
import numpy as np
from MNIST import engines
from MNIST.language import lay_out, parse_spec, simplify
from MNIST.training.draws import initial_weights
images, labels = np.zeros((8, 28, 28), np.uint8), np.zeros(8, np.uint8)
for units in range(2, 14):
    text = f"Layers:\\nFlatten\\nDense,{units},relu\\nDense,10,softmax\\nOptimizer:\\nAdam,0.1\\n1\\n8\\n"
    spec = simplify(parse_spec(text))
    weights = initial_weights(lay_out(spec), 0)
    engine = engines.create("keras", spec, precision="float32", threads=1, pixels=(0.1, 0.3), weights=weights)
    for _ in range(2):
        engine.train_epoch(images, labels, np.zeros(1, np.float32), 0, lambda *_: None)
"""
    outcome = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=FilePath(__file__).parents[2]
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr == ""
