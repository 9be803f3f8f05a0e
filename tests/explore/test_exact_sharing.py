"""Sharing is exact: with Keras, every shared answer equals, bit for bit, its point trained by itself."""

from pathlib import Path

import pytest
from stub_exploration import ignore, points_of

from MNIST.data import Dataset, download, load, split
from MNIST.explore.plan import Plan, make_plan
from MNIST.explore.store import open_store
from MNIST.explore.trials import TrialService
from MNIST.explore.workers.local import LocalWorkers
from MNIST.language import parse_template, read_text
from MNIST.training import RunSettings, continue_run, resolve_settings

ROOT = Path(__file__).resolve().parents[2]
GRID = {
    "epochs": [1, 3],
    "rate": [0.002],
    "batch": [50],
    "layers": [1],
    "conv": [4],
    "opt": ["Adam", "RMSprop"],
    "dropout": [0.25],
    "dense": [16],
    "kernel": [3],
    "pool": [2],
    "decay": [0.0001],
    "mom": [0.25, 0.75],
    "convlayers": [1],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, request) -> Path:
    """Real MNIST if this machine has it, else scikit-learn's digits."""
    try:
        return request.getfixturevalue("mnist_folder")
    except pytest.skip.Exception:
        digits = tmp_path_factory.mktemp("digits")
        download(digits, dataset="digits")
        return digits


@pytest.fixture(scope="module")
def setting(folder) -> tuple[Dataset, RunSettings, Plan]:
    dataset = load(folder)
    settings = resolve_settings(dataset.digest, images=500, split=0.8, seed=3)
    template = parse_template(read_text(ROOT / "Models" / "explore.txt"))
    return dataset, settings, make_plan(points_of(GRID), template, settings)


@pytest.fixture(scope="module")
def alone(setting) -> list[tuple]:
    """The result of each point when it is trained by itself, from scratch, for its own number of epochs."""
    dataset, settings, plan = setting
    data = split(dataset, 0.8, 3, 500)
    return [
        continue_run(point.spec, data, settings, epochs=point.epochs)[-1].numbers for point in plan.points
    ]


def answered(setting, folder: Path, workers: int, order: int = 1) -> list[tuple]:
    """The answers to all points. order: -1 makes the service train ahead in the opposite order."""
    dataset, _, plan = setting
    executor = LocalWorkers(workers, dataset, folder / "checkpoints")
    try:
        with open_store(folder / "trials.sqlite") as store:
            service = TrialService(plan, store, folder / "checkpoints", executor)
            service.expect(plan.points[::order])
            return [service.answer(point, ignore).epochs[0].numbers for point in plan.points]
    finally:
        executor.close()


@pytest.mark.slow
def test_shared_answers_are_those_of_separate_runs(setting, alone, tmp_path):
    """A run also answers for fewer epochs, and under Adam for all momenta; with more workers than runs."""
    assert len(setting[2].trials) == 3
    assert answered(setting, tmp_path, workers=4, order=-1) == alone


@pytest.mark.slow
def test_an_extended_grid_gives_what_it_would_have_given_at_once(setting, alone, tmp_path):
    dataset, settings, _ = setting
    template = parse_template(read_text(ROOT / "Models" / "explore.txt"))
    short = make_plan(points_of({**GRID, "epochs": [1]}), template, settings)
    answered((dataset, settings, short), tmp_path, workers=1)
    assert answered(setting, tmp_path, workers=2) == alone
