"""Talos: the order in which it asks, sampling, Ctrl-C, and what it must not need or touch."""

import os
import random

import numpy as np
import pytest
from stub_exploration import GRID, points_of

from MNIST.explore.scan import leave_out, scan, search_space
from MNIST.explore.scan import points_of as talos_points

METRICS = {"loss": 0.5, "val_accuracy": float("nan")}


def asked(space, folder, answer=lambda values: METRICS) -> list[dict]:
    questions = []

    def note(values):
        questions.append(dict(values))
        return answer(values)

    scan(space, note, "test", folder)
    return questions


def test_the_first_key_varies_slowest(tmp_path):
    space = search_space(GRID, 1, seed=0)
    assert talos_points(space) == points_of(GRID)
    assert asked(space, tmp_path / "talos") == points_of(GRID)


def test_values_keep_their_types(tmp_path):
    (values,) = asked(search_space({"a": [1], "b": [0.5], "c": ["Adam"]}, 1, seed=0), tmp_path / "talos")
    assert [type(value) for value in values.values()] == [int, float, str]


def test_a_fraction_is_drawn_by_its_seed():
    first, same, other = (talos_points(search_space(GRID, 0.5, seed)) for seed in (1, 1, 2))
    assert first == same != other
    assert len(first) == 8
    assert all(point in points_of(GRID) for point in first)


def test_points_left_out_are_not_asked(tmp_path):
    space = search_space(GRID, 1, seed=0)
    leave_out(space, lambda values: values["opt"] == "Adam")
    assert [values["opt"] for values in asked(space, tmp_path / "talos")] == ["RMSprop"] * 8


def test_ctrl_c_is_no_normal_return(tmp_path):
    def interrupt(values):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked(search_space(GRID, 1, seed=0), tmp_path / "talos", interrupt)


def test_errors_come_through(tmp_path):
    def fail(values):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        asked(search_space(GRID, 1, seed=0), tmp_path / "talos", fail)


def test_no_git_is_needed(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert len(asked(search_space(GRID, 1, seed=0), tmp_path / "talos")) == 16


@pytest.mark.skipif(os.name == "nt", reason="such names are for systems that allow them")
def test_any_folder_will_do(tmp_path, monkeypatch):
    folder = tmp_path / "a 'b' [x] %d ñ\n★"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert len(asked(search_space(GRID, 1, seed=0), folder / "talos")) == 16


def test_talos_copies_no_source_and_leaves_the_global_seeds_alone(tmp_path):
    random.seed(7)
    np.random.seed(7)
    expected = random.Random(7).random(), np.random.RandomState(7).random()
    asked(search_space(GRID, 1, seed=0), tmp_path / "talos")
    assert (random.random(), np.random.random()) == expected
    assert not list((tmp_path / "talos").rglob("*.py"))
