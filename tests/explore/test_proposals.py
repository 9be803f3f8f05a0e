"""Points proposed by the answers so far: they repeat, none comes twice, and they find what is good."""

import csv
import math
import random
import re
from dataclasses import replace

import pytest
from examples import slowly
from stub_exploration import SETTINGS, StubWorkers, epoch_of, ignore

from MNIST.errors import DivergedError, UsageError
from MNIST.explore import proposals
from MNIST.explore.choices import check_search
from MNIST.explore.designs import make_space
from MNIST.explore.forecast import Forecast
from MNIST.explore.loop import ask_all
from MNIST.explore.progress import Board
from MNIST.explore.search import make_search
from MNIST.explore.store import open_store
from MNIST.explore.timing import timed
from MNIST.explore.trials import TrialService
from MNIST.language import parse_template

TEMPLATE = """
Layers:
Conv,{conv},{kernel},{kernel},relu
MaxPool,{pool},{pool}
Flatten
Dense,10,softmax
Optimizer:
{opt},{rate},momentum={mom}
epochs={epochs}
batch=10
Explore:
epochs=4
conv=2..64
kernel=3,5,27
pool=2,3
opt=Adam,SGD
rate=0.0001..0.1
mom=0.25,0.5
"""
FINITE = TEMPLATE.replace("2..64", "2").replace("0.0001..0.1", "0.001,0.01")
RUNGS = "1,2,4"


def search_of(text=TEMPLATE, seed=0, epochs="4", **options):
    template = parse_template(text.replace("epochs=4", f"epochs={epochs}"))
    space = make_space(template, {})
    return make_search(space, template, replace(SETTINGS, seed=seed), design="tpe", **options)


def explored(folder, search, workers=1, before=lambda trial, epoch: None, measured=None):
    """Ask for all points; return what was trained, and the table."""
    checkpoints = folder / "checkpoints"
    executor = StubWorkers(
        checkpoints, workers, before, shuffled=workers > 1, measured=measured or measured_by(search)
    )
    with open_store(folder / "trials.sqlite") as store:
        service = TrialService(search.plan, store, checkpoints, executor)
        outcome = ask_all(search, service, folder / "scan", ignore)
    return executor, outcome, (folder / "scan" / "results.csv").read_text()


def measured_by(search):
    """How good an epoch is: the better, the nearer a rate is to 0.01 and the more filters there are."""

    def measure(identity, epoch):
        rate = float(search.plan.trials[identity].spec.optimizer.rate)
        filters = search.plan.trials[identity].spec.layers[0].filters
        accuracy = 0.9 - 0.1 * abs(math.log10(rate / 0.01)) + filters / 1000 - 0.1 / epoch
        return replace(epoch_of(identity, epoch), val_accuracy=accuracy)

    return measure


@pytest.mark.parametrize("halving", [*slowly([False]), True])
@pytest.mark.parametrize("workers", [2, *slowly([4, 16])])
def test_the_same_points_are_proposed_for_any_number_of_workers(workers, halving, tmp_path):
    options = {"points": 20, "halving": halving, "epochs": RUNGS if halving else "4"}
    one, many = (explored(tmp_path / str(count), search_of(**options), count)[2] for count in (1, workers))
    assert one == many
    assert len(one.splitlines()) > 20


@pytest.mark.parametrize("halving", [*slowly([False]), True])
def test_an_interrupted_search_goes_on_with_the_same_points(halving, tmp_path):
    options = {"points": 20, "halving": halving, "epochs": RUNGS if halving else "4"}
    _, _, whole = explored(tmp_path / "whole", search_of(**options))
    chance, interruptions = random.Random(0), 0

    def interrupt(trial, epoch):
        if chance.random() < 0.2:
            raise ZeroDivisionError  # no failure of a training: it ends the exploration

    while True:
        try:
            _, _, table = explored(tmp_path / "parts", search_of(**options), 2, interrupt)
        except ZeroDivisionError:
            interruptions += 1
        else:
            break
    assert interruptions >= 3
    assert table == whole


def test_another_seed_proposes_other_points():
    first, same, other = ([point.values for point in search_of(seed=seed).stages[0]] for seed in (1, 1, 2))
    assert first == same != other


def test_what_is_proposed_is_good(tmp_path):
    """The mean over the last fifteen is nearer to the best rate than that over the first eight."""
    search = search_of(points=45)
    explored(tmp_path, search)
    distances = [abs(math.log10(float(point.values["rate"]) / 0.01)) for point in search.plan.points]
    assert sum(distances[-15:]) / 15 < 0.5 * sum(distances[:8]) / 8


def test_no_network_is_proposed_twice_and_a_small_grid_is_exhausted(tmp_path):
    search = search_of(FINITE, points=100, epochs="1")
    executor, outcome, _ = explored(tmp_path, search)
    # 5 pairs of a kernel and a window that fit, 2 rates; Adam with any momentum, SGD with 2.
    assert len({identity for identity, _ in executor.trained}) == 5 * 2 * (1 + 2) == 30
    assert len(executor.trained) == 30
    assert search.proposals.left == 0
    assert search.networks == len(outcome.candidates) == 30
    assert sum(search.plan.infeasible.values()) > 0


def test_numbers_of_a_range_can_be_read_and_lie_between_its_ends():
    search = search_of(points=200)
    rates = [point.values["rate"] for point in search.plan.points]
    assert all(0.0001 <= rate <= 0.1 and len(f"{rate:.10f}".strip("0.")) <= 3 for rate in rates)
    assert min(rates) < 0.002  # by logarithms, half of them are below 0.003
    filters = [point.values["conv"] for point in search.plan.points]
    assert all(isinstance(count, int) and 2 <= count <= 64 for count in filters)


@pytest.mark.parametrize(
    ("number", "ends", "value"),
    [
        (0.0012345, (0.0001, 0.03), 0.00123),
        (0.00010001, (0.000101, 0.03), 0.000101),  # rounding leads out of no range
        (12345.6, (1, 1e5), 12300),
        (5e-7, ("1e-7", "1e-6"), "5e-07"),
        (0.99937261, (0.999, 0.9999), 0.999373),
        (0.0, (-1, 1.5), 0),
        (17, (16, 128), 17),
        (17, ("+8", "064"), 17),
    ],
)
def test_rounding(number, ends, value):
    assert float(proposals.rounded(number, *ends)) == float(value)


def test_halving_trains_the_better_half_of_all_so_far(tmp_path, monkeypatch):
    search = search_of(points=40, halving=True, epochs=RUNGS)
    dropped = []
    monkeypatch.setattr(TrialService, "drop", lambda service, runs, epochs: dropped.extend(runs))
    executor, outcome, _ = explored(tmp_path, search)
    epochs = [epoch for _, epoch in executor.trained]
    counts = [epochs.count(epoch) for epoch in (1, 2, 3, 4)]
    assert counts[0] == 40
    assert 15 <= counts[1] <= 26  # about half: of a later generation more, since it is better
    assert counts[2] == counts[3] < counts[1]
    assert outcome.candidates[0].points[0].epochs == 4
    assert len(dropped) == 40 - counts[3]  # their checkpoints are no longer needed


def test_a_failed_network_counts_as_bad_and_is_not_trained_on(tmp_path):
    def diverge(trial, epoch):
        if float(trial.spec.optimizer.rate) > 0.01:
            raise DivergedError("the loss is not a number")

    search = search_of(points=40, halving=True, epochs=RUNGS)
    _, outcome, table = explored(tmp_path, search, before=diverge)
    assert table.count("the loss is not a number") >= 5
    rates = [float(point.values["rate"]) for point in search.plan.points]
    assert sum(rate > 0.01 for rate in rates[-20:]) < sum(rate > 0.01 for rate in rates[:8]) + 5
    assert outcome.candidates


def test_optuna_is_told_the_answer_of_each_point_though_one_run_answers_several(tmp_path):
    def measure(identity, epoch):
        return replace(epoch_of(identity, epoch), val_accuracy=epoch / 10)

    text = TEMPLATE.replace("conv=2..64", "conv=8").replace("kernel=3,5,27", "kernel=3")
    text = (
        text.replace("pool=2,3", "pool=2").replace("0.0001..0.1", "0.01").replace("mom=0.25,0.5", "mom=0.5")
    )
    search = search_of(text, epochs="1,2,4", points=6)
    explored(tmp_path, search, measured=measure)
    trials = [trial for trial in search.proposals._study.trials if trial.value is not None]
    assert len(trials) == 6
    for trial in trials:
        (step,) = trial.intermediate_values
        assert trial.value == trial.intermediate_values[step] == step / 10


@pytest.mark.parametrize("halving", [*slowly([False]), True])
def test_the_display_knows_what_is_proposed_late_and_what_the_store_knows(halving, tmp_path):
    known = 0
    for points in (10, 14):  # the second time all of the first eight are known
        epochs = RUNGS if halving else "4"
        search = search_of(points=points, halving=halving, epochs=epochs)
        executor = StubWorkers(tmp_path / "checkpoints", measured=measured_by(search))
        with open_store(tmp_path / "trials.sqlite") as store:
            service = TrialService(search.plan, store, tmp_path / "checkpoints", executor)
            service.expect(search.stages[0])
            board = Board(service, Forecast(search, service, 1000, 1e9, executor))
            shown = []

            def show(event, board=board, shown=shown):
                if event is not None:
                    board.note(event)
                shown.append((board.summary(board.forecast.look()), board.running(), board.names))

            start = service._start_trials
            # A trial is drawn as soon as it is started, before any of its events.
            service._start_trials = lambda first, start=start, show=show: (start(first), show(None))
            ask_all(search, service, tmp_path / "scan", show)
        assert (int(re.search(r"(\d+)/\d+ epochs", shown[0][0])[1]) >= 8) == (points == 14)
        assert any("conv" in line for _, lines, _ in shown for line in lines)
        known += len(executor.trained)
        rows = csv.DictReader((tmp_path / "scan" / "results.csv").read_text().splitlines())
        best = max(float(row["val_accuracy"]) for row in rows)
        end, running, _ = shown[-1]
        assert end.endswith(f"{known}/{known} epochs · best {best:.2%}")
        assert running == []


@pytest.mark.parametrize("halving", [*slowly([False]), True])
def test_what_is_known_is_foreseen_before_anything_is_announced(halving, tmp_path):
    options = {"points": 20, "halving": halving, "epochs": RUNGS if halving else "4"}
    _, _, table = explored(tmp_path, search_of(**options))
    search = search_of(**options)
    executor = StubWorkers(tmp_path / "checkpoints", measured=measured_by(search))
    with open_store(tmp_path / "trials.sqlite") as store:
        service = TrialService(search.plan, store, tmp_path / "checkpoints", executor)
        assert search.proposals.foresee(service.readings, service.drop) == []
        assert len({point.identities for point in search.plan.points}) == 20
        service.expect([])
        assert Forecast(search, service, 1000, 1e9, executor).look().seconds_left == 0
        ask_all(search, service, tmp_path / "scan", ignore)
    assert executor.trained == []
    assert (tmp_path / "scan" / "results.csv").read_text() == table


def test_seeds_count_together(tmp_path):
    search = search_of(points=10, seeds=(0, 1))
    _, outcome, _ = explored(tmp_path, search)
    assert len(search.plan.trials) == 20
    assert len(outcome.candidates) == 10


def test_the_forecast_counts_what_is_to_come(tmp_path):
    search = search_of(points=40)
    with open_store(tmp_path / "trials.sqlite") as store:
        executor = StubWorkers(tmp_path / "checkpoints", measured=measured_by(search))
        service = TrialService(search.plan, store, tmp_path / "checkpoints", executor)
        service.expect(search.stages[0])
        forecast = Forecast(search, service, 1000, 1e9, executor)
        assert (forecast.epochs, forecast.trainings, search.networks) == (160, 40, 40)
        before = forecast.look()
        ask_all(search, service, tmp_path / "scan", ignore)
        assert before.epochs_done == 0
        assert (
            before.seconds_left
            > 4 * sum(1 for _ in search.stages[0]) * forecast._cost(search.stages[0][0].identities[0]) / 1e9
        )
        after = forecast.look()
        assert (after.epochs_done, after.seconds_left) == (160, 0)


def test_a_plan_counts_what_is_to_come_though_the_first_networks_are_known(tmp_path):
    class Timed(StubWorkers):
        def map(self, function, arguments):
            return iter([(1.0, 2.0, 0.0)] * len(arguments))  # seconds of a start, and of an epoch

    search = search_of(points=40)
    first = {identity: identity for identity in search.plan.trials}
    left = dict.fromkeys(first, 0)
    seconds = timed(search, first, left, Timed(tmp_path, workers=2))
    assert seconds == 32 / 2 * (1 + 4 * 2)


@pytest.mark.parametrize(
    ("design", "options", "reason"),
    [
        ("grid", {}, "conv=2..64 is a range, with more values than a grid can have: --design tpe chooses"),
        ("one", {}, "conv=2..64 is a range"),
        ("tpe", {"fraction": 0.5}, "--design tpe proposes --points N networks: no --fraction or --reduce"),
        ("tpe", {"reducer": "trees"}, "--design tpe proposes --points N networks: no --fraction or --red"),
        ("tpe", {"points": 0}, "--design tpe proposes from 1 to 10,000 networks, not 0"),
        ("tpe", {"halving": True}, "--halving needs several numbers of epochs"),
        ("tpe", {"halving": True, "epochs": "1..4"}, "--halving needs several numbers of epochs, its rungs"),
    ],
)
def test_choices_that_do_not_go_together(design, options, reason):
    options = dict(options)
    template = parse_template(TEMPLATE.replace("epochs=4", f"epochs={options.pop('epochs', '4')}"))
    usual = {"fraction": 1.0, "reducer": None}
    with pytest.raises(UsageError) as refused:
        check_search(template, make_space(template, {}), design, seeds=1, **{**usual, **options})
    assert str(refused.value).startswith(reason)


def test_without_optuna_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(proposals, "find_spec", lambda name: None)
    template = parse_template(TEMPLATE)
    with pytest.raises(UsageError, match=r"--design tpe needs Optuna, which is not installed: .*tpe"):
        check_search(template, make_space(template, {}), "tpe", 1.0, None, 1)
