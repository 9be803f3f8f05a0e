"""The range test: its losses are those of training, it repeats, ends when it should, and suggests well."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from MNIST import engines
from MNIST.data import load, split
from MNIST.errors import UsageError
from MNIST.language import Shift, parse_spec
from MNIST.training import Run, rate_range, resolve_settings
from MNIST.training.rate_range import FEWEST_STEPS, MOST_STEPS, WIDTH, smooth, suggest

TEXT = "Layers:\nFlatten\nDense,32,relu\nDropout,0.1\nDense,10,softmax\nOptimizer:\nAdam,0.003\n1\n50\n"
SPEC = parse_spec(TEXT)


@pytest.fixture(scope="module")
def data(digits_folder):
    return split(load(digits_folder), 0.9, seed=0)


def settings(engine="numpy", seed=0):
    return resolve_settings("digits", images=None, split=0.9, seed=seed, engine=engine, precision="float32")


@pytest.mark.slow
def test_every_engine_measures_the_same_curve(data, engine):
    spec = parse_spec(TEXT.replace("Dropout,0.1\n", ""))
    found = rate_range(spec, data, settings(engine), lowest=1e-4, highest=0.1, steps=30)
    expected = rate_range(spec, data, settings(), lowest=1e-4, highest=0.1, steps=30)
    assert found.ended == ""
    assert found.losses == pytest.approx(expected.losses, rel=1e-3)
    assert found.rates == pytest.approx(np.geomspace(1e-4, 0.1, 30))


def test_the_number_of_steps_decides_every_bit(data):
    seen = []
    timed = rate_range(SPEC, data, settings(), on_rate=lambda *step: seen.append(step))
    again = rate_range(SPEC, data, settings(), steps=timed.steps)
    assert FEWEST_STEPS <= timed.steps <= MOST_STEPS
    assert timed.losses.tobytes() == again.losses.tobytes()
    assert timed.suggestion == again.suggestion
    done = range(1, len(timed.losses) + 1)
    assert seen == [(n, timed.steps, timed.rates[n - 1], timed.losses[n - 1]) for n in done]
    assert rate_range(SPEC, data, settings(seed=1), steps=5).losses[0] != timed.losses[0]


def test_its_steps_are_those_of_a_training(data):
    # With one rate for all steps, the mean of the losses of an epoch is the loss that `train` reports.
    spec = replace(parse_spec(TEXT.replace("Dropout,0.1\n", "")), augment=(Shift(0.1),))
    steps = len(data.train) // 50
    near = rate_range(spec, data, settings(), lowest=0.003, highest=0.003 * (1 + 1e-9), steps=steps)
    run = Run(spec, data, settings(), epochs=1)
    assert len(data.train) == steps * 50
    assert near.losses.mean() == pytest.approx(run.train()[0].loss, rel=1e-5)


def test_it_ends_when_the_loss_diverges_and_not_before(data):
    found = rate_range(SPEC, data, settings(), steps=100, highest=1e4)
    assert found.ended == "diverged"
    assert len(found.rates) == len(found.losses) < found.steps == 100
    assert found.suggestion.high < found.rates[-1] / 5
    spec = parse_spec(TEXT.replace("Adam,0.003", "SGD,0.1"))
    with np.errstate(all="raise"):  # numbers that overflow are no fault
        endless = rate_range(spec, data, settings(), steps=40, highest=1e30)
    assert endless.ended == "diverged"


def test_it_ends_when_the_time_is_over(data):
    found = rate_range(SPEC, data, settings(), steps=100_000, seconds=0.2)
    assert found.ended == "seconds"
    assert 1 <= len(found.losses) < 100_000
    assert found.seconds < 10


def test_a_batch_of_more_images_than_there_are_takes_them_all(data):
    found = rate_range(SPEC, replace(data, train=data.train[:20]), settings(), steps=5)
    assert len(found.losses) == 5


def test_training_at_a_suggested_rate_is_as_good_as_at_the_best(data):
    found = rate_range(SPEC, data, settings(), steps=100).suggestion

    def loss(rate):
        spec = replace(SPEC, optimizer=replace(SPEC.optimizer, rate=rate), epochs=5)
        return Run(spec, data, settings(), epochs=5).train()[-1].val_loss

    losses = {rate: loss(rate) for rate in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)}
    middle = (found.low * found.high) ** 0.5
    assert loss(middle) < 1.5 * min(losses.values())
    assert sorted(losses.values())[2] > 2 * loss(middle)  # most rates are much worse


def test_a_curve_of_known_form():
    rates = np.geomspace(1e-6, 10, 400)
    place = np.log10(rates)
    losses = 2.3 - 2 / (1 + np.exp(-6 * (place + 3))) + np.exp(4 * place)  # falls fastest at 1e-3
    noisy = losses + np.random.default_rng(0).normal(0, 0.02, 400)
    found = suggest(rates, smooth(rates, noisy))
    assert found.steepest == pytest.approx(1e-3, rel=0.3)
    least = rates[losses.argmin()]
    assert found.least == pytest.approx(least, rel=0.7)
    assert found.low == min(found.steepest, found.least / 10)
    assert found.high == max(found.steepest, found.least / 10)


def test_a_flat_curve_suggests_nothing_and_no_number_is_left_out_of_the_mean():
    rates = np.geomspace(1e-6, 1, 50)
    assert suggest(rates, np.full(50, 2.3)) is None
    assert suggest(rates, np.linspace(2.3, 9, 50)) is None
    assert suggest(rates[:2], np.array([2.3, 1.0])) is None
    losses = np.append(np.full(49, 2.0), np.nan)
    assert smooth(rates, losses) == pytest.approx(losses, nan_ok=True)


@pytest.mark.parametrize("steps", [1, 2, 3, 500])
def test_near_losses_are_averaged_as_their_weights_say(steps):
    rates = np.geomspace(1e-6, 10, steps)
    losses = np.random.default_rng(steps).normal(2, 1, steps)
    losses[steps // 2 : steps // 2 + 3] = np.nan
    known = np.isfinite(losses)
    places = np.log10(rates)
    weights = np.exp(-0.5 * ((places[:, None] - places) / WIDTH) ** 2)[:, known]
    expected = np.where(known, weights @ losses[known] / np.maximum(weights.sum(axis=1), 1e-300), np.nan)
    assert smooth(rates, losses) == pytest.approx(expected, rel=1e-9, nan_ok=True)


def test_many_steps_take_little_memory():
    rates = np.geomspace(1e-6, 10, 10_000)
    tracemalloc.start()
    smooth(rates, np.ones(10_000))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10**7  # a weight for each pair would be 10⁸ numbers


def test_what_does_not_apply_is_refused(data):
    columns = parse_spec(
        "Input:\nThreshold,128\nLayers:\nColumns,9,9\nOptimizer:\nParallelDelta,0.05\n1\n9\n"
    )
    assert "sonn" in engines.WITHOUT_GRADIENTS
    with pytest.raises(UsageError, match="without gradients"):
        rate_range(columns, data, settings(), steps=5)
    with pytest.raises(ValueError, match="0 < lowest < highest"):
        rate_range(SPEC, data, settings(), lowest=1, highest=1, steps=5)
