"""Looking into a network: outputs equal the engine's own, slopes equal finite differences."""

import numpy as np
import pytest

from MNIST import engines
from MNIST.engines.scratch.inspection import Inspection
from MNIST.language import lay_out, parse_spec
from MNIST.training.draws import initial_weights

BODY = """
Layers:
Conv,4,5,5,tanh,stride=2
BatchNorm
Residual:
    Conv,6,3,3,tanh,padding=same
    Parallel:
        Path:
            Conv,3,1,1,silu
        Path:
            AvgPool,3,3,stride=1,padding=same
            Conv,2,3,3,tanh,padding=same
MaxPool,2,2
Flatten
Dropout,0.5
Dense,12,tanh
Dense,10,softmax
Optimizer:
0.001,0
1
100
"""
PIXELS = (0.13, 0.31)
IMAGES = np.random.default_rng(0).integers(1, 255, (5, 28, 28), dtype=np.uint8)


def opened(text):
    """A network with random weights: its inspection, its layers, and a numpy engine with it in float64."""
    network = lay_out(parse_spec(text))
    weights = initial_weights(network, seed=3)
    engine = engines.create(
        "numpy", network, precision="float64", threads=1, pixel_statistics=PIXELS, weights=weights
    )
    return Inspection(network, weights, PIXELS), network, engine


@pytest.mark.parametrize("inputs", ["Scale", "Standardize", "Threshold,60,120,180"])
def test_every_layer_is_seen_once_and_the_last_output_is_the_engines_logits(inputs):
    inspection, network, engine = opened(f"Input:\n{inputs}\n{BODY}")
    outputs = inspection.layer_outputs(IMAGES)
    in_network = {node.path: node.output_shape for node in network.walk() if "path_" not in node.path[-6:]}
    assert {each.node.path: each.output.shape[1:] for each in outputs} == in_network
    assert len(outputs) == len(in_network)
    np.testing.assert_allclose(outputs[-1].output, engine.logits(IMAGES), rtol=1e-5, atol=1e-6)


def test_the_layer_after_the_last_features_makes_the_logits_of_them():
    inspection, network, engine = opened(BODY)
    features = inspection.last_features(np.concatenate([IMAGES] * 20))
    last = network.nodes[-1].path
    weights = engine.get_weights()
    logits = features @ weights[f"{last}/kernel"] + weights[f"{last}/bias"]
    np.testing.assert_allclose(logits[:5], engine.logits(IMAGES), rtol=1e-4, atol=1e-5)
    assert features.shape == (100, 12)
    assert not inspection._seen  # it keeps nothing of these images


def test_a_network_of_one_dense_layer_has_the_pixels_as_features():
    inspection, _, _ = opened("Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.001,0\n1\n100\n")
    np.testing.assert_allclose(inspection.last_features(IMAGES), IMAGES.reshape(5, -1) / 255, rtol=1e-6)


@pytest.mark.parametrize("inputs", ["Scale", "Standardize"])
def test_the_pixel_gradient_is_that_of_finite_differences(inputs):
    inspection, _, engine = opened(f"Input:\n{inputs}\n{BODY}".replace("MaxPool", "AvgPool"))
    digits = np.array([3, 1, 4, 1, 5])
    gradient = inspection.pixel_gradient(IMAGES, digits)
    assert gradient.shape == IMAGES.shape
    for row, column in ((0, 0), (13, 14), (20, 7)):
        differences = []
        for step in (1, -1):  # one of 255 grey levels up and down: the error is below the tolerance
            moved = IMAGES.copy()
            moved[:, row, column] += np.uint8(step % 256)
            differences.append(engine.logits(moved)[range(5), digits])
        slope = (differences[0] - differences[1]) * 255 / 2
        np.testing.assert_allclose(gradient[:, row, column], slope, rtol=1e-3, atol=1e-5)
