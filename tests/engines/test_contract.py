"""What every engine that learns by gradients promises: one set of tests for all of them.

That all engines compute the same numbers is tested by `certify`; here each is tested by itself.
"""

import importlib.util
import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from examples import slowly

from MNIST import engines
from MNIST.engines.metrics import cross_entropy, softmax
from MNIST.engines.processor import cores
from MNIST.engines.protocol import EpochMetrics
from MNIST.engines.saved_arrays import read_arrays, write_arrays
from MNIST.errors import ModelError, UsageError
from MNIST.language import lay_out, parse_spec
from MNIST.training.draws import initial_weights

SMALL = """
Layers:
Conv,4,3,3,relu
MaxPool,2,2
Dropout,0.3
Flatten
Dense,10,softmax
Optimizer:
{optimizer}
1
32
"""
DEEP = """
Input:
Standardize
Layers:
Conv,4,5,5,linear,stride=2
BatchNorm
Activation,relu
Residual:
    Conv,6,3,3,tanh,padding=same
Dropout,0.2
GlobalAvgPool
Dense,10,softmax
Optimizer:
{optimizer}
1
32
"""
WEIGHTLESS = """
Input:
Threshold,10,35,60,85,110,135,160,185,210,235
Layers:
GlobalAvgPool
Activation,softmax
Optimizer:
{optimizer}
1
32
"""
REGRESSION = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n{optimizer}\n1\n32\n"
OPTIMIZERS = (
    *("SGD,0.05", "Momentum,0.02", "Nesterov,0.02", "RMSprop,0.002,momentum=0.5", "Adam,0.01"),
    *("AdamW,0.01", "Adagrad,0.05"),
)
TWO = "Momentum,0.02", "Adam,0.01"  # these are tried with every layer
IMAGES = np.random.default_rng(0).integers(0, 256, (70, 28, 28), dtype=np.uint8)
LABELS = (np.arange(70) % 10).astype(np.uint8)
THREADS = cores()  # Keras takes one number of threads for a whole process


ON_PYTORCH = ["tensors", "autograd", "modules"]
INSTALLED = ["keras", "numpy", *(ON_PYTORCH if importlib.util.find_spec("torch") else [])]

every_engine = pytest.mark.parametrize("name", INSTALLED)
# Keras compiles each network anew, for seconds.
every_engine_slowly_keras = pytest.mark.parametrize("name", [*slowly(INSTALLED[:1]), *INSTALLED[1:]])


def make(name, text=SMALL, optimizer="Adam,0.01", precision="float32", draws=None):
    network = lay_out(parse_spec(text.format(optimizer=optimizer)))
    return engines.create(
        name,
        network,
        precision=precision,
        threads=THREADS,
        pixel_statistics=(0.13, 0.31),
        weights=initial_weights(network, seed=0),
        draws=draws,
    )


def train(engine, seed=7, rate=0.01):
    return engine.train_epoch(IMAGES, LABELS, np.full(3, rate, np.float32), seed, lambda *step: None)


def same(these, those):
    return these.keys() == those.keys() and all(np.array_equal(these[key], those[key]) for key in these)


@every_engine
def test_weights_are_those_that_were_set(name):
    engine = make(name, DEEP)
    network = lay_out(parse_spec(DEEP.format(optimizer="Adam,0.01")))
    weights = engine.get_weights()
    assert same(weights, initial_weights(network, seed=0))
    assert {weight.dtype for weight in weights.values()} == {np.dtype(np.float32)}
    weights[next(iter(weights))][...] = 0  # this changes a copy, not the engine's own weights
    assert not same(weights, engine.get_weights())


@every_engine
def test_other_weights_are_refused(name):
    engine = make(name)
    weights = engine.get_weights()
    first = next(iter(weights))
    with pytest.raises(ValueError, match="names differ"):
        engine.set_weights({**weights, "conv_9/kernel": weights[first]})
    with pytest.raises(ValueError, match="shape"):
        engine.set_weights({**weights, first: weights[first][..., :1]})
    last = next(reversed(weights))
    others = {key: weight[:1] if key == last else weight + 1 for key, weight in weights.items()}
    with pytest.raises(ValueError, match="shape"):  # none of the weights may change: see the last line
        engine.set_weights(others)
    for shape in [(11,), (10, 1), ()]:
        with pytest.raises(ValueError, match=last):
            engine.set_weights({**weights, last: np.zeros(shape)})
    with pytest.raises(ValueError, match="names differ"):
        engine.set_weights({})
    with pytest.raises(ValueError, match="names differ"):
        engine.set_state(weights)  # the optimizer's variables are missing
    assert same(engine.get_weights(), weights)


@every_engine
def test_a_state_is_a_copy_that_training_leaves_alone(name):
    engine = make(name, DEEP)
    state = engine.get_state()
    kept = {key: array.copy() for key, array in state.items()}
    train(engine)
    assert same(state, kept)
    assert not same(engine.get_state(), kept)
    engine.set_state(state)
    assert same(engine.get_state(), kept)
    train(engine)
    assert same(state, kept)


@every_engine
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("Scale", lambda p: p[..., None] / 255),
        ("Standardize", lambda p: (p[..., None] / 255 - 0.13) / 0.31),
        ("Threshold,1,64,255", lambda p: p[..., None] >= np.array([1, 64, 255])),
    ],
)
def test_pixels_are_prepared_as_the_language_says(name, steps, expected):
    text = f"Input:\n{steps}\n{REGRESSION}"
    engine = make(name, text, precision="float64")
    pixels = np.arange(784, dtype=np.uint8).reshape(1, 28, 28)  # every grey level
    weights = engine.get_weights()
    logits = expected(pixels).reshape(1, -1) @ weights["dense_2/kernel"] + weights["dense_2/bias"]
    # An engine may hold the mean and the deviation of the pixels in float32, which has seven digits.
    assert engine.logits(pixels) == pytest.approx(logits, rel=1e-6, abs=1e-6)


@every_engine
def test_gradient_norms_are_those_of_softmax_regression(name):
    """For the mean loss of softmax(xW + b): ∂L/∂W = xᵀ(p − y)/n and ∂L/∂b = Σ(p − y)/n."""
    engine = make(name, REGRESSION, "SGD,0.5")
    W, b = (weight.astype(np.float64) for weight in engine.get_weights().values())
    for epoch in (1, 2):
        metrics = train(engine, epoch, rate=0.5)
        norms = []
        for begin in (0, 32, 64):  # the last step has 6 images
            x = IMAGES[begin : begin + 32].reshape(-1, 784) / 255
            error = (softmax(x @ W + b) - np.eye(10)[LABELS[begin : begin + 32]]) / len(x)
            dW, db = x.T @ error, error.sum(axis=0)
            norms.append(np.sqrt((dW**2).sum() + (db**2).sum()))
            W, b = W - 0.5 * dW, b - 0.5 * db
        # The engine computes in float32: it may differ by some units of the seventh digit.
        assert metrics.gradient_norm_mean == pytest.approx(np.mean(norms), rel=1e-5)
        assert metrics.gradient_norm_variance == pytest.approx(np.var(norms), rel=1e-5)


@every_engine_slowly_keras
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_epoch_depends_on_the_state_alone(name, optimizer):
    """With the same state, engines train the next epoch to the same bits, whatever they did before."""
    text = DEEP if optimizer in TWO else SMALL
    first = make(name, text, optimizer)
    train(first, seed=1)
    second = make(name, text, optimizer)
    train(second, seed=99)  # this gives it another past, and builds what only training needs
    second.set_state(first.get_state())
    fresh = make(name, text, optimizer)
    fresh.set_state(first.get_state())
    expected = train(first, seed=2)
    for engine in (second, fresh):
        assert train(engine, seed=2) == expected
        assert same(engine.get_state(), first.get_state())


@every_engine_slowly_keras
def test_a_part_of_an_epoch_can_be_timed(name):
    """With rates of 0, fewer images than an epoch has train nothing."""
    engine = make(name, REGRESSION, "SGD,0.05")
    before = engine.get_weights()
    for part in (slice(32), slice(64, None), slice(64)):  # the first step, the last and smaller one, and two
        rates = np.zeros(3, np.float32)
        metrics = engine.train_epoch(IMAGES[part], LABELS[part], rates, 0, lambda *step: None)
        expected = cross_entropy(engine.logits(IMAGES[part]), LABELS[part])
        assert metrics.loss == pytest.approx(expected, rel=1e-5)
        assert same(engine.get_weights(), before)


@every_engine_slowly_keras
def test_the_seed_decides_what_dropout_drops(name):
    losses = {seed: train(make(name), seed=seed).loss for seed in (1, 2)}
    assert losses[1] != losses[2]
    assert train(make(name), seed=1).loss == losses[1]


@every_engine_slowly_keras
def test_metrics_are_told_while_it_trains_and_at_the_end(name):
    told = []
    rates = np.full(3, 0.01, np.float32)
    metrics = make(name).train_epoch(IMAGES, LABELS, rates, 7, lambda *step: told.append(step))
    numbers = [steps for steps, _, _ in told]  # not every step is reported if steps are short
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 3
    assert told[-1][1:] == pytest.approx((metrics.loss, metrics.accuracy))
    assert 2 < told[0][1] < 3  # ln 10 = 2.3: nothing is learned yet
    assert metrics.gradient_norm_mean > 0 < metrics.gradient_norm_variance


@every_engine
def test_gradients_change_nothing_and_are_those_of_a_step(name):
    """With SGD, a step is the rate times the gradient."""
    engine = make(name, DEEP.replace("Dropout,0.2\n", ""), "SGD,0.1")
    before = engine.get_weights()
    loss, gradients = engine.gradients(IMAGES[:32], LABELS[:32])
    assert same(engine.get_weights(), before)
    metrics = engine.train_epoch(IMAGES[:32], LABELS[:32], np.full(1, 0.1, np.float32), 7, lambda *step: None)
    assert metrics.loss == pytest.approx(loss, rel=1e-6)
    after = engine.get_weights()
    assert gradients.keys() == {name for name in before if "moving" not in name}
    for key, gradient in gradients.items():
        np.testing.assert_allclose(after[key], before[key] - 0.1 * gradient, rtol=1e-5, atol=1e-7)
    norm = np.sqrt(sum((gradient.astype(np.float64) ** 2).sum() for gradient in gradients.values()))
    assert metrics.gradient_norm_mean == pytest.approx(norm, rel=1e-5)


@every_engine
@pytest.mark.parametrize(("activation", "slope"), [("relu", 0), ("leaky_relu", 0.2), ("elu", 1)])
def test_all_agree_on_the_slope_of_an_activation_at_exactly_zero(name, activation, slope):
    """Every new network is at this point where an image is black, because its biases are 0."""
    black = np.zeros_like(IMAGES[:32])
    bias = {}
    for each in ("linear", activation):
        text = SMALL.replace("3,3,relu\nMaxPool,2,2\nDropout,0.3", f"3,3,{each}")
        _, gradients = make(name, text, precision="float64").gradients(black, LABELS[:32])
        bias[each] = gradients["conv_1/bias"]
    np.testing.assert_allclose(bias[activation], slope * bias["linear"], rtol=1e-12)


@every_engine
def test_of_equal_values_in_a_window_the_first_gets_the_gradient(name):
    """tanh is 0 where an image is black, and so is what Dropout drops: only the latter has no slope."""
    text = SMALL.replace("3,3,relu\nMaxPool,2,2\nDropout,0.3", "3,3,tanh\nDropout,0.3\nMaxPool,2,2")
    keep = np.random.default_rng(1).random((32, 26, 26, 4)) >= 0.3
    black = np.zeros_like(IMAGES[:32])
    found = make(name, text, precision="float64", draws={"dropout_2": keep}).gradients(black, LABELS[:32])[1]
    first = keep.reshape(32, 13, 2, 13, 2, 4).transpose(0, 1, 3, 5, 2, 4).reshape(32, -1, 4, 4)[..., 0]
    assert 0.6 < first.mean() < 0.8
    network = lay_out(parse_spec(text.format(optimizer="SGD,0.1")))
    kernel = initial_weights(network, seed=0)["dense_5/kernel"].astype(np.float64)
    error = (0.1 - np.eye(10)[LABELS[:32]]) / 32  # all logits are 0
    back = (error @ kernel.T).reshape(32, 13 * 13, 4)
    np.testing.assert_allclose(found["conv_1/bias"], (back * first / 0.7).sum(axis=(0, 1)), rtol=1e-9)


SMOOTHED = SMALL.replace("\n32\n", "\n32\nlabel_smoothing=0.1\n")


@every_engine
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_smoothed_labels_are_the_targets_of_the_loss(name, precision):
    text = SMOOTHED.replace("Dropout,0.3\n", "")
    engine = make(name, text, precision=precision)
    log_p = np.log(softmax(engine.logits(IMAGES[:32]).astype(np.float64)))
    target = 0.9 * np.eye(10)[LABELS[:32]] + 0.1 / 10
    loss, gradients = engine.gradients(IMAGES[:32], LABELS[:32])
    tolerance = {"float32": 1e-5, "float64": 1e-12}[precision]
    assert loss == pytest.approx(-(target * log_p).sum(axis=1).mean(), rel=tolerance)
    # The gradient of a bias before softmax is the mean of p − target.
    bias = (np.exp(log_p) - target).mean(axis=0)
    np.testing.assert_allclose(gradients["dense_4/bias"], bias, rtol=0, atol=tolerance)


@every_engine_slowly_keras
def test_the_loss_reported_is_the_smoothed_one_and_the_accuracy_stays(name):
    """With a rate of 0, the weights are the same at every step."""
    text, rates = SMALL.replace("Dropout,0.3\n", ""), np.zeros(3, np.float32)
    plain, smoothed = (make(name, each) for each in (text, SMOOTHED.replace("Dropout,0.3\n", "")))
    for engine in (plain, smoothed):
        engine.set_weights({key: 3 * weight for key, weight in engine.get_weights().items()})
    before = plain.logits(IMAGES)
    log_p = np.log(softmax(before.astype(np.float64)))
    found = [engine.train_epoch(IMAGES, LABELS, rates, 7, lambda *step: None) for engine in (plain, smoothed)]
    assert found[0].loss == pytest.approx(cross_entropy(before, LABELS), rel=1e-5)
    assert found[1].loss == pytest.approx(0.9 * found[0].loss - 0.1 * log_p.mean(), rel=1e-5)
    right = (before.argmax(axis=1) == LABELS).mean()
    assert [metrics.accuracy for metrics in found] == pytest.approx([right, right], rel=1e-6)
    assert np.array_equal(smoothed.logits(IMAGES), before)  # smoothing changes no answer


@pytest.mark.skipif("tensors" not in INSTALLED, reason="PyTorch is not installed")
def test_smoothing_is_that_of_keras_and_of_pytorch():
    """Keras and PyTorch judge the smoothed loss, on the logits of one network."""
    import torch

    from MNIST.engines.keras.backend import keras

    engine = make("numpy", SMOOTHED.replace("Dropout,0.3\n", ""), precision="float64")
    logits = engine.logits(IMAGES)
    loss, _ = engine.gradients(IMAGES, LABELS)
    judged = torch.nn.functional.cross_entropy(
        torch.tensor(logits), torch.tensor(LABELS).long(), label_smoothing=0.1
    )
    assert loss == pytest.approx(judged.item(), rel=1e-12)
    judged = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1, dtype="float64")
    assert loss == pytest.approx(float(judged(np.eye(10)[LABELS], logits)), rel=1e-7)  # 0.1 / 10 in float32


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")  # Keras says so
@every_engine
def test_a_network_without_weights_is_trained_too(name):
    engine = make(name, WEIGHTLESS)
    metrics = train(engine)
    assert np.isfinite(metrics.loss)
    assert (metrics.gradient_norm_mean, metrics.gradient_norm_variance) == (0.0, 0.0)
    assert engine.gradients(IMAGES, LABELS)[1] == {}


@every_engine_slowly_keras
@pytest.mark.parametrize("count", [1, 33])
def test_a_batch_may_be_of_one_image(name, count):
    rates = np.full(-(-count // 32), 0.01, np.float32)
    metrics = make(name, DEEP).train_epoch(IMAGES[:count], LABELS[:count], rates, 7, lambda *step: None)
    assert np.isfinite(metrics.loss)


def _from_scratch(name, threads, precision="float32", text=SMALL):
    """An engine whose batch of 70 images comes in several pieces."""
    network = lay_out(parse_spec(text.format(optimizer="Adam,0.01").replace("\n32\n", "\n70\n")))
    weights = initial_weights(network, seed=0)
    return engines.create(
        name, network, precision=precision, threads=threads, pixel_statistics=(0.0, 1.0), weights=weights
    )


NORMALISED = SMALL.replace("MaxPool,2,2\n", "BatchNorm\nMaxPool,2,2\n")  # its pieces go in step
both_ways = pytest.mark.parametrize("text", [SMALL, NORMALISED], ids=["apart", "in step"])


@both_ways
def test_the_threads_of_numpy_change_no_bit(text):
    states = []
    for threads in (1, 2, 5):
        engine = _from_scratch("numpy", threads, text=text)
        engine.train_epoch(IMAGES, LABELS, np.full(1, 0.01), 7, lambda *step: None)
        states.append(engine.get_state())
    assert same(states[0], states[1])
    assert same(states[0], states[2])


def test_few_pieces_keep_their_gradients_and_the_sum_is_the_same_to_the_bit(monkeypatch):
    """With 32 pieces, numpy held 32 gradients of each weight, and as many of the step before."""
    from MNIST.engines.scratch import engine as scratch_engine

    text = "Layers:\nFlatten\nDense,256,relu\nDense,10,softmax\nOptimizer:\n{optimizer}\n1\n2048\n"
    images, labels = np.tile(IMAGES, (60, 1, 1))[:4096], np.tile(LABELS, 60)[:4096]
    found = []
    for at_once in (8, 1000):
        monkeypatch.setattr(scratch_engine, "PIECES_AT_ONCE", at_once)
        engine = _from_scratch("numpy", 2, text=text)
        tracemalloc.start()
        engine.train_epoch(images, labels, np.full(2, 0.01), 7, lambda *step: None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        found.append((engine.get_state(), engine.gradients(images, labels)[1], peak))
    (state, gradients, peak), (expected_state, expected_gradients, _) = found
    assert same(state, expected_state)
    assert same(gradients, expected_gradients)
    network = lay_out(parse_spec(text.format(optimizer="Adam,0.01")))
    assert peak < 12 * 4 * network.parameters  # nine gradients, and the outputs of two pieces
    monkeypatch.undo()
    assert engines.kept_at_once("numpy", network, 2048) == (64, 9)


@both_ways
@pytest.mark.skipif("tensors" not in INSTALLED, reason="PyTorch is not installed")
def test_engines_from_scratch_draw_the_same_masks_whatever_pieces_they_compute_in(text):
    made = [_from_scratch(name, 2, "float64", text) for name in ("numpy", "tensors", "autograd")]
    rates = np.full(1, 0.01)
    losses = [engine.train_epoch(IMAGES, LABELS, rates, 7, lambda *step: None).loss for engine in made]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-12)
    (_, first), *others = (engine.gradients(IMAGES, LABELS) for engine in made)
    for _, gradients in others:
        for name, gradient in gradients.items():
            np.testing.assert_allclose(first[name], gradient, rtol=1e-8, atol=1e-12)


def test_a_norm_that_no_number_can_hold_is_infinite():
    """The squares of each layer's gradient have a sum in float64, and all of them have none."""
    text = "Layers:\nFlatten\nDense,9,relu\nDense,10,softmax\nOptimizer:\n{optimizer}\n1\n32\n"
    engine = _from_scratch("numpy", 1, "float64", text)
    large = engine.get_weights()
    large["dense_3/kernel"] *= 1e100  # the gradient of the layer before grows alike
    engine.set_weights(large)
    squares = [float((gradient**2).sum()) for gradient in engine.gradients(IMAGES, LABELS)[1].values()]
    first, second, *_ = sorted(squares, reverse=True)
    large["dense_3/kernel"] *= np.sqrt(np.finfo(float).max / (first + second / 2))
    engine.set_weights(large)
    metrics = engine.train_epoch(IMAGES, LABELS, np.zeros(1), 7, lambda *step: None)
    assert metrics.gradient_norm_mean == np.inf
    with np.errstate(over="raise"):
        assert EpochMetrics.of(0.0, 0.0, np.array([0, 1e200])).gradient_norm_variance == np.inf


@both_ways
def test_what_goes_wrong_in_a_piece_is_heard(monkeypatch, text):
    from MNIST.engines.scratch import engine as scratch_engine

    def broken(logits, labels, smoothing):
        pieces.append(len(labels))
        if len(pieces) == 2:  # the other one goes on, or waits for this one
            raise MemoryError
        return whole(logits, labels, smoothing)

    whole, pieces = scratch_engine.cross_entropy, []
    monkeypatch.setattr(scratch_engine, "cross_entropy", broken)
    with pytest.raises(MemoryError):
        _from_scratch("numpy", 2, text=text).gradients(IMAGES, LABELS)
    assert pieces == [35, 35]


@every_engine
def test_given_masks_take_the_place_of_draws(name):
    keep = (np.random.default_rng(1).random((32, 13, 13, 4)) < 0.7).astype(np.float32)
    masked = make(name, draws={"dropout_3": keep})
    none_kept = make(name, draws={"dropout_3": np.zeros_like(keep)})
    losses = [masked.gradients(IMAGES[:32], LABELS[:32])[0] for _ in range(2)]
    assert losses[0] == losses[1]
    loss, gradients = none_kept.gradients(IMAGES[:32], LABELS[:32])
    assert loss == pytest.approx(np.log(10), rel=1e-6)  # all biases are still 0
    assert not gradients["conv_1/kernel"].any()


@every_engine_slowly_keras
def test_logits_are_those_of_the_whole_network_whatever_comes_together(name):
    engine = make(name, DEEP)
    train(engine)
    logits = engine.logits(IMAGES)
    assert (logits.dtype, logits.shape) == (np.float32, (70, 10))
    np.testing.assert_allclose(engine.logits(IMAGES[60:]), logits[60:], rtol=1e-4, atol=1e-5)
    assert engine.logits(IMAGES[:0]).shape == (0, 10)


@every_engine
def test_a_saved_network_is_read_back_and_the_same_one_gives_the_same_bytes(name):
    engine = make(name, DEEP)
    train(engine)
    file, content = engine.save()
    assert file in engines.MODEL_FILES
    again = make(name, DEEP)
    again.load(content)
    assert same(again.get_weights(), engine.get_weights())
    assert again.save() == (file, content)


@every_engine
def test_what_is_not_its_own_file_is_refused(name):
    engine = make(name)
    _, content = engine.save()
    before = engine.get_weights()
    for broken in (
        b"",
        content[: len(content) // 2],
        content[:-40],
        b"PK" + content[2:500],
        make(name, DEEP).save()[1],
    ):
        with pytest.raises(ModelError):
            engine.load(broken)
    assert same(engine.get_weights(), before)


@every_engine_slowly_keras
def test_a_rate_beyond_measure_ends_in_numbers_that_are_none_and_no_warning(name, recwarn):
    metrics = train(make(name, SMALL, "SGD,0.1"), rate=3e38)
    assert not np.isfinite(metrics.loss)
    assert [warning for warning in recwarn if issubclass(warning.category, RuntimeWarning)] == []


@every_engine_slowly_keras
def test_double_precision_is_kept_throughout(name):
    engine = make(name, DEEP, precision="float64")
    train(engine)
    assert {weight.dtype for weight in engine.get_weights().values()} == {np.dtype(np.float64)}
    assert engine.logits(IMAGES).dtype == np.float64
    again = make(name, DEEP, precision="float64")
    again.load(engine.save()[1])
    assert same(again.get_weights(), engine.get_weights())
    again.set_state(engine.get_state())
    assert train(again, seed=8) == train(engine, seed=8)
    assert same(again.get_state(), engine.get_state())


def test_every_engine_is_here_or_has_tests_of_its_own():
    assert {"keras", "numpy", *ON_PYTORCH, "sonn"} == set(engines.ENGINES)


def test_arrays_are_written_without_their_time_and_read_as_expected():
    arrays = {"a/b": np.arange(6, dtype=np.float32).reshape(2, 3), "c": np.zeros((), np.float64)}
    content = write_arrays(arrays)
    assert same(read_arrays(content, arrays), arrays)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert [member.date_time for member in archive.infolist()] == [(1980, 1, 1, 0, 0, 0)] * 2
    with pytest.raises(ModelError, match=r"d\.npy"):
        read_arrays(write_arrays({**arrays, "d": np.zeros(1)}), arrays)
    with pytest.raises(ModelError, match=r"a/b is not an array <f4 \(2, 3\)"):
        read_arrays(write_arrays({**arrays, "a/b": arrays["a/b"].astype(np.float64)}), arrays)


def test_an_engine_that_cannot_compute_in_a_precision_says_so():
    with pytest.raises(UsageError, match="the engine numpy cannot compute in bfloat16"):
        engines.resolve_precision("numpy", "bfloat16")
    assert engines.resolve_precision("numpy", "auto") == "float32"
