"""The forecast: nothing is left when everything is known, and known epochs count more than guesses."""

from dataclasses import replace

import pytest
from stub_exploration import GRID, StubWorkers, ignore, plan_of, service_of

from MNIST.errors import DivergedError
from MNIST.explore.forecast import Forecast, epoch_costs, guessed_speed, spoken_time
from MNIST.explore.halving import weaker_half
from MNIST.explore.search import Search
from MNIST.explore.store import open_store
from MNIST.explore.timing import shapes
from MNIST.explore.workers.protocol import EpochDone


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "trials.sqlite") as store:
        yield store


def search_of(plan, halving: bool = False, **changes) -> Search:
    grid = {**GRID, **changes}
    rungs = [[point for point in plan.points if point.epochs == epochs] for epochs in grid["epochs"]]
    return Search(plan, grid, rungs if halving else [plan.points], halving)


def forecast_of(service, speed: float = 1e9, halving: bool = False, **changes) -> Forecast:
    search = search_of(service.plan, halving, **changes)
    service.expect(search.stages[0])
    return Forecast(search, service, 100, speed, service._executor)


def followed(service, forecast, points=None) -> None:
    """Have a service answer points, and report each epoch to a forecast."""

    def note(event):
        if isinstance(event, EpochDone):
            forecast.note(event.identity, event.result)

    for point in points or service.plan.points:
        service.answer(point, note)


def test_the_time_left_goes_to_nothing(store, tmp_path):
    service = service_of(store, tmp_path)
    forecast = forecast_of(service)
    before = forecast.look()
    assert (before.epochs_done, before.done) == (0, 0)
    cost = sum(3 * cost for cost in epoch_costs(service.plan, images=100).values())
    assert before.seconds_left == pytest.approx(cost / 1e9 + 6 * 2.0)
    followed(service, forecast)
    after = forecast.look()
    assert (after.epochs_done, after.done, after.seconds_left) == (18, 1, 0)


def test_known_epochs_beat_the_guess(store, tmp_path):
    service = service_of(store, tmp_path)
    service.answer(service.plan.points[8], ignore)  # it takes three epochs of half a second each
    assert 15 * 0.5 * 0.5 < forecast_of(service, speed=1e-9).look().seconds_left < 15 * 0.5 * 2


def test_first_epochs_beat_the_guess_too(store, tmp_path):
    """This matters in the first rung of halving, where no run has a second epoch."""
    service = service_of(store, tmp_path)
    service.answer(service.plan.points[0], ignore)
    assert forecast_of(service, speed=1e-9).look().seconds_left < 1000


def test_workers_share_the_rest(tmp_path):
    seconds = []
    for workers in (1, 2):
        with open_store(tmp_path / str(workers)) as store:
            service = service_of(store, tmp_path, StubWorkers(tmp_path / "checkpoints", workers))
            seconds.append(forecast_of(service).look().seconds_left)
    assert seconds[1] == pytest.approx(seconds[0] / 2)


def test_what_has_failed_is_not_left(store, tmp_path):
    def diverge(trial, epoch):
        if epoch == 2:
            raise DivergedError("diverged")

    service = service_of(store, tmp_path, StubWorkers(tmp_path / "checkpoints", before=diverge))
    forecast = forecast_of(service)
    followed(service, forecast)
    assert forecast.look().seconds_left == 0
    assert forecast.look().epochs_done == 18


def test_of_later_rungs_half_is_left_and_what_is_known_already_is_not(store, tmp_path):
    changes = {"epochs": [1, 2, 4], "conv": [2, 4, 6, 8], "opt": ["Adam"], "mom": [0.5]}
    service = service_of(store, tmp_path, **changes)
    forecast = forecast_of(service, halving=True, **changes)
    assert forecast.epochs == 4 * 1 + 2 * 1 + 1 * 2
    assert forecast.look().epochs_done == 0
    followed(service, forecast, service.plan.points[:4])
    assert forecast.look().epochs_done == 4
    followed(service, forecast, service.plan.points)  # as an exploration of the whole grid does
    again = forecast_of(service, halving=True, **changes)
    assert (again.look().epochs_done, again.look().seconds_left) == (8, 0)


def test_a_halving_that_is_over_has_nothing_left(store, tmp_path):
    """Though the networks that it dropped have fewer epochs than its last rung."""
    changes = {"epochs": [1, 2, 4], "conv": [2, 4, 6, 8], "opt": ["Adam"], "mom": [0.5]}
    service = service_of(store, tmp_path, **changes)
    forecast = forecast_of(service, halving=True, **changes)
    search, dropped = forecast.search, set()
    for stage in search.stages:
        points = [point for point in stage if point.identities not in dropped]
        followed(service, forecast, points)
        dropped |= weaker_half(points, service.readings)
    again = forecast_of(service, halving=True, **changes)
    assert (again.look().epochs_done, again.look().seconds_left) == (8, 0)
    assert search.epochs_left(service.readings) == {}


def test_without_halving_nothing_follows_what_is_asked(store, tmp_path):
    service = service_of(store, tmp_path)
    forecast = forecast_of(service)
    service.expect(
        point for point in service.plan.points if point.epochs == 1
    )  # a reducer dropped the others
    epochs, _, _ = forecast._left()
    assert epochs == len(service.plan.trials)


def test_a_larger_network_costs_more():
    plan = plan_of()
    small, large = (next(p.identities[0] for p in plan.points if p.values["conv"] == conv) for conv in (2, 4))
    costs = epoch_costs(plan, images=100)
    assert costs[small] < costs[large]


def test_small_batches_cost_more():
    plan = plan_of()  # batches of 10
    large = plan_of()
    large.trials.update(
        {i: replace(trial, spec=replace(trial.spec, batch_size=100)) for i, trial in large.trials.items()}
    )
    costs, fewer = epoch_costs(plan, images=100), epoch_costs(large, images=100)
    assert all(costs[identity] > fewer[identity] for identity in costs)


def test_runs_of_one_shape_are_timed_once():
    plan = plan_of()
    first = shapes(plan)
    assert len(set(first.values())) == 2 * 2  # sizes, and optimizers; momentum changes no shape
    assert set(first) == set(plan.trials)


def test_the_guess_is_a_speed():
    assert guessed_speed("bfloat16", 128) > guessed_speed("float32", 128) / 10 > 1e5


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.1, "1 s"), (40, "40 s"), (200, "3 min"), (7200, "2 h"), (40 * 3600, "40 h"), (400000, "5 days")],
)
def test_times_as_one_says_them(seconds, words):
    assert spoken_time(seconds) == f"about {words}"
