"""The layers from scratch: each backward pass against finite differences of its own forward pass."""

import importlib.util

import numpy as np
import pytest
from scipy.signal import correlate

from MNIST.engines.scratch import (
    activations,
    blocks,
    convolution,
    dense,
    depthwise,
    dropout,
    flatten,
    loss,
    noise,
    normalization,
    padding,
    pooling,
)
from MNIST.engines.scratch.layer import LearningLayer, Pass, channel_sums
from MNIST.engines.scratch.network import BUILDERS, build_network
from MNIST.engines.scratch.optimizers import UPDATES
from MNIST.language import LAYERS, lay_out, layers, optimizers, parse_spec
from MNIST.language.layer import NO_MARGINS, Margins, Window
from MNIST.training.draws import initial_weights

H = 1e-5  # of central differences in float64: their error is about H² and 1e-16 / H, both far below 1e-6
MAP, ROW = (3, 7, 6, 4), (5, 8)


def draw(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def conv(rows=3, columns=2, stride=1, same=False, activation="tanh", bias=True):
    W, b = draw(rows, columns, MAP[-1], 5), draw(5) if bias else None
    strides = stride, stride
    margins = Window((rows, columns), strides, "same" if same else "valid").margins(MAP[1:])
    return convolution.Convolution(("W", "b"), W, b, activation, stride, margins)


def depthwise_conv(rows=3, columns=2, stride=1, same=False, activation="tanh", bias=True):
    window = Window((rows, columns), (stride, stride), "same" if same else "valid")
    W, b = draw(rows, columns, MAP[-1], 1), draw(MAP[-1]) if bias else None
    return depthwise.DepthwiseConvolution(("W", "b"), W, b, activation, window, window.margins(MAP[1:]))


def batch_norm(shape):
    channels = shape[-1]
    values = {"gamma": draw(channels), "beta": draw(channels), "moving_mean": draw(channels)}
    weights = {f"n/{name}": value for name, value in values.items()}
    weights["n/moving_variance"] = np.abs(draw(channels)) + 0.5
    return normalization.BatchNorm("n", weights, 0.9, 1e-3)


def same(window, stride):
    return Window(window, (stride, stride), "same").margins(MAP[1:])


# Every layer of the room with the shape of its input and the arrays that it learns, by their names.
CASES = {
    "dense": (lambda: dense.Dense(("W", "b"), draw(8, 3), draw(3), "sigmoid"), ROW, {"W": "W", "b": "b"}),
    "conv": (conv, MAP, {"W": "W", "b": "b"}),
    "conv same": (lambda: conv(3, 3, same=True), MAP, {"W": "W", "b": "b"}),
    "conv stride": (lambda: conv(3, 2, stride=2), MAP, {"W": "W", "b": "b"}),
    "conv stride same": (lambda: conv(3, 3, stride=2, same=True), MAP, {"W": "W", "b": "b"}),
    "conv large stride": (lambda: conv(2, 2, stride=3), MAP, {"W": "W", "b": "b"}),
    "conv 1×1": (lambda: conv(1, 1, stride=2, same=True), MAP, {"W": "W", "b": "b"}),
    "projection": (lambda: conv(1, 1, stride=2, activation="linear", bias=False), MAP, {"W": "W"}),
    "depthwise conv": (depthwise_conv, MAP, {"W": "W", "b": "b"}),
    "depthwise conv stride": (lambda: depthwise_conv(stride=2), MAP, {"W": "W", "b": "b"}),
    "depthwise conv stride same": (lambda: depthwise_conv(3, 3, 2, same=True), MAP, {"W": "W", "b": "b"}),
    "depthwise conv of a separable one": (
        lambda: depthwise_conv(activation="linear", bias=False),
        MAP,
        {"W": "W"},
    ),
    "batch norm": (lambda: batch_norm(MAP), MAP, {"n/gamma": "gamma", "n/beta": "beta"}),
    "batch norm of rows": (lambda: batch_norm(ROW), ROW, {"n/gamma": "gamma", "n/beta": "beta"}),
    "local response norm": (lambda: normalization.LocalResponseNorm(3, 0.3, 0.75, 2.0), MAP, {}),
    "max pool": (lambda: pooling.MaxPool((2, 2), (2, 2), NO_MARGINS), MAP, {}),
    "max pool overlapping": (lambda: pooling.MaxPool((3, 3), (1, 1), same((3, 3), 1)), MAP, {}),
    "avg pool": (lambda: pooling.AvgPool((2, 3), (2, 3), NO_MARGINS), MAP, {}),
    "avg pool same": (lambda: pooling.AvgPool((3, 3), (2, 2), same((3, 3), 2)), MAP, {}),
    "global avg pool": (pooling.GlobalAvgPool, MAP, {}),
    "pad": (lambda: padding.Pad(Margins(1, 2, 0, 3)), MAP, {}),
    "flatten": (flatten.Flatten, MAP, {}),
    "dropout": (lambda: dropout.Dropout("d", 0.25), MAP, {}),
    "gaussian noise": (lambda: noise.GaussianNoise("n", 0.3), MAP, {}),
    "residual": (lambda: blocks.Residual(activations.Activate("tanh"), None), MAP, {}),
    "parallel": (
        lambda: blocks.Parallel([activations.Activate("tanh"), activations.Activate("silu")]),
        MAP,
        {},
    ),
    "chain": (
        lambda: blocks.Chain([conv(), pooling.MaxPool((2, 2), (2, 2), NO_MARGINS), flatten.Flatten()]),
        MAP,
        {},
    ),
    **{name: (lambda name=name: activations.Activate(name), ROW, {}) for name in activations.ACTIVATIONS},
}


def training_pass():
    mask = draw(*MAP, seed=1) > 0
    return Pass(training=True, draws={"d": mask.astype(np.float64), "n": draw(*MAP, seed=6)})


def forward(layer, x):
    return layer.forward(x, training_pass())[0]


@pytest.mark.parametrize("case", CASES)
def test_the_backward_pass_is_the_derivative_of_the_forward_pass(case):
    make, shape, learned = CASES[case]
    layer, x = make(), draw(*shape, seed=2)
    y, cache = layer.forward(x, training_pass())
    dy, gradients = draw(*y.shape, seed=3), {}
    dx = layer.backward(dy, cache, gradients)
    assert dx.shape == x.shape
    if learned:
        assert gradients.keys() == learned.keys()
    for array, gradient in [(x, dx), *((getattr(layer, learned[n]), gradients[n]) for n in learned)]:
        direction = draw(*array.shape, seed=4)
        array += H * direction
        ahead = (dy * forward(layer, x)).sum()
        array -= 2 * H * direction
        behind = (dy * forward(layer, x)).sum()
        array += H * direction
        numeric, exact = (ahead - behind) / (2 * H), (gradient * direction).sum()
        assert exact == pytest.approx(numeric, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_tensors_give_the_numbers_of_numpy(case):
    import torch

    make, shape, _ = CASES[case]
    layer, other, x = make(), make(), draw(*shape, seed=2)
    for name, value in vars(other).items():
        if isinstance(value, np.ndarray):
            setattr(other, name, torch.tensor(value))
    if case == "chain":
        other.layers[0].W, other.layers[0].b = map(torch.tensor, (other.layers[0].W, other.layers[0].b))
    (y, cache), (gradients, gradients_there) = layer.forward(x, training_pass()), ({}, {})
    there = training_pass()
    there.draws = {path: torch.tensor(mask) for path, mask in there.draws.items()}
    y_there, memory_there = other.forward(torch.tensor(x), there)
    dy = draw(*y.shape, seed=3)
    dx = layer.backward(dy, cache, gradients)
    dx_there = other.backward(torch.tensor(dy), memory_there, gradients_there)
    for here, tensor in [
        (y, y_there),
        (dx, dx_there),
        *((gradients[n], gradients_there[n]) for n in gradients),
    ]:
        np.testing.assert_allclose(tensor.numpy(), here, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 2)])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_windows_and_add_windows_are_transposes_of_one_another(size, stride):
    """⟨P(x), d⟩ = ⟨x, Pᵀ(d)⟩ for any x and d: the gradient of a convolution depends on this law."""
    x = draw(*MAP)
    P = convolution.windows(x, size, (stride, stride))
    d = draw(*P.shape, seed=1)
    transposed = convolution.add_windows(d, x.shape, size, (stride, stride))
    assert (P * d).sum() == pytest.approx((x * transposed).sum(), rel=1e-12)


def test_a_convolution_is_that_of_scipy():
    layer, x = conv(activation="linear"), draw(*MAP)
    y = forward(layer, x)
    for image in range(MAP[0]):
        for filter_ in range(5):
            expected = correlate(x[image], layer.W[..., filter_], mode="valid")[..., 0] + layer.b[filter_]
            np.testing.assert_allclose(y[image, ..., filter_], expected, rtol=1e-12)


def test_a_depthwise_convolution_is_that_of_scipy_channel_by_channel():
    layer, x = depthwise_conv(activation="linear"), draw(*MAP)
    y = forward(layer, x)
    for image, channel in np.ndindex(MAP[0], MAP[-1]):
        one, kernel = x[image, ..., channel], layer.W[..., channel, 0]
        expected = correlate(one, kernel, mode="valid") + layer.b[channel]
        np.testing.assert_allclose(y[image, ..., channel], expected, rtol=1e-12, atol=1e-13)


def test_where_nothing_before_learns_no_dx_is_computed():
    for layer, shape in (
        (conv(), MAP),
        (depthwise_conv(), MAP),
        (dense.Dense(("W", "b"), draw(8, 3), draw(3), "relu"), ROW),
    ):
        layer.wants_dx = False
        y, cache = layer.forward(draw(*shape), Pass())
        gradients = {}
        assert layer.backward(y, cache, gradients) is None
        assert set(gradients) == {"W", "b"}


def test_only_the_first_layer_that_learns_leaves_its_dx_out():
    layers_text = "Layers:\nGaussianNoise,0.1\nConv,2,3,3,relu\nFlatten\nDense,4,relu\nDense,10,softmax\n"
    network = lay_out(parse_spec(f"{layers_text}Optimizer:\n0.001\n1\n100\n"))
    built = build_network(network, initial_weights(network, 0)).layers
    assert [layer.wants_dx for layer in built if isinstance(layer, LearningLayer)] == [False, True, True]


def test_of_equal_largest_values_the_first_gets_the_gradient():
    x = np.ones((1, 2, 2, 1))
    layer = pooling.MaxPool((2, 2), (2, 2), NO_MARGINS)
    y, cache = layer.forward(x, Pass())
    assert layer.backward(y, cache, {}).ravel().tolist() == [1, 0, 0, 0]


def test_padded_places_never_win_and_are_not_counted():
    x = np.full((1, 3, 3, 1), -2.0)
    margins = Window((2, 2), (2, 2), "same").margins((3, 3, 1))
    assert margins == Margins(0, 1, 0, 1)  # the odd row is below, the odd column at the right
    for kind in (pooling.MaxPool, pooling.AvgPool):
        assert forward(kind((2, 2), (2, 2), margins), x).ravel().tolist() == [-2.0] * 4


def test_batch_norm_keeps_moving_averages_only_in_a_step_of_training():
    layer, x, step = batch_norm(MAP), draw(*MAP), training_pass()
    layer.forward(x, step)
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    np.testing.assert_allclose(step.moving["n/moving_mean"], 0.9 * layer.moving_mean + 0.1 * mean)
    np.testing.assert_allclose(step.moving["n/moving_variance"], 0.9 * layer.moving_variance + 0.1 * variance)
    used = Pass()
    y, _ = layer.forward(x, used)
    assert used.moving == {}
    scale = layer.gamma / np.sqrt(layer.moving_variance + 1e-3)
    np.testing.assert_allclose(y, (x - layer.moving_mean) * scale + layer.beta)


def test_channel_sums_do_not_round_as_one_long_sum_does():
    x = np.random.default_rng(0).random((200, 26, 26, 3), dtype=np.float32)
    exact = x.sum(axis=(0, 1, 2), dtype=np.float64)
    np.testing.assert_allclose(channel_sums(x), exact, rtol=1e-6)


def test_the_sigmoid_of_what_is_far_below_zero_keeps_its_digits():
    x = np.array([-700.0, -40.0, -17.0, 0.0, 17.0, 40.0])
    np.testing.assert_allclose(activations.sigmoid(x)[0], 1 / (1 + np.exp(-x)), rtol=1e-15)
    np.testing.assert_allclose(activations.softplus_backward(np.ones(6), x), 1 / (1 + np.exp(-x)), rtol=1e-15)


def both_passes(layer, x):
    """y, dx and the gradients of a convolution."""
    gradients = {}
    y, cache = layer.forward(x, Pass())
    dx = layer.backward(np.cos(y), cache, gradients)
    return y, dx, gradients["W"], gradients["b"]


def agree(ones, others):
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-13)


def test_a_convolution_in_parts_is_that_of_the_whole_batch(monkeypatch):
    layer, x = conv(3, 3, stride=2, same=True), draw(*MAP)
    whole = both_passes(layer, x)
    monkeypatch.setattr(convolution, "LARGEST", 1)
    assert len(layer._parts(x)) == MAP[0]
    agree(whole, both_passes(layer, x))


@pytest.mark.parametrize("few", [0, 10**6], ids=["a product for each image", "one for all images"])
@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("conv")])
def test_a_convolution_in_strips_is_that_of_the_whole_kernel(monkeypatch, case, few):
    layer, x = CASES[case][0](), draw(*MAP)
    assert layer.strip == layer.W.shape[0]  # which is compared with finite differences
    whole = both_passes(layer, x)
    monkeypatch.setattr(convolution, "FEW", few)
    layer.strip = 1
    agree(whole, both_passes(layer, x))


@pytest.mark.parametrize("name", activations.ACTIVATIONS)
def test_activations_do_not_overflow(name):
    x = np.array([-1e30, -1e4, -100.0, 0.0, 100.0, 1e4, 1e30])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y, cache = activations.ACTIVATIONS[name].forward(x)
        dx = activations.ACTIVATIONS[name].backward(np.ones_like(x), cache)
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_the_loss_is_the_cross_entropy_and_its_gradient_the_derivative(smoothing):
    logits, labels = draw(6, 10), np.array([0, 3, 9, 3, 1, 7], np.uint8)
    losses, gradient = loss.cross_entropy(logits, labels, smoothing)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    target = np.full((6, 10), smoothing / 10)
    target[np.arange(6), labels] += 1 - smoothing
    np.testing.assert_allclose(losses, -(target * np.log(p)).sum(axis=1), rtol=1e-12)
    for place in np.ndindex(6, 10):
        ahead, behind = logits.copy(), logits.copy()
        ahead[place] += H
        behind[place] -= H
        change = (
            loss.cross_entropy(ahead, labels, smoothing)[0] - loss.cross_entropy(behind, labels, smoothing)[0]
        )
        assert gradient[place] == pytest.approx(change.sum() / (2 * H), abs=1e-9)


def test_the_loss_of_huge_logits_is_finite():
    losses, gradient = loss.cross_entropy(np.array([[1e4, -1e4, 0.0]]), np.array([1]), 0.0)
    assert losses.tolist() == [2e4]
    assert gradient.tolist() == [[1.0, -1.0, 0.0]]
    losses, gradient = loss.cross_entropy(np.array([[1e4, -1e4, 0.0]]), np.array([1]), 0.3)
    assert losses == pytest.approx([0.8 * 2e4 + 0.1 * 1e4])
    assert gradient == pytest.approx(np.array([[0.9, -0.8, -0.1]]))


def test_every_layer_and_optimizer_of_the_language_has_its_place():
    elsewhere = {layers.Path, layers.Repeat}  # laid out away
    assert set(BUILDERS) == {kind for kind in LAYERS.values() if kind.__name__ != "Columns"} - elsewhere
    assert set(UPDATES) == {o for o in optimizers.OPTIMIZERS.values() if o.follows_gradients}
