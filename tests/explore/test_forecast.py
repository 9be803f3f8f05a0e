"""The forecast: nothing is left when all is known, and known epochs beat guesses."""

import pytest
from stub_exploration import StubWorkers, ignore, plan_of, service_of

from MNIST.errors import DivergedError
from MNIST.explore.forecast import Forecast, epoch_costs, guessed_speed, shapes, spoken_time
from MNIST.explore.store import open_store
from MNIST.explore.workers.protocol import EpochDone


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "trials.sqlite") as store:
        yield store


def followed(service, forecast) -> None:
    """Answer all points of a service, telling a forecast of each epoch."""

    def note(event):
        if isinstance(event, EpochDone):
            forecast.note(event.identity, event.result)

    for point in service.plan.points:
        service.answer(point, note)


def test_the_time_left_goes_to_nothing(store, tmp_path):
    service = service_of(store, tmp_path)
    plan, costs = service.plan, epoch_costs(service.plan, images=100)
    forecast = Forecast(service, 100, speed=1e9, workers=1, epochs=plan.epochs_shared)
    assert forecast.left == pytest.approx(sum(3 * cost for cost in costs.values()))
    assert forecast.done == 0
    assert (forecast.known_epochs, forecast.finished_runs) == (0, 0)
    followed(service, forecast)
    assert forecast.left == pytest.approx(0, abs=1e-3)
    assert forecast.seconds_left == pytest.approx(0, abs=1e-6)
    assert forecast.done == pytest.approx(1)
    assert (forecast.known_epochs, forecast.finished_runs) == (18, 6)


def test_known_epochs_beat_the_guess(store, tmp_path):
    service = service_of(store, tmp_path)
    service.answer(service.plan.points[8], ignore)  # three epochs of half a second each
    forecast = Forecast(service, 100, speed=1e-9, workers=1, epochs=service.plan.epochs_shared)
    assert 15 * 0.5 * 0.5 < forecast.seconds_left < 15 * 0.5 * 2


def test_first_epochs_beat_the_guess_too(store, tmp_path):
    """As in the first rung of halving, where no run has a second epoch."""
    service = service_of(store, tmp_path)
    service.answer(service.plan.points[0], ignore)
    forecast = Forecast(service, 100, speed=1e-9, workers=1, epochs=service.plan.epochs_shared)
    assert forecast.seconds_left < 1000


def test_an_epoch_counts_once_and_workers_share_the_rest(store, tmp_path):
    service = service_of(store, tmp_path)
    one, two = (Forecast(service, 100, 1e9, workers, service.plan.epochs_shared) for workers in (1, 2))
    assert two.seconds_left == pytest.approx(one.seconds_left / 2)
    service.answer(service.plan.points[8], ignore)
    run = service.plan.points[8].runs[0]
    for _ in range(2):
        one.note(run, service.histories[run][0])
    assert one.known_epochs == 1


def test_what_has_failed_is_not_left(store, tmp_path):
    def diverge(run, epoch):
        if epoch == 2:
            raise DivergedError("diverged")

    service = service_of(store, tmp_path, StubWorkers(tmp_path / "checkpoints", before=diverge))
    forecast = Forecast(service, 100, 1e9, 1, service.plan.epochs_shared)
    followed(service, forecast)
    assert forecast.left == pytest.approx(0, abs=1e-3)
    assert forecast.finished_runs == 6


def test_a_larger_network_costs_more():
    plan = plan_of()
    small, large = (next(p.runs[0] for p in plan.points if p.values["conv"] == conv) for conv in (2, 4))
    costs = epoch_costs(plan, images=100)
    assert costs[small] < costs[large]


def test_runs_of_one_shape_are_timed_once():
    plan = plan_of()
    first = shapes(plan)
    assert len(set(first.values())) == 2 * 2  # sizes, and optimizers; momentum changes no shape
    assert set(first) == set(plan.runs)


def test_the_guess_is_a_speed():
    assert guessed_speed("bfloat16", 128) > guessed_speed("float32", 128) / 10 > 1e5


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.1, "1 s"), (40, "40 s"), (200, "3 min"), (7200, "2 h"), (40 * 3600, "40 h"), (400000, "5 days")],
)
def test_times_as_one_says_them(seconds, words):
    assert spoken_time(seconds) == f"about {words}"
