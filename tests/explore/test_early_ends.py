"""Runs that `Stop:` ends count as finished, and each answer is what its point gives when trained alone."""

import csv
import io
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from stub_exploration import GRID, StubWorkers, answers, epoch_of, ignore, points_of, service_of
from test_forecast import forecast_of, search_of

from MNIST.data import Dataset, load, split
from MNIST.explore.loop import Outcome, ask_all, is_at_hand
from MNIST.explore.plan import Plan, make_plan
from MNIST.explore.progress import Board
from MNIST.explore.ranking import ranked
from MNIST.explore.results import best_text, read_results, results_csv
from MNIST.explore.store import open_store
from MNIST.explore.trials import TrialService
from MNIST.explore.workers.local import LocalWorkers
from MNIST.explore.workers.protocol import EpochDone, Waiting
from MNIST.language import parse_spec, parse_template
from MNIST.training import EpochResult, Run, RunSettings, resolve_settings

PATIENCE = 2
CHANGES = {"epochs": [2, 4, 9, 12], "stop": f"patience={PATIENCE}"}


def best_epoch(identity: str) -> int:
    """The epoch from which on the stub's validation gets worse: 1 to 5."""
    return 1 + int(identity[:4], 16) % 5


def measured(identity: str, epoch: int) -> EpochResult:
    """The result of an epoch of this stub: better up to the best epoch, worse from there on."""
    distance = abs(epoch - best_epoch(identity))
    result = epoch_of(identity, epoch)
    return replace(result, val_loss=0.1 + distance, val_accuracy=result.val_accuracy - distance / 100)


def end(identity: str, epochs: int) -> int:
    """How many epochs a training has when it ends; epochs: how many it asks for."""
    return min(epochs, best_epoch(identity) + PATIENCE)


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "trials.sqlite") as store:
        yield store


def stub(folder: Path, *words, **named) -> StubWorkers:
    return StubWorkers(folder / "checkpoints", *words, measured=measured, **named)


@pytest.mark.parametrize(("workers", "late"), [(1, False), (1, True), (4, True)])
def test_each_run_is_trained_once_to_its_end_and_read_at_the_epoch_it_keeps(workers, late, store, tmp_path):
    executor = stub(tmp_path, workers, late=late)
    service = service_of(store, tmp_path, executor, **CHANGES)
    for point, reading in zip(service.plan.points, answers(service), strict=True):
        (identity,) = point.identities
        trained = end(identity, point.epochs)
        assert reading.epochs == (measured(identity, min(best_epoch(identity), trained)),)
        assert (reading.trained, reading.seconds, reading.failure) == (trained, 0.5 * trained, None)
    service.stop_all()
    assert sorted(executor.trained) == sorted(
        (identity, epoch) for identity in service.plan.trials for epoch in range(1, end(identity, 12) + 1)
    )
    assert len(executor.started) == len(service.plan.trials)  # no end was taken for a death
    assert service.readings.failures == {}
    assert all(map(service.readings.is_finished, service.plan.trials.values()))
    assert service.readings.known_epochs() == len(executor.trained)


def test_what_is_over_is_not_begun_again_for_more_epochs(store, tmp_path):
    expected = answers(service_of(store, tmp_path, stub(tmp_path), **CHANGES))
    again = stub(tmp_path)
    more = service_of(store, tmp_path, again, **CHANGES | {"epochs": [2, 4, 9, 12, 50]})
    assert answers(more)[: len(expected)] == expected
    assert again.started == []
    shutil.rmtree(tmp_path / "checkpoints")  # the same if only the store remembers
    assert answers(more)[: len(expected)] == expected
    assert again.started == []


def test_an_interrupted_exploration_gives_the_same(tmp_path):
    found = []
    for name, moment in {"whole": 0, "interrupted": 7}.items():
        folder, seen = tmp_path / name, []

        def interrupt(event, moment=moment, seen=seen):
            seen.extend([event] if isinstance(event, EpochDone) else [])
            if len(seen) == moment:
                raise KeyboardInterrupt

        with open_store(folder / "trials.sqlite") as store:
            service = service_of(store, folder, stub(folder, 2), **CHANGES)
            service.expect(service.plan.points)
            if moment:
                with pytest.raises(KeyboardInterrupt):
                    service.answer(service.plan.points[-1], interrupt)
                service = service_of(store, folder, stub(folder, 1), **CHANGES)
            answers(service)
            found.append(results_csv(service.readings, service.plan.points))
    assert found[0] == found[1]


def test_a_run_that_another_process_has_ended_meanwhile_frees_its_worker(store, tmp_path):
    class Waits(StubWorkers):
        """The first trial does nothing but wait for another process."""

        def events(self, seconds):
            if self.started[0] in self._under_way:
                return [Waiting(self.started[0])]
            return super().events(seconds)

    executor = Waits(tmp_path / "checkpoints", measured=measured)
    service = service_of(store, tmp_path, executor, **CHANGES)
    point, identity = service.plan.points[-1], service.plan.points[-1].identities[0]

    def train_there(event):
        store.record(identity, [measured(identity, epoch) for epoch in range(1, end(identity, 9) + 1)])

    assert service.answer(point, train_there).epochs == (measured(identity, best_epoch(identity)),)
    service.stop_all()
    assert service.readings.failures == {}


def test_what_is_over_is_not_left_and_the_display_knows_its_best(store, tmp_path):
    service = service_of(store, tmp_path, stub(tmp_path), **CHANGES)
    forecast = forecast_of(service, epochs=CHANGES["epochs"])
    board = Board(service, forecast)

    def note(event):
        if event is not None:
            board.note(event)

    longest = [point for point in service.plan.points if point.epochs == 12]
    for point in longest:
        service.answer(point, note)
    look = forecast.look()
    assert (look.epochs_done, look.done, look.seconds_left) == (forecast.epochs, 1, 0)
    best = max(service.readings.of(point).mean("val_accuracy") for point in service.plan.points)
    line = board.summary(look)
    assert line == f"6/6 trainings · {forecast.epochs}/{forecast.epochs} epochs · best {best:.2%}"
    assert Board(service, forecast).summary(look) == line


def test_seeds_may_end_after_different_epochs(store, tmp_path):
    service = service_of(store, tmp_path, stub(tmp_path, 3), seeds=range(4), **CHANGES)
    found = answers(service)
    assert any(len({end(identity, 9) for identity in point.identities}) > 1 for point in service.plan.points)
    for point, reading in zip(service.plan.points, found, strict=True):
        ends = [end(identity, point.epochs) for identity in point.identities]
        kept = [
            min(best_epoch(identity), last) for identity, last in zip(point.identities, ends, strict=True)
        ]
        assert [epoch.epoch for epoch in reading.epochs] == kept
        assert (reading.trained, reading.seconds) == (max(ends), 0.5 * sum(ends))


def test_a_winner_is_at_hand_if_the_first_seeds_network_is(store, tmp_path):
    """Though another seed of it was trained for longer."""
    service = service_of(store, tmp_path, stub(tmp_path, 3), seeds=range(4), **CHANGES)
    answers(service)
    candidates = ranked(service.readings, service.plan.points)

    def ends(candidate):
        point = candidate.points[0]
        return [end(identity, point.epochs) for identity in point.identities]

    candidate = next(one for one in candidates if ends(one)[0] < max(ends(one)))
    place = service.checkpoint(candidate.points[0].identities[0])
    place.mkdir(parents=True, exist_ok=True)
    (place / f"epoch_{ends(candidate)[0]:05}.npz").touch()
    assert is_at_hand(Outcome([candidate], time_is_up=True), service)
    shutil.rmtree(place)
    assert not is_at_hand(Outcome([candidate], time_is_up=True), service)


def test_the_table_says_how_many_epochs_there_were_and_which_is_kept(store, tmp_path):
    service = service_of(store, tmp_path, stub(tmp_path), **CHANGES)
    answers(service)
    text = results_csv(service.readings, service.plan.points)
    for row, point in zip(csv.DictReader(io.StringIO(text)), service.plan.points, strict=True):
        trained = end(point.identities[0], point.epochs)
        assert int(row["epochs"]) == point.epochs
        assert int(row["round_epochs"]) == trained
        assert int(row["kept_epoch"]) == min(best_epoch(point.identities[0]), trained)
    (tmp_path / "results.csv").write_text(text)
    metrics, parameters, _ = read_results(tmp_path / "results.csv")
    distinct = {(point.identities, end(point.identities[0], point.epochs)) for point in service.plan.points}
    assert len(metrics["val_accuracy"]) == len(distinct) < 4 * 6
    assert "kept_epoch" not in parameters


def test_a_table_without_stop_has_no_column_for_it(store, tmp_path):
    service = service_of(store, tmp_path)
    answers(service)
    assert "kept_epoch" not in results_csv(service.readings, service.plan.points)


def test_to_ask_for_more_epochs_than_a_run_has_is_no_other_answer(store, tmp_path):
    service = service_of(store, tmp_path, stub(tmp_path), **CHANGES)
    answers(service)
    candidates = ranked(service.readings, service.plan.points)
    assert len({(c.points[0].identities, c.reading.trained) for c in candidates}) == len(candidates)
    shared = [c for c in candidates if len({point.epochs for point in c.points}) > 1]
    assert shared
    assert all(candidate.value("epochs") is None for candidate in shared)
    assert f"epochs={min(point.epochs for point in candidates[0].points)}\n" in best_text(
        candidates, "scan1", service.readings
    )


def test_halving_goes_on_with_what_is_over_at_no_cost(store, tmp_path):
    changes = CHANGES | {"conv": [2, 4, 6, 8], "opt": ["Adam"], "mom": [0.5]}
    executor = stub(tmp_path)
    service = service_of(store, tmp_path, executor, **changes)
    grid = {name: changes.get(name, GRID[name]) for name in GRID}
    search = search_of(service.plan, True, **grid)
    outcome = ask_all(search, service, tmp_path / "scan", ignore)
    assert len(executor.trained) == len(set(executor.trained)) < search.epochs
    with (tmp_path / "scan" / "results.csv").open() as stream:
        rows = [(row["epochs"], row["conv"]) for row in csv.DictReader(stream)]
    assert [epochs for epochs, _ in rows] == ["2"] * 4 + ["4"] * 2 + ["9", "12"]
    for candidate in outcome.candidates:
        (identity,) = candidate.points[0].identities
        trained = end(identity, candidate.points[0].epochs)
        assert candidate.reading.epochs == (measured(identity, min(best_epoch(identity), trained)),)


REAL = """
Layers:
Flatten
Dense,8,relu
Dropout,0.25
Dense,10,softmax
Optimizer:
{opt},{rate}
epochs={epochs}
batch=50
Stop:
patience={patience}
accuracy=0.8
"""
REAL_GRID = {"epochs": [2, 5, 30], "opt": ["Adam", "SGD"], "rate": [0.03], "patience": [1, 3]}


@pytest.fixture(scope="module")
def real(digits_folder) -> tuple[Dataset, RunSettings, Plan]:
    dataset = load(digits_folder)
    settings = resolve_settings(dataset.digest, images=300, split=0.8, seed=3, engine="numpy", threads=1)
    return dataset, settings, make_plan(points_of(REAL_GRID), parse_template(REAL), settings)


def explored(real, folder: Path, workers: int) -> tuple[list[EpochResult], list[str], str]:
    """The answers to all points, the epochs that were trained for them, and best.txt."""
    dataset, _, plan = real
    executor = LocalWorkers(workers, dataset, folder / "checkpoints", "numpy")
    told: list[str] = []

    def note(event):
        if isinstance(event, EpochDone):
            told.append(f"{event.identity} {event.result.epoch}")

    try:
        with open_store(folder / "trials.sqlite") as store:
            service = TrialService(plan, store, folder / "checkpoints", executor)
            service.expect(plan.points)
            found = [service.answer(point, note).epochs[0].numbers for point in plan.points]
            best = best_text(ranked(service.readings, plan.points), "scan1", service.readings)
            service.stop_all()
            return found, told, best
    finally:
        executor.close()


def test_shared_answers_are_those_of_separate_runs(real, tmp_path):
    """Worker processes train with NumPy's engine; then each point is also trained by itself, from scratch."""
    dataset, settings, plan = real
    data = split(dataset, 0.8, 3, 300)
    alone, lengths = [], {}
    for point in plan.points:
        run = Run(point.spec, data, settings, epochs=point.epochs)
        run.train()
        alone.append(run.kept.numbers)
        lengths[point.identities[0], point.epochs] = len(run.history), run.kept.epoch
    assert any(kept < trained < epochs for (_, epochs), (trained, kept) in lengths.items())
    found, told, best = explored(real, tmp_path, 2)
    assert found == alone
    assert len(told) == len(set(told))  # no epoch was trained twice
    assert len(told) == sum(
        max(n for (r, _), (n, _) in lengths.items() if r == identity) for identity in plan.trials
    )
    spec = parse_spec(best)
    run = Run(spec, data, settings, epochs=spec.epochs)
    run.train()
    assert run.kept.numbers == max(alone, key=lambda numbers: (numbers[4], -numbers[3]))
    assert explored(real, tmp_path, 1) == (found, [], best)
