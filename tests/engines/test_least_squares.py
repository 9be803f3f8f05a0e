"""`LeastSquares` in every engine: the last layer against NumPy's own least squares, the others untouched."""

import numpy as np
import pytest
from engines.test_contract import IMAGES, INSTALLED, LABELS, make, same, train

from MNIST.engines import least_squares
from MNIST.engines.least_squares import LARGEST_SCALE, NormalEquations, best_scale
from MNIST.engines.metrics import accuracy, cross_entropy

WITH_AVERAGES = """
Layers:
Conv,4,5,5,relu,stride=3
BatchNorm
Dropout,0.3
Flatten
Dense,10,softmax
Optimizer:
{optimizer}
1
32
"""
PROTOTYPES = np.random.default_rng(1).integers(0, 256, (10, 28, 28))
NOISE = np.random.default_rng(2).integers(-60, 60, (len(LABELS), 28, 28))
EASY = (PROTOTYPES[LABELS] + NOISE).clip(0, 255).astype(np.uint8)  # each class looks like one prototype

every_engine = pytest.mark.parametrize("name", INSTALLED)


def solved(features, labels, ridge):
    """The kernel and the bias by NumPy's least squares, with the ridge as further rows that should give 0."""
    n, inputs = features.shape
    strength = np.sqrt(ridge * n * features.astype(float).var(axis=0).mean())
    rows = np.block([[features, np.ones((n, 1))], [strength * np.eye(inputs), np.zeros((inputs, 1))]])
    targets = np.concatenate([np.eye(10)[labels], np.zeros((inputs, 10))])
    solution = np.linalg.lstsq(rows, targets)[0]
    return solution[:-1], solution[-1]


@pytest.mark.parametrize("ridge", [1e-3, 1.0])
@pytest.mark.parametrize("at_once", [2_048, 7])
def test_the_equations_give_what_least_squares_gives(ridge, at_once, monkeypatch):
    monkeypatch.setattr(least_squares, "FEATURES_AT_ONCE", at_once)
    monkeypatch.setattr(least_squares, "IMAGES_AT_ONCE", 2 * at_once)
    features = np.random.default_rng(0).normal(1.0, 2.0, (70, 30))
    equations = NormalEquations(30, 10)
    for part in (slice(0, 41), slice(41, None)):
        equations.add(features[part], LABELS[part])
    for _ in range(2):  # solving does not change them
        for found, expected in zip(equations.solve(ridge), solved(features, LABELS, ridge), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("value", [0.0, 3.0, 0.1])
def test_features_that_do_not_vary_tell_how_many_images_each_class_has(value):
    equations = NormalEquations(5, 10)
    equations.add(np.full((70, 5), value), LABELS)
    kernel, bias = equations.solve(1e-5)
    assert value * kernel.sum(axis=0) + bias == pytest.approx(0.1)  # each is a tenth


def test_the_scale_has_the_least_cross_entropy():
    generator = np.random.default_rng(3)
    outputs = np.eye(10)[LABELS] + generator.normal(0, 0.4, (len(LABELS), 10))
    scale = best_scale(outputs, LABELS)
    assert 1 < scale < 50
    least = cross_entropy(scale * outputs, LABELS)
    assert least < min(cross_entropy(factor * scale * outputs, LABELS) for factor in (0.95, 1.05))


def test_the_scale_of_perfect_and_of_useless_outputs():
    assert best_scale(np.eye(10)[LABELS], LABELS) == LARGEST_SCALE
    assert best_scale(-np.eye(10)[LABELS], LABELS) == pytest.approx(0, abs=1e-9)


@every_engine
def test_features_are_what_the_last_layer_gets(name):
    engine = make(name, WITH_AVERAGES, precision="float64")
    weights = engine.get_weights()
    features = engine.features(IMAGES)
    expected = features @ weights["dense_5/kernel"] + weights["dense_5/bias"]
    np.testing.assert_allclose(engine.logits(IMAGES), expected, atol=1e-12)


@every_engine
def test_an_epoch_computes_the_last_layer_and_leaves_the_others(name):
    engine = make(name, WITH_AVERAGES, optimizer="LeastSquares,ridge=1e-4", precision="float64")
    before = engine.get_weights()
    train(engine, rate=1.0)
    after = engine.get_weights()
    last = {"dense_5/kernel", "dense_5/bias"}
    assert {key for key in after if not np.array_equal(before[key], after[key])} == last

    features, held = engine.features(IMAGES), slice(63, None)  # a tenth of the 70 images
    kernel, bias = solved(features[:63], LABELS[:63], 1e-4)
    scale = best_scale(features[held] @ kernel + bias, LABELS[held])
    kernel, bias = solved(features, LABELS, 1e-4)
    np.testing.assert_allclose(after["dense_5/kernel"], scale * kernel, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(after["dense_5/bias"], scale * bias, rtol=1e-6, atol=1e-8)


def test_the_rate_of_the_last_step_is_how_far_it_goes():
    whole, half = (make("numpy", WITH_AVERAGES, "LeastSquares", "float64") for _ in range(2))
    before = whole.get_weights()["dense_5/kernel"]
    train(whole, rate=1.0)
    half.train_epoch(IMAGES, LABELS, np.array([0.1, 0.3, 0.5], np.float32), 7, lambda *step: None)
    middle = (before + whole.get_weights()["dense_5/kernel"]) / 2
    np.testing.assert_allclose(half.get_weights()["dense_5/kernel"], middle, atol=1e-12)


def test_it_learns_and_measures_with_the_new_weights():
    engine = make("numpy", WITH_AVERAGES, optimizer="LeastSquares")
    steps = []
    metrics = engine.train_epoch(EASY, LABELS, np.ones(3, np.float32), 0, lambda *step: steps.append(step))
    logits = engine.logits(EASY)
    assert metrics.accuracy == accuracy(logits, LABELS) > 0.9
    assert metrics.loss == pytest.approx(cross_entropy(logits, LABELS), rel=1e-6)
    assert np.isnan(metrics.gradient_norm_mean)
    done, losses, accuracies = zip(*steps, strict=True)
    assert done == (1, 2, 3)
    assert np.isnan(losses[0])  # half of the epoch passes before there is anything to measure
    assert (losses[-1], accuracies[-1]) == (metrics.loss, metrics.accuracy)


@pytest.mark.parametrize("count", [1, 9, 10, 32, 33])
def test_few_images_are_enough(count):
    engine = make("numpy", WITH_AVERAGES, optimizer="LeastSquares")
    steps = []
    rates = np.ones(-(-count // 32), np.float32)
    engine.train_epoch(EASY[:count], LABELS[:count], rates, 0, lambda step, *_: steps.append(step))
    assert steps[-1] == len(rates)
    assert all(np.isfinite(weight).all() for weight in engine.get_weights().values())


@pytest.mark.skipif("tensors" not in INSTALLED, reason="PyTorch is not installed")
def test_numbers_that_overflow_show_in_the_loss_and_in_no_warning():
    engine = make("tensors", WITH_AVERAGES, optimizer="LeastSquares")  # numpy silences the warnings by itself
    weights = engine.get_weights()
    engine.set_weights(weights | {"conv_1/kernel": np.full_like(weights["conv_1/kernel"], 1e38)})
    with np.errstate(over="raise", invalid="raise"):
        metrics = train(engine, rate=1.0)
    assert np.isnan(metrics.loss)


@every_engine
def test_a_saved_network_answers_the_same(name):
    engine = make(name, WITH_AVERAGES, optimizer="LeastSquares")
    train(engine, rate=1.0)
    other = make(name, WITH_AVERAGES, optimizer="LeastSquares")
    other.load(engine.save()[1])
    assert np.array_equal(other.logits(IMAGES), engine.logits(IMAGES))
    again = make(name, WITH_AVERAGES, optimizer="LeastSquares")
    again.set_state(engine.get_state())
    assert same(again.get_weights(), engine.get_weights())
