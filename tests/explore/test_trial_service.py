"""The trial service: it trains each run once, to its horizon; prefixes of runs; failures; dying workers."""

import math
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest
from stub_exploration import StubWorkers, answers, epoch_of, ignore, plan_of, service_of

from MNIST.errors import DivergedError, StoreError, TrainingError
from MNIST.explore.loop import Outcome, compare_winner
from MNIST.explore.ranking import ranked
from MNIST.explore.store import open_store
from MNIST.explore.trials import TimeIsUp, TrialService
from MNIST.explore.workers.protocol import (
    MACHINES,
    TRIES,
    Ended,
    EpochDone,
    MachineGone,
    Waiting,
    WorkerDied,
)
from MNIST.training.history import history_csv


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "trials.sqlite") as store:
        yield store


@pytest.fixture
def checkpoints(tmp_path) -> Path:
    return tmp_path / "checkpoints"


def epochs(readings: list) -> list:
    return [reading.epochs[0] if reading.epochs else None for reading in readings]


def test_each_run_is_trained_once_and_read_at_each_number_of_epochs(store, tmp_path, checkpoints):
    workers = StubWorkers(checkpoints)
    service = service_of(store, tmp_path, workers)
    assert epochs(answers(service)) == [
        epoch_of(point.identities[0], point.epochs) for point in service.plan.points
    ]
    assert sorted(workers.trained) == sorted(
        (identity, e) for identity in service.plan.trials for e in (1, 2, 3)
    )


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("workers", "shuffled"), [(1, False), (2, False), (4, False), (4, True), (64, True)])
def test_answers_do_not_depend_on_how_many_work_or_in_which_order(workers, shuffled, late, tmp_path):
    found = []
    for name, executor in {
        "one": StubWorkers(tmp_path / "one" / "checkpoints"),
        "many": StubWorkers(tmp_path / "many" / "checkpoints", workers, shuffled=shuffled, late=late),
    }.items():
        with open_store(tmp_path / name / "trials.sqlite") as store:
            found.append(answers(service_of(store, tmp_path / name, executor)))
    assert executor.most_at_once == min(workers, 6)
    assert found[0] == found[1]


def test_what_is_asked_next_runs_ahead_in_the_order_of_the_plan(store, tmp_path, checkpoints):
    workers = StubWorkers(checkpoints, 3)
    service = service_of(store, tmp_path, workers)
    service.expect(service.plan.points)
    service.answer(service.plan.points[0], ignore)
    assert workers.started == list(service.plan.trials)[:3]


def test_what_is_no_longer_expected_is_not_begun(store, tmp_path, checkpoints):
    workers = StubWorkers(checkpoints, 2)
    service = service_of(store, tmp_path, workers)
    service.expect(service.plan.points)
    service.expect(service.plan.points[:1])
    service.answer(service.plan.points[0], ignore)
    service.stop_all()
    assert workers.started == [service.plan.points[0].identities[0]]


def test_a_run_may_be_expected_to_more_epochs_later(store, tmp_path, checkpoints):
    """As on the rungs of successive halving: the run continues from its checkpoint."""
    workers = StubWorkers(checkpoints)
    service = service_of(store, tmp_path, workers)
    first, last = service.plan.points[0], service.plan.points[8]
    assert first.identities == last.identities
    service.expect([first])
    service.answer(first, ignore)
    service.stop_all()
    assert workers.trained == [(first.identities[0], 1)]
    service.expect([last])
    service.answer(last, ignore)
    assert [epoch for _, epoch in workers.trained] == [1, 2, 3]


def test_the_next_scan_trains_only_what_is_new(store, tmp_path, checkpoints):
    answers(service_of(store, tmp_path))
    again, longer, wider = StubWorkers(checkpoints), StubWorkers(checkpoints), StubWorkers(checkpoints)
    answers(service_of(store, tmp_path, again))
    assert again.trained == []
    answers(service_of(store, tmp_path, longer, epochs=[1, 3, 5]))
    assert {epoch for _, epoch in longer.trained} == {4, 5}
    answers(service_of(store, tmp_path, wider, conv=[2, 4, 8]))
    assert len(wider.trained) == 3 * 3


def test_each_epoch_is_in_the_store_before_it_is_reported(store, tmp_path):
    service = service_of(store, tmp_path)
    point = service.plan.points[8]
    seen = []

    def look(event):
        if isinstance(event, EpochDone):
            seen.append(len(store.history(point.identities[0])))

    service.answer(point, look)
    assert seen == [1, 2, 3]


def test_a_diverging_run_fails_and_its_epochs_before_stay_readings(store, tmp_path, checkpoints):
    def diverge(trial, epoch):
        if trial.identity == victim and epoch == 2:
            raise DivergedError("diverged at epoch 2")

    victim = plan_of().points[0].identities[0]
    service = service_of(store, tmp_path, StubWorkers(checkpoints, before=diverge))
    found = dict(
        zip(((p.identities[0], p.epochs) for p in service.plan.points), answers(service), strict=True)
    )
    assert found[victim, 1].epochs == (epoch_of(victim, 1),)
    assert found[victim, 3].epochs == ()
    assert found[victim, 3].failure == "diverged at epoch 2"
    assert sum(not reading.epochs for reading in found.values()) == 1
    again = StubWorkers(checkpoints)
    assert service_of(store, tmp_path, again).readings.failures == {victim: "diverged at epoch 2"}
    answers(service_of(store, tmp_path, again))
    assert again.trained == []


@pytest.mark.parametrize("error", [TrainingError("out of memory"), MemoryError()])
def test_what_failed_for_want_of_memory_is_tried_again_by_the_next_scan(error, store, tmp_path, checkpoints):
    def refuse(trial, epoch):
        raise error

    service = service_of(store, tmp_path, StubWorkers(checkpoints, before=refuse))
    assert epochs(answers(service)) == [None] * 16
    assert set(service.readings.failures.values()) == {"out of memory"}
    assert None not in epochs(answers(service_of(store, tmp_path)))


def test_any_other_error_ends_the_exploration(store, tmp_path, checkpoints):
    def fill_disk(trial, epoch):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        answers(service_of(store, tmp_path, StubWorkers(checkpoints, before=fill_disk)))


def test_a_trial_whose_worker_dies_is_tried_again(store, tmp_path, checkpoints):
    deaths = []

    def die_twice_in_each_epoch(trial, epoch):
        if deaths.count((trial.identity, epoch)) < TRIES - 1:
            deaths.append((trial.identity, epoch))
            raise WorkerDied("killed")

    service = service_of(store, tmp_path, StubWorkers(checkpoints, 2, die_twice_in_each_epoch))
    assert epochs(answers(service)) == [epoch_of(p.identities[0], p.epochs) for p in service.plan.points]
    assert len(deaths) == 6 * 3 * (TRIES - 1)


def test_a_trial_that_always_dies_has_failed_after_three_tries_and_the_others_finish(
    store, tmp_path, checkpoints
):
    def die(trial, epoch):
        if trial.identity == victim and epoch == 2:
            raise WorkerDied("killed")

    victim = plan_of().points[0].identities[0]
    workers = StubWorkers(checkpoints, 2, die)
    service = service_of(store, tmp_path, workers)
    found = epochs(answers(service))
    assert found.count(None) == 2  # two momenta under Adam, at 3 epochs
    assert service.readings.failures == {victim: "its worker died or hung 3 times before the next epoch"}
    assert workers.started.count(victim) == TRIES
    # A later exploration tries it again, since the machine may have been at fault.
    assert None not in epochs(answers(service_of(store, tmp_path)))


def test_a_trial_without_a_sign_of_life_is_stopped_and_tried_again(store, checkpoints, monkeypatch):
    now = 0.0
    monkeypatch.setattr("MNIST.explore.trials.time.monotonic", lambda: now)

    class Hanging(StubWorkers):
        """The first trial never reports anything, and neither does its second try."""

        def events(self, seconds):
            nonlocal now
            if len(self.started) > 2:
                return super().events(seconds)
            now += 20
            found, self._ended = self._ended, []
            return found

    workers = Hanging(checkpoints)
    service = TrialService(plan_of(), store, checkpoints, workers, patience=50)
    assert None not in epochs(answers(service))
    assert workers.started.count(workers.started[0]) == 3


def test_after_the_deadline_only_what_is_known_is_answered(store, tmp_path, checkpoints):
    known = service_of(store, tmp_path)
    known.answer(known.plan.points[0], ignore)
    service = TrialService(
        plan_of(), store, checkpoints, StubWorkers(checkpoints), deadline=time.monotonic() - 1
    )
    assert service.answer(service.plan.points[0], ignore).epochs
    with pytest.raises(TimeIsUp):
        service.answer(service.plan.points[15], ignore)


def test_an_interruption_keeps_every_epoch_before_it(store, tmp_path, checkpoints):
    service = service_of(store, tmp_path)

    def interrupt(event):
        if isinstance(event, EpochDone) and event.result.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        service.answer(service.plan.points[8], interrupt)
    workers = StubWorkers(checkpoints)
    answers(service_of(store, tmp_path, workers))
    first = service.plan.points[0].identities[0]
    assert [epoch for identity, epoch in workers.trained if identity == first] == [3]


def test_a_lost_checkpoint_costs_time_and_changes_nothing(store, tmp_path, checkpoints):
    expected = answers(service_of(store, tmp_path))
    shutil.rmtree(checkpoints)
    workers = StubWorkers(checkpoints)
    service = service_of(store, tmp_path, workers, epochs=[1, 3, 4])
    assert answers(service)[: len(expected)] == expected
    assert len(workers.trained) == 6 * 4


def test_other_numbers_for_a_known_epoch_are_never_mixed_in(store, tmp_path, checkpoints):
    """As if on another processor, the checkpoints are lost, and training again gives other numbers."""
    answers(service_of(store, tmp_path))
    shutil.rmtree(checkpoints)

    class Other(StubWorkers):
        def events(self, seconds):
            return [
                EpochDone(e.identity, replace(e.result, val_loss=0.123)) if isinstance(e, EpochDone) else e
                for e in super().events(seconds)
            ]

    service = service_of(store, tmp_path, Other(checkpoints), epochs=[1, 3, 4])
    with pytest.raises(StoreError, match="other numbers than this machine computes"):
        answers(service)


def test_two_machines_that_disagree_are_named(store, tmp_path):
    service = service_of(store, tmp_path)
    identity = next(iter(service.plan.trials))
    service.readings.keep(identity, epoch_of(identity, 1), "a (10.0.0.1)")
    service.readings.keep(identity, epoch_of(identity, 1), "b (10.0.0.2)")
    other = replace(epoch_of(identity, 1), val_loss=0.123)
    with pytest.raises(
        StoreError, match=r"^a \(10.0.0.1\) and b \(10.0.0.2\) computed other numbers for epoch 1"
    ):
        service.readings.keep(identity, other, "b (10.0.0.2)")
    assert store.history(identity) == [epoch_of(identity, 1)]


def test_a_winner_that_was_trained_again_to_other_numbers_is_not_kept(store, tmp_path):
    service = service_of(store, tmp_path)
    answers(service)
    outcome = Outcome(ranked(service.readings, service.plan.points), time_is_up=False)
    identity = outcome.candidates[0].points[0].identities[0]
    right = [epoch_of(identity, epoch) for epoch in (1, 2, 3)]
    compare_winner(outcome, service, {"history.csv": history_csv(right).encode()})
    wrong = [*right[:2], replace(right[2], val_loss=0.123)]
    with pytest.raises(StoreError, match=r"epoch 3 of run .* is stored with other numbers"):
        compare_winner(outcome, service, {"history.csv": history_csv(wrong).encode()})


def test_an_epoch_out_of_order_does_not_enter(store, tmp_path):
    service = service_of(store, tmp_path)
    identity = next(iter(service.plan.trials))
    with pytest.raises(StoreError, match=r"b sends epoch 3 of run .* of which 0 epochs are known"):
        service.readings.keep(identity, epoch_of(identity, 3), "b")
    assert store.history(identity) == service.readings.histories[identity] == []


def test_a_machine_that_goes_away_says_nothing_about_its_trials(store, tmp_path, checkpoints):
    gone = []

    def go(trial, epoch):
        if epoch == 2 and gone.count(trial) < MACHINES - 1:
            gone.append(trial)
            raise MachineGone("gone")

    found = epochs(answers(service_of(store, tmp_path, StubWorkers(checkpoints, 2, go))))
    assert None not in found
    assert len(gone) == 6 * (MACHINES - 1)


def test_what_another_exploration_has_trained_meanwhile_is_not_trained_again(tmp_path, checkpoints):
    with (
        open_store(tmp_path / "trials.sqlite") as store,
        open_store(tmp_path / "trials.sqlite") as other_store,
    ):
        workers = StubWorkers(checkpoints)
        service = service_of(store, tmp_path, workers)
        expected = answers(service_of(other_store, tmp_path))
        assert answers(service) == expected
    assert workers.trained == []


def test_dropped_runs_lose_their_checkpoints(store, tmp_path, checkpoints):
    from MNIST.training.checkpoint import Checkpoint, save_checkpoint

    service = service_of(store, tmp_path)
    one, other = list(service.plan.trials)[:2]
    for identity in (one, other):
        save_checkpoint(service.checkpoint(identity), Checkpoint(identity, {}, [epoch_of(identity, 1)], {}))
    service.drop([one], epochs=1)
    assert not service.checkpoint(one).exists()
    assert service.checkpoint(other).is_dir()
    service.drop([other], epochs=0)  # as if another exploration had trained it further
    assert service.checkpoint(other).is_dir()


def test_what_is_dropped_while_it_is_under_way_is_stopped(store, tmp_path, checkpoints):
    """With several seeds, one trial of a point may fail while another one is still training in vain."""
    workers = StubWorkers(checkpoints, 2)
    service = service_of(store, tmp_path, workers)
    service.expect(service.plan.points)
    service.answer(service.plan.points[0], ignore)
    first, second = list(service.plan.trials)[:2]
    assert set(service.running) == {first, second}
    service.drop([second], epochs=1)
    assert set(service.running) == {first}
    service.stop_all()
    assert len(workers.trained) < 6
    assert service.readings.failures == {}  # to be stopped is no fault


def test_a_trial_that_is_stopped_has_not_died(store, tmp_path, checkpoints):
    deaths = []

    def die_twice(trial, epoch):
        if len(deaths) < TRIES - 1:
            deaths.append(trial)
            raise WorkerDied("killed")

    service = service_of(store, tmp_path, StubWorkers(checkpoints, 1, die_twice))
    service.expect(service.plan.points)

    def interrupt(event):
        if isinstance(event, EpochDone):
            raise TimeIsUp

    with pytest.raises(TimeIsUp):
        service.answer(service.plan.points[8], interrupt)
    service.stop_all()
    assert len(deaths) == TRIES - 1
    assert service.readings.failures == {}


def test_a_run_that_another_process_has_finished_meanwhile_frees_its_worker(tmp_path, checkpoints):
    class Waits(StubWorkers):
        """The first trial does nothing but wait for another process."""

        def events(self, seconds):
            if self.started[0] in self._under_way:
                return [Waiting(self.started[0])]
            return super().events(seconds)

    with (
        open_store(tmp_path / "trials.sqlite") as store,
        open_store(tmp_path / "trials.sqlite") as other_store,
    ):
        service = service_of(store, tmp_path, Waits(checkpoints))
        point, identity = service.plan.points[8], service.plan.points[8].identities[0]

        def train_there(event):
            other_store.record(identity, [epoch_of(identity, epoch) for epoch in (1, 2, 3)])

        assert service.answer(point, train_there).epochs == (epoch_of(identity, 3),)
        service.stop_all()
        assert service.readings.failures == {}


def test_seconds_are_those_up_to_the_reading(store, tmp_path):
    service = service_of(store, tmp_path)
    assert [reading.seconds for reading in answers(service)] == [0.5] * 8 + [1.5] * 8


def test_with_several_seeds_a_reading_is_their_mean(store, tmp_path):
    service = service_of(store, tmp_path, seeds=[0, 1, 2])
    assert len(service.plan.trials) == 3 * 6
    point = service.plan.points[0]
    reading = service.answer(point, ignore)
    values = [epoch_of(identity, 1).val_accuracy for identity in point.identities]
    mean = sum(values) / 3
    assert math.isclose(reading.mean("val_accuracy"), mean)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / 2)
    assert math.isclose(reading.deviation("val_accuracy"), deviation)
    assert reading.seconds == 3 * 0.5


def test_a_point_of_which_one_seed_fails_has_failed(store, tmp_path, checkpoints):
    victim = plan_of(seeds=[0, 1]).points[0].identities[1]

    def diverge(trial, epoch):
        if trial.identity == victim:
            raise DivergedError("diverged at epoch 1")

    service = service_of(store, tmp_path, StubWorkers(checkpoints, before=diverge), seeds=[0, 1])
    found = answers(service)
    assert found[0].failure == "diverged at epoch 1"
    assert found[-1].failure is None


def test_an_end_without_a_word_is_an_end(store, tmp_path):
    """If a worker ends before the last epoch without an error, its trial is started again."""

    class Forgetful(StubWorkers):
        def events(self, seconds):
            found = super().events(seconds)
            first = [Ended(identity) for identity in self._under_way]
            self._under_way = {}
            return [*found, *first]

    service = service_of(store, tmp_path, Forgetful(tmp_path / "checkpoints"))
    assert None not in epochs(answers(service))
