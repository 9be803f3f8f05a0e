"""The table of a cluster whose workers die, hang and go away is that of one on which nothing fails."""

from pathlib import Path

import pytest
from stub_exploration import plan_of

from benchmarks.simulated_workers import SimulatedWorkers, result_of
from MNIST.explore.store import open_store
from MNIST.explore.trials import TrialService


def explored(folder: Path, workers: SimulatedWorkers) -> tuple[TrialService, list]:
    """A service that has answered all points of a plan, and its answers."""
    plan = plan_of(conv=[2, 4, 6, 8], mom=[0.1, 0.2, 0.3, 0.4, 0.5], opt=["RMSprop", "SGD"], epochs=[1, 3, 6])
    with open_store(folder / "trials.sqlite") as store:
        service = TrialService(
            plan, store, folder / "checkpoints", workers, patience=900, clock=lambda: workers.now
        )
        service.expect(plan.points)
        return service, [service.answer(point, lambda event: None) for point in plan.points]


class Rough(SimulatedWorkers):
    """Ten times as many failures, and machines that hardly last for a training."""

    KILLED, MACHINE_LIFE, SILENT = 0.03, 500.0, 0.01


@pytest.mark.parametrize(("workers", "seed"), [(3, 0), (12, 1), (1_000, 2)])
def test_no_failure_of_workers_or_machines_shows_in_the_table(workers, seed, tmp_path):
    simulated = Rough(workers, seed, hangs=0.005, each=4)
    service, found = explored(tmp_path, simulated)
    assert simulated.deaths > 10
    assert service.readings.failures == {}
    for point, reading in zip(service.plan.points, found, strict=True):
        (identity,) = point.identities
        assert [epoch.numbers for epoch in reading.epochs] == [result_of(identity, point.epochs).numbers]


def test_workers_that_fail_nowhere_are_kept_busy(tmp_path):
    simulated = SimulatedWorkers(4, fails=False)
    explored(tmp_path, simulated)
    assert simulated.deaths == 0
    assert simulated.efficiency > 0.9
