"""The epoch loop: in every engine, the same inputs give the same numbers, bit for bit (faults 17 to 20)."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from MNIST.errors import DataError, TrainingError
from MNIST.language import OneCycle, lay_out, parse_spec
from MNIST.training import Run, continue_run, resolve_settings
from MNIST.training.checkpoint import read_checkpoints, save_checkpoint
from MNIST.training.draws import initial_weights
from MNIST.training.identity import weights_digest
from MNIST.training.run import pixel_statistics

WITH_STATE = """
Layers:
Conv,4,3,3,linear
BatchNorm
Activation,relu
MaxPool,4,4
Dropout,0.3
Flatten
Dense,16,tanh
Dropout,0.2
Dense,10,softmax
Optimizer:
{optimizer}
3
100
"""

COLUMNS = "Input:\nThreshold,1,128\nLayers:\nColumns,50,10\nOptimizer:\nParallelDelta,0.05\n3\n100\n"
OPTIMIZERS = [
    "0.01,1e-2",
    "SGD,0.1,momentum=0.9,nesterov=yes",
    "RMSprop,0.001,momentum=0.5,decay=1e-3",
    "AdamW,0.01",
    "Adagrad,0.1",
    "LeastSquares,0.5",
]


def _spec(optimizer="0.01,1e-2"):
    return parse_spec(WITH_STATE.format(optimizer=optimizer))


def _figures(history):
    """The parts of the history that must not differ."""
    return [result.numbers for result in history]


def _equal(one, two):
    assert one.keys() == two.keys()
    for name in one:
        assert one[name].dtype == two[name].dtype
        assert np.array_equal(one[name], two[name]), name


def test_a_resumed_run_equals_an_uninterrupted_one(digits, settings_of, tmp_path):
    _resumed_equals_whole(_spec(), digits, settings_of, tmp_path)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_under_every_optimizer_too(optimizer, digits, settings, tmp_path):
    """One engine is enough here: the engines' contract tests that each state includes the optimizer's."""
    _resumed_equals_whole(_spec(optimizer), digits, settings, tmp_path)


@pytest.mark.parametrize(
    ("engine", "precision"), [pytest.param("keras", "bfloat16", marks=pytest.mark.slow), ("numpy", "float64")]
)
def test_in_other_precisions_too(engine, precision, digits, settings_of, tmp_path):
    _resumed_equals_whole(_spec(), digits, replace(settings_of, precision=precision), tmp_path)


def _resumed_equals_whole(spec, digits, settings, tmp_path):
    whole = Run(spec, digits, settings, epochs=3)
    whole.train()
    for epochs in (1, 2):  # stop after one epoch, then go on for one more in a new engine
        Run(spec, digits, settings, epochs=epochs, checkpoint=tmp_path).train()
    resumed = Run(spec, digits, settings, epochs=3, checkpoint=tmp_path)
    assert len(resumed.history) == 2
    resumed.train()
    assert _figures(resumed.history) == _figures(whole.history)
    _equal(resumed.engine.get_state(), whole.engine.get_state())


@pytest.mark.parametrize("engine", ["numpy", "modules"], indirect=True)
def test_a_short_run_is_the_prefix_of_a_long_one(digits, settings_of):
    """Two engines are enough: resumed runs, which are tried with every engine, begin as short ones."""
    short = continue_run(_spec(), digits, settings_of, epochs=2)
    long = continue_run(_spec(), digits, settings_of, epochs=3)
    assert _figures(short) == _figures(long)[:2]
    assert [result.epoch for result in long] == [1, 2, 3]


def test_another_seed_gives_other_numbers(digits, settings):
    one = continue_run(_spec(), digits, settings, epochs=1)
    two = continue_run(_spec(), digits, replace(settings, seed=1), epochs=1)
    assert one[0].loss != two[0].loss


def test_it_learns(digits, settings):
    spec = parse_spec("Layers:\nFlatten\nDense,64,relu\nDense,10,softmax\nOptimizer:\n0.01,0\n15\n50\n")
    history = continue_run(spec, digits, settings, epochs=15)
    assert history[-1].val_accuracy > 0.85  # nearest neighbours reach 0.95 and more
    assert history[-1].loss < history[0].loss / 5


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"seed": 1}, "seed 0, now 1"),
        ({"data_digest": "other"}, "data digest digits, now other"),
        ({"split": 0.8}, "split 0.9, now 0.8"),
    ],
)
def test_a_checkpoint_of_other_settings_is_not_mixed_in(changes, difference, digits, settings, tmp_path):
    continue_run(_spec(), digits, settings, epochs=1, checkpoint=tmp_path)
    warnings = []
    other = replace(settings, **changes)
    run = Run(_spec(), digits, other, epochs=1, checkpoint=tmp_path, warn=warnings.append)
    assert run.history == []
    assert "starting afresh" in warnings[0]
    assert difference in warnings[0]


@pytest.mark.parametrize("spec", [_spec("0.02,0"), replace(_spec(), batch_size=50)])
def test_a_checkpoint_of_another_text_is_not_mixed_in(spec, digits, settings, tmp_path):
    continue_run(_spec(), digits, settings, epochs=1, checkpoint=tmp_path)
    warnings = []
    run = Run(spec, digits, settings, epochs=1, checkpoint=tmp_path, warn=warnings.append)
    assert run.history == []
    assert "another model text" in warnings[0]


def test_fewer_epochs_than_the_checkpoints_have_start_afresh(digits, settings, tmp_path):
    continue_run(_spec(), digits, settings, epochs=2, checkpoint=tmp_path)
    warnings = []
    run = Run(_spec(), digits, settings, epochs=1, checkpoint=tmp_path, warn=warnings.append)
    assert len(run.history) == 1  # from the checkpoint of the epoch before
    assert not warnings
    continue_run(_spec(), digits, settings, epochs=4, checkpoint=tmp_path)
    run = Run(_spec(), digits, settings, epochs=1, checkpoint=tmp_path, warn=warnings.append)
    assert run.history == []
    assert "has 4 epochs, and 1 wanted" in warnings[0]


@pytest.mark.parametrize("change", [{"extra": np.zeros(3)}, {"dense_9/bias": np.zeros(3, np.float32)}])
def test_a_checkpoint_with_arrays_of_another_network_is_left_aside(change, digits, settings, tmp_path):
    """If it was the last one, it is said that the training begins again."""
    continue_run(_spec(), digits, settings, epochs=2, checkpoint=tmp_path)
    newest, before = read_checkpoints(tmp_path, pytest.fail)
    save_checkpoint(tmp_path, replace(newest, state={**newest.state, **change}))
    warnings = []
    run = Run(_spec(), digits, settings, epochs=3, checkpoint=tmp_path, warn=warnings.append)
    assert len(run.history) == 1
    assert "is not of this network" in warnings.pop()
    save_checkpoint(tmp_path, replace(before, state={**before.state, **change}))
    (tmp_path / "epoch_00002.npz").unlink(missing_ok=True)
    run = Run(_spec(), digits, settings, epochs=3, checkpoint=tmp_path, warn=warnings.append)
    assert (run.history, warnings[-1]) == ([], "starting afresh: no checkpoint is left that is intact")


def test_a_damaged_checkpoint_costs_one_epoch_and_no_bit(digits, settings, tmp_path):
    whole = continue_run(_spec(), digits, settings, epochs=3)
    continue_run(_spec(), digits, settings, epochs=2, checkpoint=tmp_path)
    newest = max(tmp_path.glob("*.npz"))
    newest.write_bytes(newest.read_bytes()[:-100])
    warnings = []
    run = Run(_spec(), digits, settings, epochs=3, checkpoint=tmp_path, warn=warnings.append)
    assert len(run.history) == 1
    assert "damaged" in warnings[0]
    assert _figures(run.train()) == _figures(whole)


def test_divergence_is_said_and_the_last_finite_state_is_kept(digits, settings, tmp_path):
    spec = _spec("SGD,1e30")
    with pytest.raises(TrainingError, match=r"diverged at epoch 1: .*smaller learning rate than 1e"):
        continue_run(spec, digits, settings, epochs=2, checkpoint=tmp_path)
    assert not list(read_checkpoints(tmp_path, pytest.fail))
    peak = replace(_spec(), schedule=OneCycle(peak=1e30))
    with pytest.raises(TrainingError, match=r"number; try a smaller learning rate than 9\.5\d+e\+29"):
        continue_run(peak, digits, settings, epochs=1)


def test_no_other_rate_is_advised_where_the_last_layer_is_computed(digits, settings):
    spec = parse_spec("Layers:\nFlatten\nDense,9,relu\nDense,10,softmax\nOptimizer:\nLeastSquares\n1\n100\n")
    start = initial_weights(lay_out(spec), seed=0)
    start["dense_2/kernel"][...] = 1e38  # times several pixels it is infinite
    with pytest.raises(TrainingError, match=r"diverged at epoch 1: the last layer gets .* try tanh"):
        Run(spec, digits, replace(settings, start=weights_digest(start)), epochs=1, start=start).train()


def test_what_another_run_has_saved_is_not_this_runs(digits, settings, tmp_path):
    continue_run(_spec(), digits, settings, epochs=2, checkpoint=tmp_path)
    other = Run(_spec(), digits, replace(settings, seed=1), epochs=2, checkpoint=tmp_path)
    assert other.saved == 0
    assert Run(_spec(), digits, settings, epochs=3, checkpoint=tmp_path).saved == 2
    assert Run(_spec(), digits, settings, epochs=3).saved == 0


def test_divergence_later_keeps_the_epochs_before(digits, settings, tmp_path, monkeypatch):
    run = Run(_spec(), digits, settings, epochs=2, checkpoint=tmp_path)
    real = run.engine.train_epoch

    def second_epoch_fails(images, labels, rates, seed, on_step):
        metrics = real(images, labels, rates, seed, on_step)
        return replace(metrics, loss=float("nan")) if run.history else metrics

    monkeypatch.setattr(run.engine, "train_epoch", second_epoch_fails)
    with pytest.raises(TrainingError, match=r"diverged at epoch 2.*the state after epoch 1 is kept"):
        run.train()
    assert run.saved == 1
    (kept,) = read_checkpoints(tmp_path, pytest.fail)
    assert len(kept.history) == 1


def test_without_validation_images_the_figures_are_not_numbers(digits, settings):
    data = replace(digits, train=np.arange(60), validation=np.arange(0))
    (result,) = continue_run(_spec(), data, settings, epochs=1)
    assert np.isnan([result.val_loss, result.val_accuracy]).all()
    assert np.isfinite(result.loss)


def test_steps_are_reported_and_the_last_batch_may_be_small(digits, settings):
    steps = []
    run = Run(_spec(), digits, settings, epochs=1)
    run.train(on_step=lambda *step: steps.append(step))
    numbers = [step for step, *_ in steps]  # not of all steps: short ones are done several at a time
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 6  # 540 images, 100 in a step
    assert steps[-1][1:] == (run.history[0].loss, run.history[0].accuracy)


def test_the_settings_name_what_decides_the_numbers():
    settings = resolve_settings("digest", images=None, split=0.9, seed=0, precision="auto", threads=3)
    assert settings.precision in ("float32", "bfloat16")
    assert settings.threads == 3
    assert "Keras" in settings.engine
    assert "tensorflow" in settings.engine


STOP = "Stop:\npatience=2\n"
LOSSES = [0.5, 0.3, 0.4, 0.35]  # with STOP, the run ends after the fourth and keeps the second


def _scripted(monkeypatch, losses):
    """Make the validation loss of each epoch the one written here."""
    monkeypatch.setattr(Run, "_validate", lambda run: (losses[len(run.history)], 0.5))


def test_a_run_that_stops_has_the_weights_of_its_best_epoch(any_engine, digits, monkeypatch, tmp_path):
    _scripted(monkeypatch, LOSSES)
    text = COLUMNS if any_engine == "sonn" else WITH_STATE.format(optimizer="0.01")
    settings = resolve_settings("digits", images=600, split=0.9, seed=0, engine=any_engine)
    run = Run(parse_spec(text + STOP), digits, settings, epochs=9, checkpoint=tmp_path)
    weights = []
    run.train(lambda _: weights.append(run.engine.get_weights()))
    assert run.is_over
    assert (len(run.history), run.kept.epoch) == (4, 2)
    _equal(run.engine.get_weights(), weights[1])
    again = Run(parse_spec(text + STOP), digits, settings, epochs=20, checkpoint=tmp_path)
    assert again.is_over
    again.train(on_epoch=pytest.fail)
    assert again.kept.numbers == run.kept.numbers
    _equal(again.engine.get_weights(), weights[1])


def test_at_its_last_epoch_too_and_more_epochs_go_on_from_that(digits, settings, monkeypatch, tmp_path):
    """The checkpoint has the state of the last epoch, and also the weights of the best one."""
    _scripted(monkeypatch, LOSSES)
    spec = parse_spec(WITH_STATE.format(optimizer="0.01") + STOP)
    whole = Run(spec, digits, settings, epochs=9)
    weights = []
    whole.train(lambda _: weights.append(whole.engine.get_weights()))
    short = Run(spec, digits, settings, epochs=3, checkpoint=tmp_path)
    short.train()
    assert not short.is_over
    assert short.kept.epoch == 2
    _equal(short.engine.get_weights(), weights[1])
    long = Run(spec, digits, settings, epochs=9, checkpoint=tmp_path)
    assert len(long.history) == 3
    assert _figures(long.train()) == _figures(whole.history)
    _equal(long.engine.get_weights(), weights[1])


def test_with_an_accuracy_alone_the_last_epoch_is_kept(digits, settings):
    spec = parse_spec(WITH_STATE.format(optimizer="0.01") + "Stop:\naccuracy=0.2\n")
    run = Run(spec, digits, settings, epochs=30)
    run.train()
    assert run.is_over
    assert len(run.history) < 30
    assert run.kept is run.history[-1]
    assert run.kept.val_accuracy >= 0.2
    plain = Run(_spec("0.01"), digits, settings, epochs=len(run.history))
    plain.train()
    _equal(run.engine.get_weights(), plain.engine.get_weights())


def test_stopped_and_gone_on_after_each_epoch_it_ends_with_the_same_bits(digits, settings, tmp_path):
    """The validation is real; a run without Stop that ends at the kept epoch has the same weights."""
    spec = parse_spec(WITH_STATE.format(optimizer="0.05") + "Stop:\npatience=3\nmonitor=accuracy\n")
    whole = Run(spec, digits, settings, epochs=30)
    whole.train()
    assert whole.is_over
    for epochs in range(1, len(whole.history) + 3):
        run = Run(spec, digits, settings, epochs=epochs, checkpoint=tmp_path)
        assert len(run.history) == min(epochs - 1, len(whole.history))
        run.train()
    assert _figures(run.history) == _figures(whole.history)
    assert run.kept.numbers == whole.kept.numbers
    _equal(run.engine.get_weights(), whole.engine.get_weights())
    plain = Run(_spec("0.05"), digits, settings, epochs=whole.kept.epoch)
    plain.train()
    assert plain.history[-1].numbers == whole.kept.numbers
    _equal(plain.engine.get_weights(), whole.engine.get_weights())


def test_a_checkpoint_without_the_weights_of_its_best_epoch_is_not_used(digits, settings, tmp_path):
    spec = parse_spec(WITH_STATE.format(optimizer="0.01") + STOP)
    continue_run(spec, digits, settings, epochs=1, checkpoint=tmp_path)
    (found,) = read_checkpoints(tmp_path, pytest.fail)
    assert found.best.keys() == {name for name in found.state if "optimizer" not in name}
    save_checkpoint(tmp_path, replace(found, best={}))
    warnings = []
    run = Run(spec, digits, settings, epochs=2, checkpoint=tmp_path, warn=warnings.append)
    assert run.history == []
    assert warnings == ["starting afresh: the checkpoint there lacks the weights of its best epoch"]


@pytest.mark.parametrize("stop", ["", "Stop:\naccuracy=0.99\n"])
def test_who_keeps_the_last_epoch_needs_no_other_weights(stop, digits, settings, tmp_path):
    spec = parse_spec(WITH_STATE.format(optimizer="0.01") + stop)
    continue_run(spec, digits, settings, epochs=1, checkpoint=tmp_path)
    (found,) = read_checkpoints(tmp_path, pytest.fail)
    assert found.best == {}
    assert len(Run(spec, digits, settings, epochs=2, checkpoint=tmp_path).history) == 1


@pytest.mark.parametrize("value", [0, 7, 255])
def test_images_without_any_difference_are_refused(value, digits, settings):
    blank = replace(digits, images=np.full_like(digits.images, value))
    with pytest.raises(DataError, match=rf"every pixel of the \d+ training images is {value}"):
        Run(_spec(), blank, settings, epochs=1)


def test_pixel_statistics_take_little_memory(digits):
    images = np.tile(digits.images, (100, 1, 1))
    many = replace(digits, images=images, train=np.arange(len(images)))
    tracemalloc.start()
    mean, deviation = pixel_statistics(many)
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()
    assert mean == pytest.approx(images.mean() / 255)
    assert deviation == pytest.approx(images.std() / 255)
