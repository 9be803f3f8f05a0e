"""A small exploration without Keras: its training takes no time, and its numbers follow from the identity."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from MNIST.explore.plan import Plan, Trial, Values, epochs_left, make_plan
from MNIST.explore.readings import Reading
from MNIST.explore.store import TrialStore
from MNIST.explore.trials import TrialService
from MNIST.explore.workers.protocol import Ended, EpochDone, Event, Task, WorkerDied
from MNIST.language import parse_template
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
SETTINGS = RunSettings("d" * 64, None, 0.9, 0, "keras (a stub)", "device", "float32", 1)
GRID = {"epochs": [1, 3], "conv": [2, 4], "kernel": [3], "opt": ["Adam", "RMSprop"], "mom": [0.25, 0.5]}


def points_of(grid: dict[str, list]) -> list[Values]:
    """All points of a grid; the last key varies fastest."""
    points: list[dict] = [{}]
    for name, values in grid.items():
        points = [{**point, name: value} for point in points for value in values]
    return points


def plan_of(seeds: Sequence[int] | None = None, stop: str = "", **changes: list) -> Plan:
    """The plan of GRID, with some of its lists changed: 16 points, 6 trials of 3 epochs.

    stop: the lines of the section `Stop:`; without them there is no such section.
    """
    template = parse_template(f"{TEMPLATE}Stop:\n{stop}" if stop else TEMPLATE)
    return make_plan(points_of({**GRID, **changes}), template, SETTINGS, seeds)


def epoch_of(identity: str, epoch: int) -> EpochResult:
    """The result of an epoch of the stub: better with each epoch, different for each trial."""
    accuracy = 1 - (1 + int(identity[:4], 16) / 65536) / (10 * epoch)
    return EpochResult(
        epoch,
        loss=1 / epoch,
        accuracy=accuracy,
        val_loss=1.1 / epoch,
        val_accuracy=accuracy - 0.01,
        learning_rate=0.001,
        gradient_norm_mean=2.0,
        gradient_norm_variance=0.5,
        seconds=0.5,
        peak_memory=1_000_000,
    )


class StubWorkers:
    """An executor that trains by counting; its checkpoint is the count.

    workers: how many trials run at once; each call of `events` trains one epoch of each of them.
    before: called before each epoch; what it raises counts as raised by the training, and a WorkerDied
    means that the worker died. shuffled: whether the trials take turns in a different order each time.
    late: whether a trial's end is reported one call after its last epoch, as if the worker was clearing up.
    measured: gives the result of an epoch of a trial, in place of `epoch_of`.
    """

    def __init__(
        self,
        checkpoints: Path,
        workers: int = 1,
        before: Callable[[Trial, int], None] = lambda trial, epoch: None,
        shuffled: bool = False,
        late: bool = False,
        measured: Callable[[str, int], EpochResult] = epoch_of,
    ) -> None:
        self.workers = workers
        self.left_out: list[str] = []
        self.trained: list[tuple[str, int]] = []
        self.started: list[str] = []
        self.most_at_once = 0
        self._checkpoints, self._before = checkpoints, before
        self._under_way: dict[str, Task] = {}
        self._new: set[str] = set()
        self._ended: list[Event] = []
        self._late = late
        self._measured = measured
        self._chance = random.Random(0) if shuffled else None

    def start(self, task: Task) -> None:
        assert task.trial.identity not in self._under_way
        self._under_way[task.trial.identity] = task
        self._new.add(task.trial.identity)
        self.started.append(task.trial.identity)
        self.most_at_once = max(self.most_at_once, len(self._under_way))
        assert self.most_at_once <= self.workers

    def events(self, seconds: float) -> Sequence[Event]:
        order = list(self._under_way)
        if self._chance:
            self._chance.shuffle(order)
        events = [event for identity in order for event in self._step(identity)]
        events, self._ended = [*self._ended, *events], []
        return events

    def stop(self, identity: str) -> None:
        if self._under_way.pop(identity, None):
            self._ended.append(Ended(identity, WorkerDied("stopped")))

    def map(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        return iter([function(*words) for words in arguments])

    def close(self) -> None:
        self._under_way = {}

    def _step(self, identity: str) -> list[Event]:
        task = self._under_way[identity]
        count = self._checkpoints / identity / "count"
        done = int(count.read_text()) if count.exists() else 0
        events: list[Event] = []
        if identity in self._new:  # first report the epochs in its checkpoint
            self._new.remove(identity)
            events = [EpochDone(identity, self._measured(identity, epoch)) for epoch in range(1, done + 1)]
        if self._left(task, done):
            try:
                self._before(task.trial, done + 1)
            except Exception as error:  # noqa: BLE001 - whatever a test lets it raise
                del self._under_way[identity]
                return [*events, Ended(identity, error)]
            done += 1
            self.trained.append((identity, done))
            count.parent.mkdir(parents=True, exist_ok=True)
            count.write_text(str(done))
            events.append(EpochDone(identity, self._measured(identity, done)))
        if not self._left(task, done) and not (self._late and len(events) > 0):
            del self._under_way[identity]
            events.append(Ended(identity))
        return events

    def _left(self, task: Task, done: int) -> int:
        history = [self._measured(task.trial.identity, epoch) for epoch in range(1, done + 1)]
        return epochs_left(task.trial, history, task.epochs)


def service_of(
    store: TrialStore, folder: Path, workers: StubWorkers | None = None, **changes: Any
) -> TrialService:
    """A trial service for GRID with some changes; its checkpoints are in `folder`."""
    executor = workers or StubWorkers(folder / "checkpoints")
    return TrialService(plan_of(**changes), store, folder / "checkpoints", executor)


def answers(service: TrialService) -> list[Reading]:
    """The service's reading of every point of its plan; it is told first that it will need all of them."""
    service.expect(service.plan.points)
    return [service.answer(point, ignore) for point in service.plan.points]


def ignore(event: object = None) -> None:
    """An `on_event` that does nothing."""
