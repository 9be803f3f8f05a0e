"""The forecast: nothing is left when all is known, and known epochs beat guesses."""

import pytest
from stub_exploration import SETTINGS, StubTraining, ignore, plan_of

from MNIST.explore.forecast import epoch_costs, guessed_speed, left_to_train, seconds_left, spoken_time
from MNIST.explore.store import open_store
from MNIST.explore.trials import TrialService


def test_the_time_left_goes_to_nothing(tmp_path):
    plan = plan_of()
    with open_store(tmp_path / "trials.sqlite") as store:
        service = TrialService(plan, SETTINGS, store, tmp_path / "checkpoints", StubTraining())
        costs = epoch_costs(plan, images=100)
        assert left_to_train(service, costs) == sum(3 * cost for cost in costs.values())
        before = seconds_left(service, costs, guess=1e9)
        for point in plan.points:
            service.answer(point, ignore)
            assert seconds_left(service, costs, guess=1e-9) < before * 1000  # the guess is used no more
        assert seconds_left(service, costs, guess=1e9) == 0


def test_a_larger_network_costs_more():
    plan = plan_of()
    small, large = (next(p.run for p in plan.points if p.values["conv"] == conv) for conv in (2, 4))
    costs = epoch_costs(plan, images=100)
    assert costs[small] < costs[large]


def test_the_guess_is_a_speed():
    assert guessed_speed(128) > 1e6


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.1, "1 s"), (40, "40 s"), (200, "3 min"), (7200, "2 h"), (40 * 3600, "40 h"), (400000, "5 days")],
)
def test_times_as_one_says_them(seconds, words):
    assert spoken_time(seconds) == f"about {words}"
