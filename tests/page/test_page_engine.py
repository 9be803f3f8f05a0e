"""The engine in the browser, judged by the one from scratch: every layer, block and activation."""

from pathlib import Path

import numpy as np
import pytest
from web_pages import watched_page

from MNIST import engines
from MNIST.language import lay_out, parse_spec
from MNIST.language.layer import ACTIVATION
from MNIST.page import draw_page, networks, page_network
from MNIST.training import softmax
from MNIST.training.draws import initial_weights

EVERYTHING = Path(__file__).parents[1] / "certify" / "everything.txt"
PIXELS = 0.13, 0.31  # mean and deviation
ROUNDING = 1e-5  # tolerance of the probabilities: the two engines sum in different orders

NETWORKS = {
    "valid": "Conv,5,3,2,linear",
    "valid, stride": "Conv,5,4,3,linear,stride=3",
    "same": "Conv,5,4,3,linear,padding=same",
    "same, stride": "Conv,5,4,3,linear,stride=3,padding=same",
    "same, larger than the map": "MaxPool,14,14\nConv,5,5,4,linear,padding=same",
    "DepthwiseConv": "Conv,5,3,3,linear\nDepthwiseConv,4,2,linear",
    "DepthwiseConv, stride, same": "Conv,5,3,3,linear\nDepthwiseConv,4,3,tanh,stride=3,padding=same",
    "SeparableConv": "Conv,5,3,3,linear\nSeparableConv,6,4,2,tanh",
    "SeparableConv, stride, same": "Conv,5,3,3,linear\nSeparableConv,4,4,3,linear,stride=3,padding=same",
    "MaxPool": "Conv,4,3,3,linear\nMaxPool,3,2",
    "MaxPool, stride, same": "Conv,4,3,3,linear\nMaxPool,3,2,stride=2,padding=same",
    "AvgPool": "Conv,4,3,3,linear\nAvgPool,3,2",
    "AvgPool, stride, same": "Conv,4,3,3,linear\nAvgPool,3,2,stride=2,padding=same",
    "GlobalAvgPool": "Conv,4,3,3,linear\nGlobalAvgPool\nDense,10,linear",
    "BatchNorm": "Conv,4,3,3,linear\nBatchNorm,epsilon=1e-5",
    "BatchNorm of a row": "Flatten\nDense,12,linear\nBatchNorm",
    "LocalResponseNorm": "Conv,6,3,3,linear\nLocalResponseNorm,size=3,alpha=0.2,beta=0.6,k=1",
    "LocalResponseNorm, wider than the map": "Conv,3,3,3,linear\nLocalResponseNorm,size=9,alpha=0.2",
    "Pad": "Pad,1,3\nConv,4,3,3,linear",
    "Dropout": "Dropout,0.5\nConv,4,3,3,linear\nDropout,0.5",
    "GaussianNoise": "GaussianNoise,0.5\nConv,4,3,3,linear\nGaussianNoise,0.5",
    "Residual": "Conv,4,3,3,linear\nResidual:\n    Conv,4,3,3,relu,padding=same",
    "Residual, projected": "Residual:\n    Conv,4,3,3,relu,stride=3,padding=same",
    "Residual of a row": "Flatten\nDense,8,tanh\nResidual:\n    Dense,8,relu",
    "Parallel": "Parallel:\n  Path:\n    Conv,3,1,1,relu\n  Path:\n    Pad,1,1\n    Conv,4,3,3,tanh",
    "Parallel of rows": "Parallel:\n  Path:\n    Flatten\n  Path:\n    GlobalAvgPool",
    "no layer but the last": "",
} | {name: f"Conv,4,3,3,{name}\nActivation,{name}" for name in ACTIVATION.choices if name != "softmax"}
INPUTS = {"Scale": "Scale", "Standardize": "Standardize", "Threshold": "Threshold,1,100,200"}


def _text(layers, prepared="Scale"):
    return f"Input:\n{prepared}\nLayers:\n{layers}\nFlatten\nDense,10,softmax\nOptimizer:\n0.001,0\n1\n32\n"


TEXTS = (
    {name: _text(layers) for name, layers in NETWORKS.items()}
    | {name: _text("Conv,4,3,3,relu", step) for name, step in INPUTS.items()}
    | {
        "Columns": "Input:\nThreshold,1,64,128\nLayers:\nColumns,60,12,spread=9\n"
        "Optimizer:\nParallelDelta,0.05\n1\n32\n"
    }
)


def _drawn(text, seed=0):
    """A network with weights that float16 can hold; its biases and statistics vary as if it was trained."""
    network, random = lay_out(parse_spec(text)), np.random.default_rng(seed)
    weights = {}
    for name, weight in initial_weights(network, seed).items():
        if weight.ndim == 1:
            weight = weight + random.uniform(-0.3, 0.3, weight.shape).astype(np.float32)
        weights[name] = weight.astype(np.float16).astype(np.float32)
    return network, weights


def _images():
    """Three images of dim noise with empty rows and a bright stroke, a black one, and a white one."""
    images = np.random.default_rng(0).integers(0, 90, (5, 28, 28), np.uint8)
    images[:, :4], images[:, 6:22, 10:13] = 0, 255
    images[3], images[4] = 0, 255
    return images


def _expected(network, weights, images):
    how = {"precision": "float32", "threads": 1, "pixel_statistics": PIXELS, "weights": weights}
    engine = engines.create(network.only_engine or "numpy", network, **how)
    probabilities = softmax(engine.logits(images))
    engine.close()
    return probabilities


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    """One page of all the networks in TEXTS."""
    file = tmp_path_factory.mktemp("page") / "page.html"
    all_of_them = [page_network(name, *_drawn(text), PIXELS) for name, text in TEXTS.items()]
    file.write_text(draw_page(all_of_them), encoding="utf-8")
    with watched_page(chromium) as page:
        page.goto(file.as_uri())
        yield page


def _agree(found, network, weights):
    expected = _expected(network, weights, _images())
    assert np.ptp(expected, axis=0).max() > 0.01  # what the network says depends on the image
    np.testing.assert_allclose(found, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("name", TEXTS)
def test_every_layer_and_input_step(name, page, answers):
    _agree(answers(page, _images(), list(TEXTS).index(name)), *_drawn(TEXTS[name]))


@pytest.mark.parametrize("most_in_full", [0, networks.MOST_IN_FULL], ids=["float16", "float32"])
def test_a_network_of_everything_there_is(most_in_full, open_page, answers, monkeypatch):
    monkeypatch.setattr(networks, "MOST_IN_FULL", most_in_full)
    network, weights = _drawn(EVERYTHING.read_text())
    page = open_page(page_network("it", network, weights, PIXELS))
    _agree(answers(page, _images()), network, weights)


def test_extreme_values_keep_their_sense(open_page, answers, monkeypatch):
    """Weights too large and too small for float16, powers that would overflow, and large variances."""
    monkeypatch.setattr(networks, "MOST_IN_FULL", 0)
    network, weights = _drawn(_text("Conv,4,3,3,softplus\nBatchNorm,epsilon=1e-9\nActivation,silu"))
    weights["conv_1/kernel"] *= np.float32(1e6)
    weights["batchnorm_2/moving_variance"][:] = 1e11, 1e12, 2e12, 3e12
    weights["dense_5/kernel"] *= np.float32(1e-7)
    weights["dense_5/bias"] *= np.float32(1e3)
    page = open_page(page_network("it", network, weights, PIXELS))
    np.testing.assert_allclose(
        answers(page, _images()), _expected(network, weights, _images()), rtol=0, atol=ROUNDING
    )
