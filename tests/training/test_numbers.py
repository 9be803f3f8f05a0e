"""Draws and metrics, which must be equal in every engine: checked by laws and second implementations."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from MNIST.engines.metrics import accuracy, cross_entropy, softmax
from MNIST.language import lay_out, parse_spec
from MNIST.language.layer import Parameter
from MNIST.training.draws import INITIALIZERS, STREAMS, draw, epoch_order, epoch_seed, initial_weights
from MNIST.training.identity import NUMBERS

PLAIN = "Layers:\nFlatten\nDense,64,relu\n{dropout}Dense,10,softmax\nOptimizer:\n{optimizer}\n1\n100\n"


def _spec(dropout="", optimizer="0.01,0.5"):
    return parse_spec(PLAIN.format(dropout=dropout, optimizer=optimizer))


def test_weights_come_from_the_seed_and_the_layer_alone():
    plain = initial_weights(lay_out(_spec()), seed=3)
    again = initial_weights(lay_out(_spec()), seed=3)
    other = initial_weights(lay_out(_spec()), seed=4)
    between = initial_weights(lay_out(_spec(dropout="Dropout,0.5\n")), seed=3)
    assert all(np.array_equal(plain[name], again[name]) for name in plain)
    assert not np.array_equal(plain["dense_2/kernel"], other["dense_2/kernel"])
    for one, two in zip(plain.values(), between.values(), strict=True):
        assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        ("glorot_uniform", 2 / 500),
        ("glorot_normal", 2 / 500),
        ("he_uniform", 2 / 200),
        ("he_normal", 2 / 200),
        ("lecun_uniform", 1 / 200),
        ("lecun_normal", 1 / 200),
    ],
)
def test_an_initializer_has_the_variance_of_its_source(init, variance):
    parameter = Parameter("kernel", (200, 300), init, fan_in=200, fan_out=300)
    values = draw(parameter, np.random.default_rng(0))
    assert values.dtype == np.float32
    assert abs(values.mean()) < 4 * (variance / values.size) ** 0.5  # four standard errors
    assert values.var() == pytest.approx(variance, rel=0.03)  # 60,000 draws: four standard errors are 2.3 %
    if init.endswith("uniform"):
        assert np.abs(values).max() <= (3 * variance) ** 0.5


def test_every_initializer_of_the_language_can_be_drawn():
    from MNIST.language.layer import INIT

    assert set(INIT.choices) <= set(INITIALIZERS)


def test_an_epoch_sees_every_image_once_in_an_order_of_its_own():
    images = np.arange(100, 1100)
    first, second = epoch_order(images, 0, 1), epoch_order(images, 0, 2)
    assert sorted(first) == sorted(second) == list(images)
    assert not np.array_equal(first, second)
    assert np.array_equal(first, epoch_order(images, 0, 1))
    assert epoch_seed(0, 1) != epoch_seed(0, 2) != epoch_seed(1, 2)


def test_the_streams_of_draws_have_nothing_in_common():
    first = np.random.default_rng(7).random(4)  # the data room splits with the seed itself
    streams = {tuple(np.random.default_rng([7, stream, 0, 0]).random(4)) for stream in STREAMS}
    assert len(streams) == len(STREAMS) == 4
    assert tuple(first) not in streams


def test_the_draws_are_those_of_this_version():
    """If this fails, stored trials and checkpoints no longer match this program: raise `identity.NUMBERS`."""
    weights = initial_weights(lay_out(_spec()), seed=0)
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(weights[name].tobytes())
    digest.update(epoch_order(np.arange(1000), 0, 1).astype("<i8").tobytes())
    digest.update(str(epoch_seed(0, 1)).encode())
    assert (NUMBERS, digest.hexdigest()[:16]) == (2, "7e97e8c157fbd790")


@given(st.integers(1, 50), st.integers(0, 2**32 - 1), st.sampled_from([1e-3, 1.0, 30.0, 1e4]))
def test_metrics_agree_with_scikit_learn(n, seed, scale):
    generator = np.random.default_rng(seed)
    logits = (generator.normal(size=(n, 10)) * scale).astype(np.float32)
    labels = generator.integers(0, 10, n)
    probabilities = softmax(logits)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(n))
    assert accuracy(logits, labels) == (logits.argmax(axis=1) == labels).mean()
    if scale <= 1:  # scikit-learn clips probabilities; ours are exact for large logits, too
        judged = log_loss(labels, probabilities, labels=range(10))
        assert cross_entropy(logits, labels) == pytest.approx(judged, rel=1e-6)
    assert np.isfinite(cross_entropy(logits, labels))


def test_metrics_of_no_images_are_not_a_number():
    empty = np.zeros((0, 10), np.float32), np.zeros(0, np.int64)
    assert np.isnan(cross_entropy(*empty))
    assert np.isnan(accuracy(*empty))
