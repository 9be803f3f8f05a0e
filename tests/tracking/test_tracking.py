"""Several trackers of one run: if one fails, it is reported once, left out, and harms no other."""

import sys
from types import ModuleType

import pytest
from tracked import epoch, run_of

from MNIST.errors import UsageError
from MNIST.tracking import TRACKERS, Tracking, refuse_missing


class Recorder:
    """A tracker that records what it is told, and fails at one call."""

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at, self.told = fails_at, []

    def _hear(self, what: str) -> None:
        self.told.append(what)
        if what == self.fails_at:
            raise ConnectionError("the network is gone\nat length")

    def start(self, run):
        self._hear(f"start after {len(run.history)}")
        return self

    def epoch(self, result):
        self._hear(f"epoch {result.epoch}")

    def finish(self, record, confusion):
        self._hear("finish")

    def close(self):
        self._hear("close")
        return "look here"


@pytest.fixture
def track(monkeypatch, tmp_path):
    """Track a run of three epochs, the first of them before the start; return the warnings and messages."""

    def tracked(**trackers):
        for name, tracker in trackers.items():
            module = ModuleType(name)
            module.start = tracker.start
            monkeypatch.setitem(sys.modules, f"played_{name}", module)
            monkeypatch.setitem(TRACKERS, name, f"played_{name}")
        warned, said = [], []
        with Tracking(list(trackers), run_of(tmp_path, 1), warn=warned.append, say=said.append) as tracking:
            tracking.epoch(epoch(2))
            tracking.epoch(epoch(3))
            tracking.finish({}, None)
        return warned, said

    return tracked


ALL = ["start after 1", "epoch 2", "epoch 3", "finish", "close"]


@pytest.mark.parametrize("place", range(len(ALL)))
def test_one_that_fails_is_told_no_more_and_the_other_everything(place, track):
    failing, other = Recorder(fails_at=ALL[place]), Recorder()
    warned, said = track(failing=failing, other=other)
    assert warned == ["--track failing: the network is gone; the training goes on without it"]
    assert failing.told == ALL[: place + 1]
    assert other.told == ALL
    assert said == ["Tracked; to see it: look here"]


def test_an_interruption_ends_the_tracking_and_goes_on(monkeypatch, track):
    recorder = Recorder()

    def interrupt(result):
        raise KeyboardInterrupt

    recorder.epoch = interrupt
    with pytest.raises(KeyboardInterrupt):
        track(recorder=recorder)
    assert recorder.told == ["start after 1", "close"]


def test_a_library_that_is_missing_is_a_mistake_before_anything_begins(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "no_such_library").mkdir()  # like the folder wandb/ where W&B is not installed
    for name in ("no_such_library", "nor_this"):
        with pytest.raises(UsageError, match=rf'--track {name}: .*python -m pip install "\.\[{name}\]"'):
            refuse_missing([name])
