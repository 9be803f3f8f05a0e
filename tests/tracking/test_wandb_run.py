"""The real Weights & Biases works offline, and its files are read back. A fake plays its server."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from tracked import epoch, run_of
from wandb_files import finished_records, wandb_rows

from MNIST.tracking import Confusion
from MNIST.tracking.wandb_run import run_id, start


class Server(SimpleNamespace):
    """The parts of W&B that a run uses. behind: how many steps its run already has."""

    def __init__(self, behind: int) -> None:
        super().__init__(rows={}, asked={}, config={}, summary={}, codes=[])
        self.starting_step, self.offline, self.url, self.dir = behind, False, "https://wandb.ai/run", "."

    def init(self, **asked):
        self.asked = asked
        return self

    def Settings(self, **settings):
        return settings

    def Table(self, **table):
        return table

    def log(self, row, step, commit):
        assert step not in self.rows
        assert step >= self.starting_step  # W&B would drop any other
        assert commit  # otherwise the last epoch would wait for the next one
        self.rows[step] = row

    def finish(self, exit_code):
        self.codes.append(exit_code)


@pytest.fixture
def server(monkeypatch):
    """A server whose run already has 2 epochs."""
    for name in ("WANDB_PROJECT", "WANDB_NAME", "WANDB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    played = Server(behind=3)  # steps 0 to 2
    monkeypatch.setitem(sys.modules, "wandb", played)
    return played


def test_a_run_that_goes_on_is_told_what_it_lacks(server, tmp_path):
    tracker = start(run_of(tmp_path, 4))
    tracker.epoch(epoch(5))
    assert sorted(server.rows) == [3, 4, 5]
    assert server.rows[4] == {
        **{"epoch": 4, "loss": 0.25, "accuracy": 0.5, "val_loss": 0.25, "val_accuracy": 0.75},
        **{"learning_rate": 0.001 / 4, "seconds": 2.0, "peak_memory": 4096},
    }
    assert server.asked["resume"] == "allow"
    assert (server.asked["project"], server.asked["name"]) == ("mnist", "net")


def test_it_is_failed_unless_it_has_finished(server, tmp_path):
    assert start(run_of(tmp_path, 4)).close() == "https://wandb.ai/run"
    tracker = start(run_of(tmp_path, 2))
    tracker.finish({}, None)
    tracker.close()
    assert server.codes == [1, 0]


def test_where_wandb_is_switched_off_there_is_nothing_to_see(server, tmp_path):
    server.url = None
    assert start(run_of(tmp_path, 4)).close() == ""


def test_wandb_s_own_switches_go_first(server, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_PROJECT", "class")
    monkeypatch.setenv("WANDB_RUN_ID", "mine")
    start(run_of(tmp_path, 0))
    assert (server.asked["project"], server.asked["id"]) == ("class", "mine")


def test_the_id_is_that_of_the_run_and_its_name(tmp_path):
    ids = [run_id(run_of(tmp_path, 0, **changes)) for changes in ({}, {"name": "b"}, {"identity": "cd"})]
    assert len(set(ids)) == 3
    assert run_id(run_of(tmp_path / "elsewhere", 5)) == ids[0]


@pytest.mark.slow
def test_offline_every_epoch_is_in_its_file(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="needs W&B: python -m pip install '.[wandb]'")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    tracker = start(run_of(tmp_path, 2))
    tracker.epoch(epoch(3))
    tracker.finish({"epochs": 3}, Confusion(np.eye(10, dtype=int), list("0123456789")))
    how = tracker.close()
    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    assert how == f"wandb sync {file.parent}"
    rows = wandb_rows(file)
    assert [(row["_step"], row["epoch"]) for row in rows] == [(1, 1), (2, 2), (3, 3)]
    assert [row["loss"] for row in rows] == pytest.approx([1, 1 / 2, 1 / 3], rel=1e-14)
    assert "gradient_norm_mean" not in rows[0]  # nan
    (run,) = (record.run for record in finished_records(file) if record.HasField("run"))
    assert run.run_id == run_id(run_of(tmp_path, 0))
    config = {item.key: item.value_json for item in run.config.update}
    assert config["seed"] == "3"
    assert "script" in config["model"]
    assert list(file.parent.glob("files/media/table/confusion*.json"))
