"""The trial service: each run once, to its horizon; readings as prefixes; failures; two at once."""

import math
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from stub_exploration import SETTINGS, StubTraining, epoch_of, ignore, plan_of

from MNIST.errors import DivergedError, StoreError, TrainingError
from MNIST.explore.store import TrialStore, open_store
from MNIST.explore.trials import TrialService


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "trials.sqlite") as store:
        yield store


def service_of(store: TrialStore, folder: Path, training: StubTraining, **changes: list) -> TrialService:
    return TrialService(plan_of(**changes), SETTINGS, store, folder / "checkpoints", training)


def answers(service: TrialService) -> list:
    return [service.answer(point, ignore).epoch for point in service.plan.points]


def test_each_run_is_trained_once_and_read_at_each_number_of_epochs(store, tmp_path):
    training = StubTraining()
    service = service_of(store, tmp_path, training)
    assert answers(service) == [epoch_of(point.run, point.epochs) for point in service.plan.points]
    assert sorted(training.trained) == sorted((run, e) for run in service.plan.runs for e in (1, 2, 3))


def test_the_first_question_trains_to_the_horizon_in_the_order_of_the_plan(store, tmp_path):
    training = StubTraining()
    service = service_of(store, tmp_path, training)
    for point in service.plan.points[:8]:  # all of one epoch
        service.answer(point, ignore)
    assert training.trained == [(run, epoch) for run in service.plan.runs for epoch in (1, 2, 3)]


def test_the_next_scan_trains_only_what_is_new(store, tmp_path):
    answers(service_of(store, tmp_path, StubTraining()))
    again, longer, wider = StubTraining(), StubTraining(), StubTraining()
    answers(service_of(store, tmp_path, again))
    assert again.trained == []
    answers(service_of(store, tmp_path, longer, epochs=[1, 3, 5]))
    assert {epoch for _, epoch in longer.trained} == {4, 5}
    answers(service_of(store, tmp_path, wider, conv=[2, 4, 8]))
    assert len(wider.trained) == 3 * 3


def test_a_question_that_the_store_can_answer_trains_nothing(store, tmp_path):
    answers(service_of(store, tmp_path, StubTraining(), epochs=[1]))
    training = StubTraining()
    service = service_of(store, tmp_path, training)
    service.answer(service.plan.points[0], ignore)
    assert training.trained == []


def test_each_epoch_is_in_the_store_before_it_is_reported(store, tmp_path):
    service = service_of(store, tmp_path, StubTraining())
    point = service.plan.points[0]
    seen = []
    service.answer(point, lambda: seen.append(len(store.history(point.run))))
    assert seen == [1, 2, 3]


def test_a_diverging_run_fails_and_its_epochs_before_stay_readings(store, tmp_path):
    def diverge(run, epoch):
        if run.identity == victim and epoch == 2:
            raise DivergedError("diverged at epoch 2")

    victim = plan_of().points[0].run
    service = service_of(store, tmp_path, StubTraining(diverge))
    readings = {(p.run, p.epochs): service.answer(p, ignore) for p in service.plan.points}
    assert readings[victim, 1].epoch == epoch_of(victim, 1)
    assert readings[victim, 3].epoch is None
    assert readings[victim, 3].failure == "diverged at epoch 2"
    assert sum(reading.epoch is None for reading in readings.values()) == 1
    again = StubTraining()
    assert service_of(store, tmp_path, again).failures == {victim: "diverged at epoch 2"}
    answers(service_of(store, tmp_path, again))
    assert again.trained == []


@pytest.mark.parametrize("error", [TrainingError("out of memory"), MemoryError()])
def test_what_failed_for_want_of_memory_is_tried_again_by_the_next_scan(error, store, tmp_path):
    def refuse(run, epoch):
        raise error

    service = service_of(store, tmp_path, StubTraining(refuse))
    assert answers(service) == [None] * 16
    assert set(service.failures.values()) == {"out of memory"}
    assert None not in answers(service_of(store, tmp_path, StubTraining()))


def test_an_interruption_keeps_every_epoch_before_it(store, tmp_path):
    def interrupt(run, epoch):
        if epoch == 3:
            raise KeyboardInterrupt

    service = service_of(store, tmp_path, StubTraining(interrupt))
    with pytest.raises(KeyboardInterrupt):
        service.answer(service.plan.points[0], ignore)
    training = StubTraining()
    answers(service_of(store, tmp_path, training))
    first = service.plan.points[0].run
    assert [epoch for run, epoch in training.trained if run == first] == [3]


def test_a_lost_checkpoint_costs_time_and_changes_nothing(store, tmp_path):
    expected = answers(service_of(store, tmp_path, StubTraining()))
    shutil.rmtree(tmp_path / "checkpoints")
    training = StubTraining()
    service = service_of(store, tmp_path, training, epochs=[1, 3, 4])
    assert answers(service)[: len(expected)] == expected
    assert len(training.trained) == 6 * 4


def test_other_numbers_for_a_known_epoch_are_never_mixed_in(store, tmp_path):
    """As from another processor: the checkpoints are lost, and what is trained anew differs."""
    answers(service_of(store, tmp_path, StubTraining()))
    shutil.rmtree(tmp_path / "checkpoints")

    def train(run, checkpoint, on_epoch):
        for epoch in range(1, run.horizon + 1):
            on_epoch(replace(epoch_of(run.identity, epoch), val_loss=0.123))

    service = service_of(store, tmp_path, train, epochs=[1, 3, 4])
    with pytest.raises(StoreError, match="other numbers than this machine computes"):
        answers(service)


def test_two_explorers_at_once_share_the_work(tmp_path):
    trainings = [StubTraining(), StubTraining()]
    found = []

    def explore(training):
        with open_store(tmp_path / "trials.sqlite") as store:
            found.append(answers(service_of(store, tmp_path, training)))

    explorers = [threading.Thread(target=explore, args=(training,)) for training in trainings]
    for explorer in explorers:
        explorer.start()
    for explorer in explorers:
        explorer.join(60)
    assert found[0] == found[1]
    together = trainings[0].trained + trainings[1].trained
    assert len(together) == len(set(together)) == 6 * 3


def test_seconds_are_those_up_to_the_reading(store, tmp_path):
    service = service_of(store, tmp_path, StubTraining())
    assert [service.answer(p, ignore).seconds for p in service.plan.points] == [0.5] * 8 + [1.5] * 8
    assert math.isclose(sum(e.seconds for e in service.histories[service.plan.points[0].run]), 1.5)
