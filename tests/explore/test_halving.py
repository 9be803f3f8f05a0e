"""Successive halving: after each rung Talos drops the weaker half, and nothing else."""

from dataclasses import replace
from html import escape
from pathlib import Path

import pytest
from examples import slowly
from stub_exploration import GRID, StubWorkers, answers, epoch_of, ignore, plan_of

from MNIST.errors import DivergedError
from MNIST.explore.forecast import Forecast
from MNIST.explore.halving import epochs_needed, weaker_half
from MNIST.explore.live import LivePage
from MNIST.explore.loop import ask_all
from MNIST.explore.results import read_results
from MNIST.explore.search import Search
from MNIST.explore.store import open_store
from MNIST.explore.trials import TrialService
from MNIST.paths import exploration_folder

CONV = list(range(2, 18))
EPOCHS = [1, 2, 4, 8]


def search_of(**changes) -> Search:
    grid = {**GRID, "epochs": EPOCHS, "conv": CONV, "opt": ["Adam"], "mom": [0.25, 0.5], **changes}
    plan = plan_of(**{name: values for name, values in grid.items() if name != "seeds"})
    return Search(plan, grid, rungs_of(plan, EPOCHS), halving=True)


def rungs_of(plan, epochs) -> list[list]:
    return [[point for point in plan.points if point.epochs == rung] for rung in epochs]


def halved(folder: Path, workers: int = 1, before=lambda trial, epoch: None) -> tuple:
    search = search_of()
    checkpoints = folder / "checkpoints"
    executor = StubWorkers(checkpoints, workers, before, shuffled=workers > 1)
    with open_store(folder / "trials.sqlite") as store:
        service = TrialService(search.plan, store, checkpoints, executor)
        outcome = ask_all(search, service, folder / "scan", ignore)
    return search, executor, outcome


def test_each_rung_trains_on_only_the_better_half(tmp_path):
    search, executor, outcome = halved(tmp_path)
    epochs = [epoch for _, epoch in executor.trained]
    assert [epochs.count(epoch) for epoch in range(1, 9)] == [16, 8, 4, 4, 2, 2, 2, 2]
    assert len(epochs) == search.epochs == epochs_needed(16, EPOCHS) == 40
    assert len(epochs) <= 0.35 * search.plan.epochs_shared
    # The stub ranks the runs alike at every epoch, so the best is never dropped.
    best = outcome.candidates[0].points[0]
    assert best.epochs == 8
    assert best.identities[0] == min(search.plan.trials, key=lambda identity: identity[:4])


@pytest.mark.parametrize("workers", [2, *slowly([4])])
def test_the_same_is_dropped_whatever_the_number_of_workers(workers, tmp_path):
    tables = []
    for count in (1, workers):
        halved(tmp_path / str(count), count)
        tables.append((tmp_path / str(count) / "scan" / "results.csv").read_text())
    assert tables[0] == tables[1]


@pytest.mark.slow
def test_the_table_has_what_was_asked_with_all_points_that_share_a_run(tmp_path):
    halved(tmp_path)
    text = (tmp_path / "scan" / "results.csv").read_text()
    assert len(text.splitlines()) == 1 + 2 * (16 + 8 + 4 + 2)  # the two momenta under Adam share one run
    metrics, *_ = read_results(tmp_path / "scan" / "results.csv")
    assert len(metrics["val_accuracy"]) == 16 + 8 + 4 + 2


def test_halving_again_trains_nothing_and_a_failed_run_is_among_the_weaker(tmp_path):
    victim = next(iter(search_of().plan.trials))

    def diverge(trial, epoch):
        if trial.identity == victim:
            raise DivergedError("diverged")

    _, first, outcome = halved(tmp_path, before=diverge)
    assert all(victim not in candidate.points[0].identities for candidate in outcome.candidates)
    assert len(first.trained) == 40 - 1
    _, again, _ = halved(tmp_path, before=diverge)
    assert again.trained == []


def test_what_is_known_of_networks_that_are_dropped_shows_nowhere(tmp_path, monkeypatch):
    """In an earlier exploration the third of four was the best after 3 epochs, and the last one diverged."""
    monkeypatch.chdir(tmp_path)
    grid = {**GRID, "conv": [2, 4, 6, 8], "opt": ["Adam"], "mom": [0.5]}
    plan = plan_of(**grid)
    *_, slow, last = runs = list(plan.trials)

    def diverge(trial, epoch):
        if (trial.identity, epoch) == (last, 3):
            raise DivergedError("diverged at epoch 3")

    def measured(identity, epoch):
        accuracy = 0.999 if (identity, epoch) == (slow, 3) else 0.9 - 0.1 * runs.index(identity)
        return replace(epoch_of(identity, epoch), val_accuracy=accuracy)

    workers = StubWorkers(tmp_path / "c", before=diverge, measured=measured)
    with open_store(tmp_path / "trials.sqlite") as store:
        assert answers(TrialService(plan, store, tmp_path / "c", workers))[-1].failure
        search = Search(plan, grid, rungs_of(plan, (1, 3)), halving=True)
        service = TrialService(plan, store, tmp_path / "c", workers)
        folder, forecast = exploration_folder("scan1"), Forecast(search, service, 100, 1e9, workers)

        def stop_at_the_end():
            with LivePage(service, "scan1", (), "Data") as live, live.running(forecast) as show:
                ask_all(search, service, folder, show)
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            stop_at_the_end()
    page, winner = (folder / "live.html").read_text(), (folder / "best.txt").read_text()
    assert escape(winner.strip()) in page
    assert "best 90.00%" in page
    assert "diverged" not in page
    assert " failed" not in page


def test_under_several_seeds_networks_are_halved_not_runs(tmp_path):
    grid = {**GRID, "epochs": [1, 2], "conv": [2, 4, 6], "opt": ["Adam"], "mom": [0.5]}
    plan = plan_of(seeds=[0, 1], **grid)
    search = Search(plan, grid, rungs_of(plan, (1, 2)), halving=True)
    workers = StubWorkers(tmp_path / "c", 2, late=True)
    with open_store(tmp_path / "trials.sqlite") as store:
        ask_all(search, TrialService(plan, store, tmp_path / "c", workers), tmp_path / "scan", ignore)
    assert len(workers.trained) == search.epochs == 2 * (3 + 2)


def test_of_an_odd_number_the_middle_one_stays(tmp_path):
    plan = plan_of(epochs=[1], conv=[2, 4, 8], opt=["Adam"], mom=[0.25])
    with open_store(tmp_path / "trials.sqlite") as store:
        service = TrialService(plan, store, tmp_path / "c", StubWorkers(tmp_path / "c"))
        for point in plan.points:
            service.answer(point, ignore)
        weaker = weaker_half(plan.points, service.readings)
    assert weaker == {max(((p.identities) for p in plan.points), key=lambda runs: runs[0][:4])}


def test_epochs_needed():
    assert epochs_needed(100, [1, 2, 4]) == 100 + 50 + 25 * 2
    assert epochs_needed(3, [5]) == 15
