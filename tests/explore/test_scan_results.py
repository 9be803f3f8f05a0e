"""results.csv and best.txt: exact numbers, the right winner, a model file that says how it came to be."""

import csv
import io
import math
from dataclasses import replace
from math import isnan

import pytest
from stub_exploration import GRID, SETTINGS, StubTraining, epoch_of, ignore, plan_of

from MNIST.errors import DivergedError, UsageError
from MNIST.explore.exploration import explore
from MNIST.explore.results import METRICS, best_text, ranked, read_results, results_csv
from MNIST.explore.scan import search_space
from MNIST.explore.store import open_store
from MNIST.explore.trials import TrialService
from MNIST.spec import parse_spec


def diverge(run, epoch):
    if run.identity == plan_of().points[0].run and epoch == 2:
        raise DivergedError("diverged at epoch 2")


@pytest.fixture
def service(tmp_path):
    with open_store(tmp_path / "trials.sqlite") as store:
        yield TrialService(plan_of(), SETTINGS, store, tmp_path / "checkpoints", StubTraining(diverge))


def answer_all(service) -> None:
    for point in service.plan.points:
        service.answer(point, ignore)


def test_a_row_a_point_exact_and_in_the_order_asked(service):
    answer_all(service)
    rows = list(csv.DictReader(io.StringIO(results_csv(service))))
    assert len(rows) == 16
    for row, point in zip(rows, service.plan.points, strict=True):
        assert {name: str(value) for name, value in point.values.items()}.items() <= row.items()
        if not row["failure"]:
            expected = epoch_of(point.run, point.epochs)
            assert [float(row[name]) for name in METRICS] == [getattr(expected, name) for name in METRICS]
    assert [row["loss"] for row in rows if row["failure"] == "diverged at epoch 2"] == ["", ""]


def test_only_known_points_have_rows(service):
    service.answer(service.plan.points[2], ignore)
    known = service.plan.points[2].run
    shared = [point for point in service.plan.points if point.run == known]
    assert len(results_csv(service).splitlines()) == 1 + len(shared)


def test_the_best_has_most_validation_accuracy_then_least_loss_then_fewest_epochs(service):
    answer_all(service)
    best = ranked(service)
    assert [c.epoch.val_accuracy for c in best] == sorted((c.epoch.val_accuracy for c in best), reverse=True)
    run = best[0].points[0].run
    service.histories[run] = [
        replace(epoch, val_accuracy=1.0, val_loss=0.1) for epoch in service.histories[run]
    ]
    assert ranked(service)[0].epoch.epoch == 1


def test_nan_never_wins(service):
    answer_all(service)
    run = ranked(service)[0].points[0].run
    service.histories[run] = [replace(epoch, val_accuracy=math.nan) for epoch in service.histories[run]]
    assert all(candidate.points[0].run != run for candidate in ranked(service))


def test_a_value_that_does_not_matter_is_none(service):
    answer_all(service)
    for candidate in ranked(service):
        assert (candidate.value("mom") is None) == (candidate.value("opt") == "Adam")


def test_best_txt_is_the_winner_as_a_model_file(service):
    answer_all(service)
    best = ranked(service)[0]
    text = best_text(best, "scan1", service)
    assert parse_spec(text) == best.points[0].spec
    assert text.startswith("# The best of exploration scan1")
    assert "16 grid points" in text


def test_talos_answered_by_the_service_writes_both_files(service, tmp_path):
    grid = {
        name: [*dict.fromkeys(p.values[name] for p in service.plan.points)] for name in ("epochs", "conv")
    }
    grid |= {"kernel": [3, 29], "opt": ["Adam", "RMSprop"], "mom": [0.25, 0.5]}
    explore(search_space(grid, 1, 0), service, tmp_path / "scan1", ignore)
    assert (tmp_path / "scan1" / "results.csv").read_text() == results_csv(service)
    assert parse_spec((tmp_path / "scan1" / "best.txt").read_text()) == ranked(service)[0].points[0].spec


def test_ctrl_c_leaves_valid_results(tmp_path):
    def interrupt(run, epoch):
        if len(training.trained) == 5:
            raise KeyboardInterrupt

    training = StubTraining(interrupt)
    with open_store(tmp_path / "trials.sqlite") as store:
        service = TrialService(plan_of(), SETTINGS, store, tmp_path / "checkpoints", training)
        with pytest.raises(KeyboardInterrupt):
            explore(search_space(GRID, 1, 0), service, tmp_path / "scan1", ignore)
    metrics, _ = read_results(tmp_path / "scan1" / "results.csv")
    assert len(metrics["val_accuracy"]) == 3  # five points: a run of two points, read twice, and one of one


def test_results_of_ours_and_of_talos_are_read(service, tmp_path):
    answer_all(service)
    (tmp_path / "ours.csv").write_text(results_csv(service))
    metrics, parameters = read_results(tmp_path / "ours.csv")
    assert list(metrics) == list(METRICS)
    assert list(parameters) == list(service.plan.points[0].values)
    assert parameters["conv"][0] == 2.0
    assert parameters["opt"][0] == "Adam"
    adam = [mom for mom, opt in zip(parameters["mom"], parameters["opt"], strict=True) if opt == "Adam"]
    assert len(parameters["mom"]) == 6 * 2  # runs, each read at two epochs
    assert len(adam) == 2 * 2  # one for each size, where momentum makes no difference, which is nan
    assert all(isnan(mom) for mom in adam)
    (tmp_path / "talos.csv").write_text(
        "start,end,duration,round_epochs,_warnings,val_acc,acc,lr,act,_trial_id\n1,2,3,4,[],0.5,0.6,0.1,relu,x\n"
    )
    metrics, parameters = read_results(tmp_path / "talos.csv")
    assert metrics == {"val_accuracy": [0.5], "accuracy": [0.6]}
    assert parameters == {"lr": [0.1], "act": ["relu"]}


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b"val_acc\n", b"\0\0"])
def test_what_is_no_results_file_is_said_so(tmp_path, content):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(UsageError, match="results file"):
        read_results(tmp_path / "x.csv")
