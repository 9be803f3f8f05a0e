"""results.csv and best.txt: exact numbers, the right winner, a model file that says how it was found."""

import csv
import io
import math
import os
from dataclasses import replace
from math import isnan

import pytest
from stub_exploration import GRID, TEMPLATE, StubWorkers, epoch_of, ignore, plan_of, points_of, service_of
from test_forecast import forecast_of

from MNIST.errors import DivergedError, UsageError
from MNIST.explore import results
from MNIST.explore.loop import ask_all
from MNIST.explore.plan import Plan, make_plan
from MNIST.explore.progress import Board
from MNIST.explore.ranking import METRICS, like_best
from MNIST.explore.ranking import ranked as ranked_points
from MNIST.explore.results import COSTS, best_text, read_results, seeds_text
from MNIST.explore.search import Search
from MNIST.explore.store import open_store
from MNIST.explore.trials import TrialService
from MNIST.explore.workers.protocol import EpochDone
from MNIST.language import lay_out, parse_spec, parse_template


def diverge(trial, epoch):
    if trial.identity == plan_of().points[0].identities[0] and epoch == 2:
        raise DivergedError("diverged at epoch 2")


@pytest.fixture
def service(tmp_path):
    with open_store(tmp_path / "trials.sqlite") as store:
        yield service_of(store, tmp_path, StubWorkers(tmp_path / "checkpoints", before=diverge))


def answer_all(service) -> None:
    for point in service.plan.points:
        service.answer(point, ignore)


def ranked(service):
    return ranked_points(service.readings, service.plan.points)


def results_csv(service):
    return results.results_csv(service.readings, service.plan.points)


def search_of(plan: Plan, **changes) -> Search:
    grid = {**GRID, **changes}
    return Search(plan, grid, [plan.points])


def test_a_row_a_point_exact_and_in_the_order_asked(service):
    answer_all(service)
    rows = list(csv.DictReader(io.StringIO(results_csv(service))))
    assert len(rows) == 16
    for row, point in zip(rows, service.plan.points, strict=True):
        assert {name: str(value) for name, value in point.values.items()}.items() <= row.items()
        if not row["failure"]:
            expected = epoch_of(point.identities[0], point.epochs)
            assert [float(row[name]) for name in METRICS] == [getattr(expected, name) for name in METRICS]
    assert [row["loss"] for row in rows if row["failure"] == "diverged at epoch 2"] == ["", ""]


def test_only_known_points_have_rows(service):
    service.answer(service.plan.points[2], ignore)
    known = service.plan.points[2]
    shared = [p for p in service.plan.points if (p.identities, p.epochs) == (known.identities, known.epochs)]
    assert len(results_csv(service).splitlines()) == 1 + len(shared)


def test_what_a_network_takes_stands_in_its_row(service):
    answer_all(service)
    row = list(csv.DictReader(io.StringIO(results_csv(service))))[-1]
    network = lay_out(service.plan.points[-1].spec)
    assert int(row["parameters"]) == network.parameters
    assert float(row["mflops"]) == network.flops / 1e6
    assert float(row["seconds"]) == 3 * 0.5
    assert float(row["peak_memory_mb"]) == 1.0
    assert (float(row["gradient_norm_mean"]), float(row["gradient_norm_variance"])) == (2.0, 0.5)


def test_a_parameter_may_be_called_as_one_of_our_columns(tmp_path):
    text = TEMPLATE.replace("{conv}", "{seconds}").replace("{mom}", "{acc}")
    text = text.replace("{kernel}", "{param__loss}")
    names = {"conv": "seconds", "mom": "acc", "kernel": "param__loss"}
    grid = {names.get(name, name): values for name, values in GRID.items()}
    with open_store(tmp_path / "s") as store:
        plan = make_plan(points_of(grid), parse_template(text), plan_of().settings)
        service = TrialService(plan, store, tmp_path / "c", StubWorkers(tmp_path / "c"))
        answer_all(service)
        (tmp_path / "x.csv").write_text(results_csv(service))
    metrics, parameters, _ = read_results(tmp_path / "x.csv")
    assert set(parameters["seconds"]) == {2, 4}
    assert metrics["seconds"][0] == 0.5
    assert parameters["param__loss"] == [3.0] * 12
    assert set(parameters) == {"epochs", "seconds", "param__loss", "opt", "acc"}
    assert metrics["accuracy"][0] > 0.5


def test_the_best_has_most_validation_accuracy_then_least_loss_then_fewest_epochs(service):
    answer_all(service)
    best = ranked(service)
    accuracies = [candidate.reading.mean("val_accuracy") for candidate in best]
    assert accuracies == sorted(accuracies, reverse=True)
    identity = best[0].points[0].identities[0]
    service.readings.histories[identity] = [
        replace(epoch, val_accuracy=1.0, val_loss=0.1) for epoch in service.readings.histories[identity]
    ]
    assert ranked(service)[0].reading.epochs[0].epoch == 1


def test_nan_never_wins(service):
    answer_all(service)
    identity = ranked(service)[0].points[0].identities[0]
    service.readings.histories[identity] = [
        replace(epoch, val_accuracy=math.nan) for epoch in service.readings.histories[identity]
    ]
    assert all(identity not in candidate.points[0].identities for candidate in ranked(service))


def test_a_value_that_does_not_matter_is_none(service):
    answer_all(service)
    for candidate in ranked(service):
        assert (candidate.value("mom") is None) == (candidate.value("opt") == "Adam")


def test_best_txt_is_the_winner_as_a_model_file(service):
    answer_all(service)
    best = ranked(service)[0]
    text = best_text([best], "scan1", service.readings)
    assert parse_spec(text) == best.points[0].spec
    assert text.startswith("# The best of exploration scan1")
    assert "16 combinations" in text


def test_talos_answered_by_the_service_writes_both_files(service, tmp_path):
    outcome = ask_all(search_of(service.plan, kernel=[3, 29]), service, tmp_path / "scan1", ignore)
    assert (tmp_path / "scan1" / "results.csv").read_text() == results_csv(service)
    best = ranked(service)[0]
    assert parse_spec((tmp_path / "scan1" / "best.txt").read_text()) == best.points[0].spec
    assert outcome.candidates[0] == best
    assert not outcome.time_is_up


def test_what_diverged_at_a_later_epoch_than_is_asked_for_has_not_failed(tmp_path):
    with open_store(tmp_path / "trials.sqlite") as store:
        longer = service_of(store, tmp_path, StubWorkers(tmp_path / "c", before=diverge))
        found = ask_all(search_of(longer.plan), longer, tmp_path / "scan1", ignore)
        assert list(found.failures.values()) == ["diverged at epoch 2"]
        service = service_of(store, tmp_path, epochs=[1])
        board = Board(service, forecast_of(service, epochs=[1]))
        again = ask_all(search_of(service.plan, epochs=[1]), service, tmp_path / "scan2", ignore)
    assert again.failures == {}
    assert "failed" not in board.summary(board.forecast.look())


def test_ctrl_c_leaves_valid_results(tmp_path):
    epochs = []

    def interrupt(event):
        epochs.extend([event] if isinstance(event, EpochDone) else [])
        if len(epochs) == 5:
            raise KeyboardInterrupt

    with open_store(tmp_path / "trials.sqlite") as store:
        service = service_of(store, tmp_path)
        with pytest.raises(KeyboardInterrupt):
            ask_all(search_of(service.plan), service, tmp_path / "scan1", interrupt)
    metrics, *_ = read_results(tmp_path / "scan1" / "results.csv")
    assert len(metrics["val_accuracy"]) == 3  # one run answers two points, another run one


def test_when_the_time_is_up_what_is_known_is_written(tmp_path):
    with open_store(tmp_path / "trials.sqlite") as store:
        service = service_of(store, tmp_path)
        service.answer(service.plan.points[0], ignore)
        service = TrialService(
            service.plan, store, tmp_path / "c", StubWorkers(tmp_path / "c"), deadline=float("-inf")
        )
        outcome = ask_all(search_of(service.plan), service, tmp_path / "scan1", ignore)
    assert outcome.time_is_up
    assert len(outcome.candidates) == 1


def seeded(tmp_path, accuracies: dict[int, list[float]]) -> TrialService:
    """A service whose runs have one epoch. accuracies: by the number of filters, one for each seed."""
    changes = {"epochs": [1], "opt": ["Adam"], "mom": [0.25], "conv": list(accuracies)}
    with open_store(tmp_path / "s") as store:
        seeds = range(len(next(iter(accuracies.values()))))
        service = service_of(store, tmp_path, seeds=seeds, **changes)
    for point in service.plan.points:
        for identity, accuracy in zip(point.identities, accuracies[point.values["conv"]], strict=True):
            service.readings.histories[identity] = [replace(epoch_of(identity, 1), val_accuracy=accuracy)]
    return service


def test_the_best_mean_wins_and_the_table_says_what_the_seeds_cannot_tell_from_it(tmp_path):
    service = seeded(
        tmp_path,
        {
            2: [0.90, 0.91, 0.92],
            4: [0.95, 0.96, 0.97],  # the best mean
            8: [0.96, 0.95, 0.965],  # better under one seed, worse under others: not distinguishable
            16: [0.92, 0.93, 0.94],  # worse by 0.03 under each seed: distinguishable
        },
    )
    candidates = ranked(service)
    assert [c.value("conv") for c in candidates] == [4, 8, 16, 2]
    assert [c.value("conv") for c in like_best(candidates)] == [4, 8]
    rows = list(csv.DictReader(io.StringIO(results_csv(service))))
    assert [row["like_best"] for row in rows] == ["", "yes", "yes", ""]
    assert float(rows[1]["val_accuracy"]) == pytest.approx(0.96)
    assert float(rows[1]["val_accuracy_deviation"]) == pytest.approx(0.01)
    text = best_text(candidates, "scan1", service.readings)
    assert "96.00% (mean of seeds 0 to 2, standard deviation 1.00%)" in text


def test_differences_that_happen_to_be_equal_are_no_proof(tmp_path):
    """Of 30 validation images, the best gets 22 and 20 right under two seeds."""
    right = {2: [22, 20], 4: [18, 16], 8: [14, 6], 16: [2, 2]}
    candidates = ranked(seeded(tmp_path, {conv: [n / 30 for n in both] for conv, both in right.items()}))
    assert [c.value("conv") for c in like_best(candidates)] == [2, 4, 8]


def test_seeds_that_do_not_follow_one_another_are_each_named():
    assert seeds_text((3, 4, 5)) == "3 to 5"
    assert seeds_text((0, 5, 9)) == "0, 5, 9"


def test_one_seed_tells_nothing_of_others(service):
    answer_all(service)
    assert len(like_best(ranked(service))) == 1
    assert "like_best" not in results_csv(service)


def test_results_of_ours_and_of_talos_are_read(service, tmp_path):
    answer_all(service)
    (tmp_path / "ours.csv").write_text(results_csv(service))
    metrics, parameters, _ = read_results(tmp_path / "ours.csv")
    assert list(metrics) == [*METRICS, *COSTS]
    assert list(parameters) == list(service.plan.points[0].values)
    assert parameters["conv"][0] == 2.0
    assert parameters["opt"][0] == "Adam"
    adam = [mom for mom, opt in zip(parameters["mom"], parameters["opt"], strict=True) if opt == "Adam"]
    assert len(parameters["mom"]) == 6 * 2  # each run gives two readings
    assert len(adam) == 2 * 2  # momentum has no effect under Adam, so it is nan
    assert all(isnan(mom) for mom in adam)
    (tmp_path / "talos.csv").write_text(
        "start,end,duration,round_epochs,_warnings,val_acc,acc,lr,act,_trial_id\n1,2,3,4,[],0.5,0.6,0.1,relu,x\n"
    )
    metrics, parameters, _ = read_results(tmp_path / "talos.csv")
    assert metrics == {"val_accuracy": [0.5], "accuracy": [0.6]}
    assert parameters == {"lr": [0.1], "act": ["relu"]}


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b"val_acc\n", b"\0\0"])
def test_what_is_no_results_file_is_said_so(tmp_path, content):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(UsageError, match="results file"):
        read_results(tmp_path / "x.csv")


def test_a_spreadsheet_may_have_saved_the_table(public_cases):
    original, saved = (read_results(public_cases / f"30_{name}_results.csv") for name in ("good", "bom"))
    assert repr(saved) == repr(original)  # nan is not equal to itself
    assert saved.runs is not None


def test_talos_own_tables_may_have_further_metrics_and_a_name_twice(public_cases):
    metrics, parameters, runs = read_results(public_cases / "31_talos_old.csv")
    assert list(metrics) == ["val_loss", "val_accuracy", "loss", "accuracy"]
    names = ["lr", "first_neuron", "batch_size", "optimizer", "activation", "lr (2)"]
    assert list(parameters) == names
    assert (parameters["lr"][0], parameters["lr (2)"][0]) == (0.0005, 0.001)
    assert runs is None


def test_a_table_that_somebody_holds_open_is_written_later(service, tmp_path, monkeypatch):
    answer_all(service)
    file = results.ResultsFile(tmp_path / "results.csv", service.readings, service.plan.points)
    monkeypatch.setattr(results, "INTERVAL", 0)
    monkeypatch.setattr(results, "PART", 0)

    def refuse(*arguments, **named):
        raise PermissionError(13, "the file is in use")

    with monkeypatch.context() as held:
        held.setattr(results, "write_atomically", refuse)
        file.write_if_due()
    file.write_if_due()
    assert (tmp_path / "results.csv").read_text() == results_csv(service)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_pipe_is_no_results_file(tmp_path):
    os.mkfifo(tmp_path / "results.csv")
    with pytest.raises(UsageError, match="not a file"):
        read_results(tmp_path / "results.csv")
    assert not results.is_of_another(tmp_path / "results.csv", plan_of())
