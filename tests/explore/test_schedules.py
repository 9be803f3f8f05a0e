"""Explorations of schedules: if a schedule depends on the number of epochs, runs are not shared.

With NumPy's engine, every answer equals, bit for bit, its point trained by itself.
"""

import re
from pathlib import Path

import pytest
from stub_exploration import SETTINGS, StubWorkers, ignore, points_of

from MNIST import cli
from MNIST.data import TrainingData, download, load, split
from MNIST.explore.designs import make_space
from MNIST.explore.forecast import Forecast
from MNIST.explore.plan import Plan, Point, make_plan
from MNIST.explore.search import Search, make_search
from MNIST.explore.store import open_store
from MNIST.explore.summary import expectation
from MNIST.explore.trials import TrialService
from MNIST.explore.workers.local import LocalWorkers
from MNIST.language import Constant, Cosine, OneCycle, Plateau, Step, parse_template
from MNIST.training import RunSettings, continue_run, resolve_settings

TEMPLATE = """\
Layers:
Flatten
Dropout,0.2
Dense,10,softmax
Optimizer:
Adam,0.005
epochs={epochs}
batch=50
Schedule:
SCHEDULE
Explore:
epochs=5,10,15
"""
AUGMENTED = "Constant\nAugment:\nRotate,10\nElastic,8,3"  # a thread of the worker makes these images
SHARED = ["Constant", "Step,2,0.5", "Plateau,patience=1,delta=1", AUGMENTED]
BY_LENGTH = ["Cosine,warmup=0.1", "OneCycle,0.02"]


def text_of(schedule: str, *axes: str) -> str:
    """A template of a small network with a schedule, and with more lines in `Explore:`."""
    return TEMPLATE.replace("SCHEDULE", schedule) + "".join(f"{axis}\n" for axis in axes)


def search_of(schedule: str, *axes: str, settings: RunSettings = SETTINGS, **options) -> Search:
    template = parse_template(text_of(schedule, *axes))
    return make_search(make_space(template, {}), template, settings, **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    digits = tmp_path_factory.mktemp("digits")
    download(digits, dataset="digits")
    return digits


@pytest.fixture(scope="module")
def settings(folder) -> RunSettings:
    digest = load(folder).digest
    return resolve_settings(digest, images=300, split=0.8, seed=3, engine="numpy", threads=1)


@pytest.fixture(scope="module")
def data(folder) -> TrainingData:
    return split(load(folder), 0.8, 3, 300)


def alone(point: Point, data: TrainingData, settings: RunSettings) -> tuple[float, ...]:
    """The result of a point when it is trained by itself, from scratch, for its own number of epochs."""
    return continue_run(point.spec, data, settings, epochs=point.epochs)[-1].numbers


def answered(plan: Plan, folder: Path, store_folder: Path) -> list[tuple[float, ...]]:
    """The answers to all points, by two workers; the longest runs are trained first."""
    executor = LocalWorkers(2, load(folder), store_folder / "checkpoints", "numpy")
    try:
        with open_store(store_folder / "trials.sqlite") as store:
            service = TrialService(plan, store, store_folder / "checkpoints", executor)
            service.expect(plan.points[::-1])
            return [service.answer(point, ignore).epochs[0].numbers for point in plan.points]
    finally:
        executor.close()


@pytest.mark.parametrize("schedule", SHARED)
def test_fewer_epochs_are_read_from_one_run(schedule, folder, data, settings, tmp_path):
    plan = search_of(schedule, settings=settings).plan
    assert len(plan.trials) == 1
    assert (plan.epochs_asked, plan.epochs_shared) == (30, 15)
    expected = [alone(point, data, settings) for point in plan.points]
    assert answered(plan, folder, tmp_path) == expected


@pytest.mark.parametrize("schedule", BY_LENGTH)
def test_each_number_of_epochs_is_a_run_of_its_own(schedule, folder, data, settings, tmp_path):
    plan = search_of(schedule, settings=settings).plan
    assert len({point.identities for point in plan.points}) == len(plan.trials) == 3
    assert [trial.horizon for trial in plan.trials.values()] == [5, 10, 15]
    assert (plan.epochs_asked, plan.epochs_shared) == (30, 30)
    expected = [alone(point, data, settings) for point in plan.points]
    assert answered(plan, folder, tmp_path) == expected
    longer = continue_run(plan.points[-1].spec, data, settings, epochs=5)[-1]
    assert longer.numbers != expected[0]  # the beginning of the long run would be a wrong answer


def test_a_grid_extended_by_epochs_trains_only_what_is_new(folder, data, settings, tmp_path):
    short = search_of("OneCycle,0.02", settings=settings).plan
    answered(short, folder, tmp_path)
    longer = make_plan(
        points_of({"epochs": [5, 10, 15, 20]}), parse_template(text_of("OneCycle,0.02")), settings
    )
    assert list(longer.trials)[:3] == list(short.trials)
    found = answered(longer, folder, tmp_path)
    assert found == [alone(point, data, settings) for point in longer.points]


def test_names_and_values_of_a_schedule_are_explored(folder, data, settings, tmp_path):
    """A key that the schedule does not have is left out, so that its points share one run."""
    words = "{schedule},peak={peak},warmup={warmup}"
    axes = "schedule=Constant,Cosine,OneCycle,Plateau", "peak=0.02,0.05", "warmup=0.1,0.4"
    plan = search_of(words, *axes, settings=settings).plan
    schedules = {point.spec.schedule for point in plan.points}
    assert schedules == {
        Constant(),
        Plateau(),
        *(Cosine(warmup=warmup) for warmup in (0.1, 0.4)),
        *(OneCycle(peak, warmup=warmup) for peak in (0.02, 0.05) for warmup in (0.1, 0.4)),
    }
    assert len(plan.points) == 4 * 4 * 3
    assert len(plan.trials) == 1 + 1 + 3 * (2 + 4)
    assert plan.epochs_shared == 15 + 15 + 30 * (2 + 4)
    few = [point for point in plan.points if point.epochs == 5]
    found = answered(
        make_plan([point.values for point in few], parse_template(text_of(words)), settings), folder, tmp_path
    )
    assert found == [alone(point, data, settings) for point in few]


def test_a_value_by_its_place_is_explored():
    plan = search_of("Step,{every},{factor}", "every=1,2", "factor=0.5,1").plan
    assert {point.spec.schedule for point in plan.points} == {
        Step(every, factor) for every in (1, 2) for factor in (0.5, 1.0)
    }
    assert len(plan.trials) == 3  # a Step with factor 1 equals no schedule


def test_what_is_said_before_and_forecast_counts_each_run(tmp_path):
    """Constant has one run, Cosine one for each number of epochs; the stub trains all of them."""
    search = search_of("{schedule}", "schedule=Constant,Cosine")
    words = expectation(search, 0, tmp_path)
    assert "6 combinations need only 4 trainings: 45 epochs instead of 60 (25% saved)." in words
    executor = StubWorkers(tmp_path / "checkpoints")
    with open_store(tmp_path / "trials.sqlite") as store:
        service = TrialService(search.plan, store, tmp_path / "checkpoints", executor)
        service.expect(search.stages[0])
        forecast = Forecast(search, service, 100, 1e9, executor)
        assert forecast.epochs == search.epochs == 45
        for done, (point, epochs) in enumerate(zip(search.stages[0], (5, 5, 10, 10, 15, 15), strict=True)):
            assert point.epochs == epochs, done
            service.answer(point, ignore)
        assert forecast.look().epochs_done == len(executor.trained) == 45
        assert forecast.look().seconds_left == 0


# Through the command, as a user sees it.


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(here: Path, text: str, *words: str) -> None:
    """Explore a template; check that it is refused before anything is read, trained or written."""
    (here / "t.txt").write_text(text)
    assert cli.main(["explore", "no_such_folder", "scan1", "--template", "t.txt", *words]) == 2
    assert [path.name for path in here.iterdir()] == ["t.txt"]


@pytest.mark.parametrize(
    ("schedule", "axes", "named"),
    [
        ("Cosine", [], "Cosine"),
        ("OneCycle,0.02", [], "OneCycle"),
        ("{schedule}", ["schedule=Constant,Cosine"], "Cosine"),
        ("{schedule},peak=0.1", ["schedule=OneCycle"], "OneCycle"),
        ("{schedule},peak={peak}", ["schedule=Plateau,OneCycle,Cosine", "peak=0.1"], "Cosine or OneCycle"),
    ],
)
def test_halving_is_refused_where_a_network_could_not_be_trained_on(here, capsys, schedule, axes, named):
    refused(here, text_of(schedule, *axes), "--halving")
    assert capsys.readouterr().err == (
        f"--halving trains the better networks of a rung on, and with {named} every rate depends on the "
        "number of epochs from the first step; leave out one of the two\n"
    )


@pytest.mark.parametrize("schedule", SHARED)
def test_halving_goes_with_the_others(schedule):
    assert search_of(schedule, halving=True).rungs == [5, 10, 15]


def test_halving_is_refused_too_where_only_other_points_work():
    """No network works with the first kernel; the points themselves are checked, not only the baseline."""
    text = text_of("{schedule}", "schedule=Cosine,Constant", "kernel=29,3").replace(
        "Flatten", "Conv,2,{kernel},{kernel},relu\nFlatten"
    )
    template = parse_template(text)
    with pytest.raises(Exception, match="with Cosine every rate") as caught:
        make_search(make_space(template, {}), template, SETTINGS, halving=True)
    assert type(caught.value).__name__ == "UsageError"


@pytest.mark.parametrize(
    ("schedule", "axes", "words", "message"),
    [
        ("OneCycle,{peak}", ["peak=0.1"], ["--set", "peak=0.1,abc"], r"peak: .* number above 0.*'abc'"),
        ("OneCycle,{peak}", ["peak=0"], [], r"peak: .* number above 0"),
        ("{schedule}", ["schedule=Constant,Cosin"], [], r"'Cosin'; did you mean 'Cosine'\?"),
        ("{schedule}", ["schedule=Constant,OneCycle"], [], r"OneCycle takes 1 value \(peak\), found 0"),
        ("Cosine,warmup={warmup}", ["warmup=0.1,1"], [], r"warmup: .* below 1.*'1'"),
        ("Plateau,monitor={by}", ["by=loss,acuracy"], [], r"'acuracy'; did you mean 'accuracy'\?"),
        ("Step,{every}", ["every=2,0.5"], [], r"every: expected a whole number"),
    ],
)
def test_a_value_that_is_wrong_for_every_point_stops_it_before_it_begins(
    here, capsys, schedule, axes, words, message
):
    refused(here, text_of(schedule, *axes), *words)
    error = capsys.readouterr().err
    assert "t.txt, line 10: " in error
    assert re.search(message, error)
