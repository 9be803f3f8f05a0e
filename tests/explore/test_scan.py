"""Talos: the order of its questions, sampling, Ctrl-C, and what it must not need or touch."""

import inspect
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from examples import slowly
from stub_exploration import GRID, points_of
from talos.scan.Scan import Scan

from MNIST.explore.scan import BLOCK, INTERVAL, REDUCERS, grid_points, scan

METRICS = {"loss": 0.5, "val_accuracy": float("nan")}
LONG = {"epochs": [1], "a": list(range(26)), "b": list(range(10))}  # 260 points, more than a block


def asked(stages, folder, answer=lambda values: METRICS, domains=GRID, **options) -> list[dict]:
    questions = []

    def note(values):
        questions.append(dict(values))
        return answer(values)

    scan(stages, domains, note, "test", folder, **options)
    return questions


def test_the_first_key_varies_slowest(tmp_path):
    points = grid_points(GRID)
    assert points == points_of(GRID)
    assert asked([points], tmp_path / "talos") == points


def test_values_keep_their_types(tmp_path):
    domains = {"a": [1], "b": [0.5], "c": ["Adam"]}
    (values,) = asked([grid_points(domains)], tmp_path / "talos", domains=domains)
    assert [type(value) for value in values.values()] == [int, float, str]


def test_a_fraction_is_drawn_by_its_seed():
    first, same, other = (grid_points(GRID, 0.5, seed) for seed in (1, 1, 2))
    assert first == same != other
    assert len(first) == 8
    assert all(point in points_of(GRID) for point in first)


def test_a_long_scan_is_asked_in_blocks_and_in_order(tmp_path):
    points = grid_points(LONG)
    assert asked([points], tmp_path / "talos", domains=LONG) == points
    assert len(list((tmp_path / "talos").iterdir())) == -(-len(points) // BLOCK) == 2


def test_talos_does_not_import_what_a_scan_does_not_use(tmp_path):
    """scikit-learn and scipy.stats take as long to import as all else that a small scan needs."""
    program = f"""
import sys
from pathlib import Path
from MNIST.explore.scan import grid_points, scan
metrics = {{"loss": 0.5, "val_accuracy": 0.9}}
scan([grid_points({GRID!r})], {GRID!r}, lambda values: metrics, "test", Path({str(tmp_path / "talos")!r}))
print(*{{"sklearn", "scipy.stats"}}.intersection(sys.modules))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stdout.strip()) == (0, ""), result.stderr


def test_what_is_pending_is_told_stage_by_stage(tmp_path):
    stages = [[p for p in points_of(GRID) if p["epochs"] == epochs] for epochs in (1, 3)]
    pending = []
    asked(stages, tmp_path / "talos", on_pending=lambda points: pending.append(list(points)))
    assert pending == stages


def test_after_a_stage_points_of_later_ones_are_dropped(tmp_path):
    stages = [[p for p in points_of(GRID) if p["epochs"] == epochs] for epochs in (1, 3)]
    calls = []

    def keep_after_stage():
        calls.append(None)
        return (lambda values: values["opt"] == "Adam") if len(calls) == 1 else None

    found = asked(stages, tmp_path / "talos", keep_after_stage=keep_after_stage)
    assert found == stages[0] + [p for p in stages[1] if p["opt"] == "Adam"]
    assert len(calls) == 2  # after the last stage there is nothing to drop


def test_a_stage_may_follow_from_the_answers_before(tmp_path):
    answers = []

    def stages():
        yield [{"a": 1, "b": 0.5}]
        yield [{"a": 2, "b": 0.3 + answers[-1]}]

    def answer(values):
        answers.append(values["b"] / 2)
        return METRICS

    found = asked(stages(), tmp_path / "talos", answer, domains={"a": [1, 2], "b": [0.1, 1]})
    assert found == [{"a": 1, "b": 0.5}, {"a": 2, "b": 0.55}]  # between the ends of a range


@pytest.mark.parametrize("reducer", [REDUCERS[0], *slowly(REDUCERS[1:])])
def test_talos_reducers_drop_what_does_badly_from_all_later_blocks(reducer, tmp_path):
    points = random.Random(0).sample(grid_points(LONG), 260)
    pending = []
    found = asked(
        [points],
        tmp_path / "talos",
        lambda values: {"loss": 0.5, "val_accuracy": 0.9 - 0.8 * (values["b"] == 7) + 1e-4 * values["a"]},
        LONG,
        reducer=reducer,
        on_pending=lambda points: pending.append(list(points)),
    )
    assert len(found) < 260
    assert len(pending) > 1
    assert all(point in points for point in found)
    dropped = [point for point in points if point not in found]
    assert min(map(points.index, dropped)) >= INTERVAL
    tables = sorted((tmp_path / "talos").rglob("results.csv"))
    *before, _ = [len(table.read_text().splitlines()) - 1 for table in tables]
    assert before
    assert all(
        count % INTERVAL == 0 for count in before
    )  # the next block has all rows that a reduction needs


def test_reductions_look_at_no_more_rows_than_there_are_between_two_of_them():
    assert BLOCK % INTERVAL == 0
    window = inspect.signature(Scan.__init__).parameters["reduction_window"].default
    assert window <= INTERVAL


def test_ctrl_c_is_no_normal_return(tmp_path):
    def interrupt(values):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked([points_of(GRID)], tmp_path / "talos", interrupt)


def test_errors_come_through(tmp_path):
    def fail(values):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        asked([points_of(GRID)], tmp_path / "talos", fail)


def test_no_git_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert len(asked([points_of(GRID)], tmp_path / "talos")) == 16


@pytest.mark.skipif(os.name == "nt", reason="such names are for systems that allow them")
def test_any_folder_will_do(tmp_path, monkeypatch):
    folder = tmp_path / "a 'b' [x] %d ñ\n★"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert len(asked([points_of(GRID)], folder / "talos")) == 16


def test_talos_copies_no_source_and_leaves_the_global_seeds_alone(tmp_path):
    random.seed(7)
    np.random.seed(7)
    expected = random.Random(7).random(), np.random.RandomState(7).random()
    asked([points_of(GRID)], tmp_path / "talos")
    assert (random.random(), np.random.random()) == expected
    assert not list((tmp_path / "talos").rglob("*.py"))
