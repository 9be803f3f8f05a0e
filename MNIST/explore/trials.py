"""The trial service: has workers train what is not known yet, and so answers every point.

The service knows which points come next, so workers run ahead of the questions. No answer depends on the
number of workers or on the order in which they finish. A worker that dies costs only its unfinished epoch.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from MNIST.errors import BusyError
from MNIST.explore.plan import Plan, Point
from MNIST.explore.readings import Reading, Readings
from MNIST.explore.store import TrialStore
from MNIST.explore.workers.protocol import EpochDone, Event, Executor, Task, Waiting, WorkerDied
from MNIST.files import only_one
from MNIST.training import newest_epoch, remove_checkpoints

PULSE = 0.5  # seconds to wait for events before looking at the clock


class TimeIsUp(Exception):
    """The time limit has passed. What is known is kept."""


class TrialService:
    """Answers points; has each trial of the plan trained at most once.

    checkpoints: a folder with one folder for each trial. The last checkpoint stays after the trial is
    finished, so that a grid with more epochs can continue from it; deleting it costs only time.
    patience: a trial without a new epoch for so many seconds counts as hung.
    deadline: on the clock; after it, points that need training are not answered.
    clock: gives the time in seconds; the default is the system's monotonic clock.
    readings: what is known of the plan's trials. asked: the points that were answered.
    running: the trials under way, in the order of their start.
    targets: the epoch up to which each started trial is trained.
    ahead: the trials that points will need, and the epoch up to which they need them.
    """

    def __init__(
        self,
        plan: Plan,
        store: TrialStore,
        checkpoints: Path,
        executor: Executor,
        *,
        patience: float = float("inf"),
        deadline: float = float("inf"),
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.plan = plan
        self.readings = Readings(plan, store)
        self.asked: list[Point] = []
        self.running: dict[str, None] = {}
        # When each of these last gave a sign of life, the longest silence first.
        self._heard: OrderedDict[str, float] = OrderedDict()
        self._checkpoints = checkpoints
        self._executor = executor
        self._patience = patience
        self._deadline = deadline
        self._now = clock or (lambda: time.monotonic())
        self.ahead: dict[str, int] = {}
        # Those in `ahead` that may still have to be started, in order: first the ones whose worker has died,
        # or that need more epochs by now. Unlike a dictionary, these give their first element at once.
        self._again: OrderedDict[str, None] = OrderedDict()
        self._queue: OrderedDict[str, None] = OrderedDict()
        self.targets: dict[str, int] = {}
        self._unwanted: set[str] = set()  # trials under way that were stopped because nobody needs them

    def expect(self, points: Iterable[Point]) -> None:
        """Announce the points to come, in order: their trials, and no others, are trained ahead."""
        self.readings.catch_up()
        self.ahead = {}
        self._again.clear()
        self._queue.clear()
        for point in points:
            self._expect(point)

    def answer(self, point: Point, on_event: Callable[[Event | None], None]) -> Reading:
        """The point's reading. If it is not known yet, wait until its trials are trained.

        on_event: called with each event (with an epoch once it is in the store), and with None now and then
        while nothing happens. Raises TimeIsUp after the deadline.
        """
        self._expect(point)
        while (reading := self.readings.of(point)) is None:
            if self._now() > self._deadline:
                raise TimeIsUp
            self._start_trials(point.identities)
            if not self._take_events(on_event):
                on_event(None)
        self.asked.append(point)
        return reading

    def stop_all(self) -> None:
        """Stop all trials under way; those that have all their epochs may finish clearing up."""
        self.ahead = {}
        self._again.clear()
        self._queue.clear()
        self._end(list(self.running))

    def drop(self, identities: Iterable[str], epochs: int) -> None:
        """Delete the checkpoints of trials that will not go on after so many epochs.

        It keeps checkpoints with more epochs, which another exploration has trained, and those of trials
        that another process is training.
        """
        identities = list(identities)
        self._end(identities)
        for identity in identities:
            folder = self.checkpoint(identity)
            if not 0 < newest_epoch(folder) <= epochs:
                continue
            with (
                suppress(BusyError),
                only_one(folder.with_suffix(".lock"), busy="another exploration trains it"),
            ):
                remove_checkpoints(folder)

    def checkpoint(self, identity: str) -> Path:
        """The folder of a trial's checkpoints."""
        return self._checkpoints / identity

    def _end(self, identities: Sequence[str]) -> None:
        """Stop trials and wait for their end; those that have their epochs are only waited for."""
        for identity in identities:
            self.ahead.pop(identity, None)
            self._queue.pop(identity, None)
            self._again.pop(identity, None)
            if identity in self.running and self.readings.epochs_left(identity, self.targets[identity]):
                self._unwanted.add(identity)
                self._executor.stop(identity)
        while any(identity in self.running for identity in identities):
            self._take_events(lambda event: None)

    def _take_events(self, on_event: Callable[[Event], None]) -> bool:
        """Wait a moment for events and note them; return whether there were any."""
        happened = self._executor.events(PULSE)
        for event in happened:
            self._note(event)
            on_event(event)
        self._stop_hung_trials()  # only now: their news may have waited here for a long time
        return bool(happened)

    def _expect(self, point: Point) -> None:
        for identity in point.identities:
            self.ahead[identity] = max(point.epochs, self.ahead.get(identity, 0))
            self._queue[identity] = None

    def _start_trials(self, first: Iterable[str]) -> None:
        """Give all free workers a trial: first those of the current point, then those of later points.

        A trial leaves the queue when it is looked at, so that no call looks at all of them.
        """
        for identity in first:
            self._start_if_open(identity)
        for queue in (self._again, self._queue):
            while queue and len(self.running) < self._executor.workers:
                self._start_if_open(queue.popitem(last=False)[0])

    def _start_if_open(self, identity: str) -> None:
        """Start a trial if a worker is free, the trial has to be trained, and it is not under way."""
        epochs = self.ahead.get(identity, 0)
        if len(self.running) >= self._executor.workers or not self._is_open(identity, epochs):
            return
        self.readings.read_again(identity)  # another process may have trained it meanwhile
        if self._is_open(identity, epochs):
            trial = self.plan.trials[identity]
            self.readings.begin(trial)
            self._executor.start(Task(trial, epochs))
            self.running[identity] = None
            self._heard[identity] = self._now()
            self.targets[identity] = epochs

    def _is_open(self, identity: str, epochs: int) -> bool:
        """Whether a trial still has to be trained to so many epochs and is not under way."""
        return not self.readings.is_known(identity, epochs) and identity not in self.running

    def _stop_hung_trials(self) -> None:
        now = self._now()
        while self._heard:
            identity, last = next(iter(self._heard.items()))
            if now - last <= self._patience:
                return
            self._executor.stop(identity)
            self._hear(identity)  # do not stop it twice: its Ended event will come

    def _hear(self, identity: str) -> None:
        """Note a sign of life of a trial under way."""
        self._heard[identity] = self._now()
        self._heard.move_to_end(identity)

    def _note(self, event: Event) -> None:
        """Store what happened, before anyone hears of it."""
        if event.identity in self.running:
            self._hear(event.identity)
        if isinstance(event, EpochDone):
            self.readings.keep(event.identity, event.result, event.machine)
        elif isinstance(event, Waiting):
            self.readings.read_again(event.identity)  # the other process stores each epoch as it comes
            if not self.readings.epochs_left(event.identity, self.targets[event.identity]):
                self._unwanted.add(event.identity)
                self._executor.stop(event.identity)
        elif event.identity in self.running:
            del self.running[event.identity], self._heard[event.identity]
            left = self.readings.epochs_left(event.identity, self.targets[event.identity])
            error = event.error or (WorkerDied("it ended without a word") if left else None)
            unwanted = event.identity in self._unwanted and isinstance(error, WorkerDied)
            self._unwanted.discard(event.identity)
            if error is not None and not unwanted:
                self.readings.fail(event.identity, error)
            if not self.readings.is_known(event.identity, self.ahead.get(event.identity, 0)):
                self._again[event.identity] = None
