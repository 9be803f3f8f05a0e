"""The rates of each schedule: compared with Keras's and PyTorch's, and laws that neither states."""

from dataclasses import replace
from math import nan, pi
from types import SimpleNamespace

import numpy as np
import pytest
from examples import most
from hypothesis import assume, given
from hypothesis import strategies as st

from MNIST.errors import UsageError
from MNIST.language import Constant, Cosine, ModelSpec, OneCycle, Plateau, Schedule, Step, parse_spec
from MNIST.training import Run
from MNIST.training.checkpoint import EpochResult
from MNIST.training.rates import epoch_rates

TEXT = "Layers:\nFlatten\nDropout,0.2\nDense,10,softmax\nOptimizer:\n{optimizer}\n{epochs}\n100\n{schedule}"

RATES = st.floats(1e-4, 10)
LOWER = st.one_of(st.just(0.0), RATES)
WARMUPS = st.one_of(st.just(0.0), st.floats(0, 0.99))
EPOCHS, STEPS = st.integers(1, 5), st.integers(1, 12)
SCHEDULES = st.one_of(
    st.just(Constant()),
    st.builds(Cosine, warmup=WARMUPS, final=LOWER),
    st.builds(OneCycle, peak=RATES, warmup=WARMUPS, final=LOWER),
    st.builds(Step, every=st.integers(1, 3), factor=st.floats(0.01, 1)),
    st.builds(Plateau, factor=st.floats(0.01, 0.99), patience=st.integers(1, 3), min=LOWER),
)


def spec_of(schedule="", epochs=3, optimizer="Adam,0.01") -> ModelSpec:
    """A small network with a schedule: the lines of its section, or the schedule itself."""
    lines = f"Schedule:\n{schedule}\n" if schedule and isinstance(schedule, str) else ""
    spec = parse_spec(TEXT.format(optimizer=optimizer, epochs=epochs, schedule=lines))
    return replace(spec, schedule=schedule) if isinstance(schedule, Schedule) else spec


def epoch_of(number: int, value: float) -> EpochResult:
    """An epoch with this validation loss, and this validation accuracy."""
    return EpochResult(number, 1.0, 0.5, value, value, 0.01, 1.0, 0.0, 1.0, 0)


def curve(spec: ModelSpec, steps: int, values: tuple[float, ...] = ()) -> np.ndarray:
    """The rates of all epochs, one after the other. values: the result of the validation after each epoch."""
    history = [epoch_of(number, value) for number, value in enumerate(values, 1)]
    epochs = range(1, spec.epochs + 1)
    return np.concatenate([epoch_rates(spec, epoch, steps, history[: epoch - 1]) for epoch in epochs])


def turn_of(schedule, total: int) -> int:
    """The step at which the rate stops rising."""
    return round(schedule.warmup * total)


# Second implementations. They compute in float32 or step by step, so tolerances are in the sixth digit.
SEVERAL = most(50)


@SEVERAL
@given(RATES, WARMUPS, LOWER, EPOCHS, STEPS)
def test_cosine_is_keras_s(rate, warmup, final, epochs, steps):
    from MNIST.engines.keras.backend import keras

    spec = spec_of(Cosine(warmup=warmup, final=final), epochs, f"Adam,{rate}")
    total = epochs * steps
    turn = turn_of(spec.schedule, total)
    assume(turn < total)  # Keras's rate needs at least one step to fall
    theirs = keras.optimizers.schedules.CosineDecay(
        0.0 if turn else rate,
        total - turn,
        alpha=final / rate,
        warmup_target=rate if turn else None,
        warmup_steps=turn,
    )
    expected = [float(theirs(step)) for step in range(total)]
    assert curve(spec, steps) == pytest.approx(expected, rel=1e-5, abs=1e-6 * max(rate, final))


@SEVERAL
@given(RATES, st.sampled_from([0.0, 0.2, 0.5]), LOWER, EPOCHS, STEPS)
def test_cosine_is_pytorch_s(rate, warmup, final, epochs, steps):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

    spec = spec_of(Cosine(warmup=warmup, final=final), epochs, f"Adam,{rate}")
    total = epochs * steps
    turn = turn_of(spec.schedule, total)
    assume(turn < total)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    theirs = CosineAnnealingLR(optimizer, T_max=total - turn, eta_min=final)
    if turn:  # it begins just above 0, since PyTorch refuses 0
        up = LinearLR(optimizer, start_factor=1e-12, total_iters=turn)
        theirs = SequentialLR(optimizer, [up, theirs], milestones=[turn])
    expected = _followed(optimizer, theirs, total)
    assert curve(spec, steps) == pytest.approx(expected, rel=1e-5, abs=1e-6 * max(rate, final))


@SEVERAL
@given(RATES, RATES, WARMUPS, LOWER, EPOCHS, STEPS)
def test_one_cycle_is_pytorch_s_of_one_step_more(rate, peak, warmup, final, epochs, steps):
    """PyTorch reaches the peak one step earlier, and the end in the last step rather than after it."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from torch.optim.lr_scheduler import OneCycleLR

    spec = spec_of(OneCycle(peak, warmup=warmup, final=final), epochs, f"Adam,{rate}")
    total = epochs * steps
    turn = turn_of(spec.schedule, total)
    assume(0 < turn < total)  # if the rate never rises or never falls, PyTorch divides by 0
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    theirs = OneCycleLR(
        optimizer,
        max_lr=peak,
        total_steps=total + 1,
        pct_start=(turn + 1) / (total + 1),
        anneal_strategy="linear",
        three_phase=False,
        cycle_momentum=False,
        div_factor=peak / rate,
        final_div_factor=rate / final if final else float("inf"),
    )
    expected = _followed(optimizer, theirs, total)
    assert curve(spec, steps) == pytest.approx(expected, rel=1e-5, abs=1e-6 * max(rate, peak, final))


@SEVERAL
@given(RATES, st.integers(1, 4), st.floats(0.01, 1), st.integers(1, 10), STEPS)
def test_step_is_pytorch_s(rate, every, factor, epochs, steps):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from torch.optim.lr_scheduler import StepLR

    spec = spec_of(Step(every, factor), epochs, f"Adam,{rate}")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    expected = _followed(optimizer, StepLR(optimizer, every, factor), epochs)
    assert curve(spec, steps) == pytest.approx(np.repeat(expected, steps), rel=1e-6)


def _followed(optimizer, scheduler, count: int) -> list[float]:
    """The rates of so many steps of one of PyTorch's schedulers."""
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


# Keras compares in float32; eighths and the differences between them are exact there, too.
VALUES = st.lists(st.one_of(st.integers(0, 16).map(lambda n: n / 8), st.just(nan)), min_size=1, max_size=20)
PLATEAUS = st.builds(
    Plateau,
    factor=st.sampled_from([0.1, 0.5, 0.75]),
    patience=st.integers(1, 4),
    min=st.sampled_from([0.0, 1e-3, 1e-2, 1.0]),
    monitor=st.sampled_from(["loss", "accuracy"]),
    delta=st.sampled_from([0.0, 0.125, 0.3]),
)


@SEVERAL
@given(PLATEAUS, VALUES)
def test_plateau_is_keras_s(plateau, values):
    """A first value that is nan is an exception: for Keras, nothing is ever better than it."""
    from MNIST.engines.keras.backend import keras

    assume(values[0] == values[0])
    callback = keras.callbacks.ReduceLROnPlateau(
        monitor=f"val_{plateau.monitor}",
        mode="min" if plateau.monitor == "loss" else "max",
        factor=plateau.factor,
        patience=plateau.patience,
        min_delta=plateau.delta,
        min_lr=plateau.min,
    )
    optimizer = SimpleNamespace(learning_rate=0.01)
    callback.set_model(SimpleNamespace(optimizer=optimizer))
    callback.on_train_begin()
    expected = []
    for epoch, value in enumerate(values):
        expected.append(optimizer.learning_rate)
        callback.on_epoch_end(epoch, {f"val_{plateau.monitor}": value})
    rates = curve(spec_of(plateau, len(values)), 1, tuple(values))
    assert rates == pytest.approx(expected, rel=1e-5)


# Laws.


def test_a_validation_that_is_no_number_is_not_better_and_does_not_last():
    spec = spec_of("Plateau,factor=0.5,patience=2", epochs=7)
    found = curve(spec, 1, (nan, nan, 0.5, nan, 0.4, nan, nan))
    assert found == pytest.approx([0.01, 0.01, 0.005, 0.005, 0.005, 0.005, 0.005])
    assert curve(replace(spec, epochs=8), 1, (nan, nan, 0.5, nan, 0.4, nan, nan, 1.0))[-1] == np.float32(
        0.0025
    )


@given(SCHEDULES, RATES, EPOCHS, STEPS)
def test_a_rate_is_a_number_of_at_least_0_in_every_step(schedule, rate, epochs, steps):
    spec = spec_of(schedule, epochs, f"Adam,{rate}")
    rates = curve(spec, steps, (0.5,) * epochs)
    assert rates.dtype == np.float32
    assert rates.shape == (epochs * steps,)
    assert np.isfinite(rates).all()
    assert (rates >= 0).all()


@given(SCHEDULES, RATES, st.floats(0, 1), EPOCHS, STEPS)
def test_decay_divides_what_any_schedule_gives(schedule, rate, decay, epochs, steps):
    values = (0.5,) * epochs
    plain = curve(spec_of(schedule, epochs, f"Adam,{rate}"), steps, values)
    decayed = curve(spec_of(schedule, epochs, f"Adam,{rate},decay={decay}"), steps, values)
    assert decayed == pytest.approx(plain / (1 + decay * np.arange(epochs * steps)), rel=1e-6, abs=1e-30)


def test_rates_follow_keras_classic_decay_over_all_epochs():
    rates = curve(spec_of(optimizer="0.01,0.5"), 7)
    assert rates.dtype == np.float32
    assert rates == pytest.approx([0.01 / (1 + 0.5 * step) for step in range(21)], rel=1e-6)
    assert np.array_equal(rates, curve(spec_of("Constant", optimizer="0.01,0.5"), 7))


LENGTHS = st.one_of(
    st.builds(Cosine, warmup=WARMUPS, final=LOWER),
    st.builds(OneCycle, peak=RATES, warmup=WARMUPS, final=LOWER),
)


@given(LENGTHS, RATES, EPOCHS, STEPS)
def test_the_epochs_of_a_schedule_joined_are_one_curve_however_it_is_cut(schedule, rate, epochs, steps):
    cut = curve(spec_of(schedule, epochs, f"Adam,{rate}"), steps)
    whole = curve(spec_of(schedule, 1, f"Adam,{rate}"), epochs * steps)
    assert np.array_equal(cut, whole)


@given(LENGTHS, RATES, EPOCHS, STEPS)
def test_the_curve_begins_turns_and_ends_where_it_says_without_a_jump(schedule, rate, epochs, steps):
    """One step after the last the rate would be `final`, and it stays there."""
    spec, total = spec_of(schedule, epochs, f"Adam,{rate}"), epochs * steps
    top = schedule.peak if isinstance(schedule, OneCycle) else rate
    bottom = rate if isinstance(schedule, OneCycle) else 0.0
    turn = turn_of(schedule, total)
    rates = np.append(curve(spec, steps), epoch_rates(spec, epochs + 1, steps)[0]).astype(np.float64)
    beyond = epoch_rates(spec, epochs + 2, steps)
    assert rates[0] == pytest.approx(bottom if turn else top, rel=1e-6)
    assert rates[turn] == pytest.approx(top, rel=1e-6)
    if turn < total:
        assert rates[-1] == pytest.approx(schedule.final, rel=1e-6, abs=1e-7)
        assert beyond == pytest.approx(np.full(steps, schedule.final), rel=1e-6, abs=1e-7)
    scale = max(top, bottom, schedule.final)
    up, down = np.diff(rates)[:turn], np.diff(rates)[turn:]
    if turn:
        np.testing.assert_allclose(up, (top - bottom) / turn, rtol=0, atol=1e-6 * scale)
    if turn < total:
        evenly = (schedule.final - top) / (total - turn)
        if isinstance(schedule, OneCycle):
            np.testing.assert_allclose(down, evenly, rtol=0, atol=1e-6 * scale)
        assert (np.abs(down) <= abs(evenly) * pi / 2 + 1e-6 * scale).all()  # the steepest slope of a cosine


@pytest.mark.parametrize(
    ("warmup", "rates"),
    [
        ("0", [0.1, 0.075, 0.05, 0.025]),
        ("0.1", [0.1, 0.075, 0.05, 0.025]),  # less than half a step rounds to 0
        ("0.25", [0.02, 0.1, 0.2 / 3, 0.1 / 3]),
        ("0.75", [0.02, 0.14 / 3, 0.22 / 3, 0.1]),  # the turn is the last step
        ("0.9", [0.02, 0.04, 0.06, 0.08]),  # here the turn would come after the last step
    ],
)
def test_the_turn_is_a_whole_step_and_may_be_the_first_or_the_last(warmup, rates):
    spec = spec_of(f"OneCycle,0.1,warmup={warmup}", epochs=2, optimizer="Adam,0.02")
    assert curve(spec, 2) == pytest.approx(rates, rel=1e-6)


@pytest.mark.parametrize(
    ("schedule", "rate"),
    [
        ("Constant", 0.01),
        ("Cosine", 0.01),
        ("OneCycle,0.1", 0.1),  # 0.3 of a step rounds to 0: it begins at its peak
        ("OneCycle,0.1,warmup=0.6", 0.01),
        ("Step,1", 0.01),
        ("Plateau,patience=1", 0.01),
    ],
)
def test_a_training_of_one_step_has_a_rate(schedule, rate):
    assert curve(spec_of(schedule, epochs=1), 1) == pytest.approx([rate])


def test_a_plateau_goes_no_lower_than_its_least_rate_nor_up_to_it():
    worse = (1.0, 2.0, 3.0, 4.0)
    spec = spec_of("Plateau,factor=0.1,patience=1,min=5e-4", epochs=4)
    assert curve(spec, 1, worse) == pytest.approx([0.01, 0.01, 0.001, 0.0005])
    spec = spec_of("Plateau,factor=0.1,patience=1,min=0.5", epochs=4)
    assert curve(spec, 1, worse) == pytest.approx([0.01] * 4)


# A run that goes on from its checkpoint has the same rates as without the interruption.


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("Plateau,patience=1,delta=10", [0.01, 0.01, 0.005, 0.0025]),  # nothing is better by 10 nats
        ("Plateau,patience=1,delta=1,monitor=accuracy,factor=0.1", [0.01, 0.01, 0.001, 0.0001]),
        ("OneCycle,0.05,warmup=0.5", None),
        ("Cosine,warmup=0.1,final=1e-4", None),
        ("Step,2", [0.01, 0.01, 0.001, 0.001]),
    ],
)
def test_a_killed_run_goes_on_at_the_rates_of_an_uninterrupted_one(
    schedule, rates, digits, settings, tmp_path
):
    spec = spec_of(schedule, epochs=4)
    whole = Run(spec, digits, settings, epochs=4)
    whole.train()
    if rates:
        assert [result.learning_rate for result in whole.history] == pytest.approx(rates)

    def killed(step, loss, accuracy):
        if step == 2:
            raise KeyboardInterrupt

    for done in range(4):  # kill it in each epoch; then train that epoch and go on with the next
        run = Run(spec, digits, settings, epochs=4, checkpoint=tmp_path)
        assert len(run.history) == done
        with pytest.raises(KeyboardInterrupt):
            run.train(on_step=killed)
        Run(spec, digits, settings, epochs=done + 1, checkpoint=tmp_path).train()
    resumed = Run(spec, digits, settings, epochs=4, checkpoint=tmp_path)
    assert [result.numbers for result in resumed.history] == [result.numbers for result in whole.history]
    one, two = resumed.engine.get_state(), whole.engine.get_state()
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("schedule", ["OneCycle,0.05", "Cosine"])
def test_another_number_of_epochs_starts_afresh_where_the_schedule_goes_by_it(
    schedule, digits, settings, tmp_path
):
    Run(spec_of(schedule, epochs=3), digits, settings, epochs=2, checkpoint=tmp_path).train()
    warnings = []
    run = Run(
        spec_of(schedule, epochs=5), digits, settings, epochs=5, checkpoint=tmp_path, warn=warnings.append
    )
    assert run.history == []
    name = schedule.split(",")[0]
    assert warnings == [
        "starting afresh: the checkpoint there is of another run (another model text, optimizer, batch size "
        f"or number of epochs, by which {name} sets every rate)"
    ]


@pytest.mark.parametrize("schedule", ["Constant", "Step,2", "Plateau,patience=1"])
def test_and_goes_on_where_it_does_not(schedule, digits, settings, tmp_path):
    Run(spec_of(schedule, epochs=3), digits, settings, epochs=2, checkpoint=tmp_path).train()
    run = Run(spec_of(schedule, epochs=5), digits, settings, epochs=5, checkpoint=tmp_path, warn=pytest.fail)
    assert len(run.history) == 2


def test_a_plateau_needs_validation_images(digits, settings):
    everything = replace(digits, validation=digits.validation[:0])
    with pytest.raises(UsageError, match="Plateau goes by the validation images"):
        Run(spec_of("Plateau"), everything, settings, epochs=1)
