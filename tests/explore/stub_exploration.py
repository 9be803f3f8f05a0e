"""A small exploration without Keras: its training answers at once, with numbers made of the identity."""

from collections.abc import Callable
from pathlib import Path

from MNIST.explore.plan import Plan, Run, Values, make_plan
from MNIST.spec import parse_template
from MNIST.training import EpochResult, RunSettings

TEMPLATE = """
Layers:
Conv,{conv},{kernel},{kernel},relu
Flatten
Dense,10,softmax
Optimizer:
{opt},0.001,momentum={mom}
epochs={epochs}
batch=10
"""
SETTINGS = RunSettings("d" * 64, None, 0.9, 0, "stub", "device", "float32", 1)
GRID = {"epochs": [1, 3], "conv": [2, 4], "kernel": [3], "opt": ["Adam", "RMSprop"], "mom": [0.25, 0.5]}


def points_of(grid: dict[str, list]) -> list[Values]:
    """All points of a grid, the last key varying fastest."""
    points: list[dict] = [{}]
    for name, values in grid.items():
        points = [{**point, name: value} for point in points for value in values]
    return points


def plan_of(**changes: list) -> Plan:
    """The plan of GRID, with some of its lists changed: 16 points, 6 runs of 3 epochs."""
    return make_plan(points_of({**GRID, **changes}), parse_template(TEMPLATE), SETTINGS)


def epoch_of(identity: str, epoch: int) -> EpochResult:
    """What the stub measures: better with each epoch, different for each run."""
    accuracy = 1 - (1 + int(identity[:4], 16) / 65536) / (10 * epoch)
    return EpochResult(epoch, 1 / epoch, accuracy, 1.1 / epoch, accuracy - 0.01, 0.001, 0.5)


class StubTraining:
    """Trains by counting; its checkpoint is the count. before: called with each epoch that begins."""

    def __init__(self, before: Callable[[Run, int], None] = lambda run, epoch: None) -> None:
        self.trained: list[tuple[str, int]] = []
        self.before = before

    def __call__(self, run: Run, checkpoint: Path, on_epoch: Callable[[EpochResult], None]) -> None:
        count = checkpoint / "count"
        done = int(count.read_text()) if count.exists() else 0
        for epoch in range(done + 1, run.horizon + 1):
            self.before(run, epoch)
            self.trained.append((run.identity, epoch))
            checkpoint.mkdir(parents=True, exist_ok=True)
            count.write_text(str(epoch))
            on_epoch(epoch_of(run.identity, epoch))


def ignore() -> None:
    """An `on_epoch` that does nothing."""
