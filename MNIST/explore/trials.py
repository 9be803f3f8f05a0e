"""The trial service: answers points from the store, and has workers train what is not known yet.

The service knows which points come next, so workers run ahead of the questions. No answer depends on the
number of workers or on the order in which they finish. A worker that dies costs only its unfinished epoch.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from MNIST.errors import BusyError, DivergedError, StoreError, TrainingError
from MNIST.explore.plan import Plan, Point, Trial, epochs_left
from MNIST.explore.store import TrialStore
from MNIST.explore.workers.protocol import TRIES, EpochDone, Event, Executor, Task, Waiting, WorkerDied
from MNIST.files import only_one
from MNIST.training import EpochResult, is_over, kept_epoch, newest_epoch, remove_checkpoints

PULSE = 0.5  # seconds to wait for events before looking at the clock


class TimeIsUp(Exception):
    """The time limit has passed. What is known is kept."""


@dataclass(frozen=True)
class Reading:
    """The answer to one point: for each seed, the epoch whose weights are kept; or why there is none.

    trained: how many epochs there were: as many as the point asks for, unless its `Stop:` came earlier.
    With several seeds, the largest number. seconds: the training time of these epochs, all seeds together.
    """

    epochs: tuple[EpochResult, ...]
    trained: int
    seconds: float
    failure: str | None = None

    def mean(self, name: str) -> float:
        """The mean over the seeds of one of the epoch's numbers."""
        values = [getattr(epoch, name) for epoch in self.epochs]
        return values[0] if len(values) == 1 else fmean(values)

    def deviation(self, name: str) -> float:
        """The sample standard deviation of that number over the seeds; nan for one seed."""
        values = [getattr(epoch, name) for epoch in self.epochs]
        return stdev(values) if len(values) > 1 else float("nan")


class TrialService:
    """Answers points; has each trial of the plan trained at most once.

    checkpoints: a folder with one folder for each trial. The last checkpoint stays after the trial is
    finished, so that a grid with more epochs can continue from it; deleting it costs only time.
    patience: a trial without a new epoch for so many seconds counts as hung.
    deadline: on the monotonic clock; after it, points that need training are not answered.
    histories, failures: for each trial of the plan, its epochs so far; why it cannot go on, if it cannot.
    running: the trials under way, in the order of their start, with the time of their last sign of life.
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
    ) -> None:
        self.plan = plan
        self.histories = store.histories(plan.trials)
        self.failures = store.failures(plan.trials)
        self.running: dict[str, float] = {}
        self._store = store
        self._checkpoints = checkpoints
        self._executor = executor
        self._patience = patience
        self._deadline = deadline
        self._tries: dict[str, int] = {}
        self.ahead: dict[str, int] = {}
        self._queue: dict[str, None] = {}  # those in `ahead` that may still have to be started, in order
        self.targets: dict[str, int] = {}
        self._unwanted: set[str] = set()  # trials that were stopped because nobody needs them any more

    def expect(self, points: Iterable[Point]) -> None:
        """Announce the points to come, in order: their trials, and no others, are trained ahead."""
        self.ahead, self._queue = {}, {}
        for point in points:
            self._expect(point)

    def answer(self, point: Point, on_event: Callable[[Event | None], None]) -> Reading:
        """The point's reading. If it is not known yet, wait until its trials are trained.

        on_event: called with each event (with an epoch once it is in the store), and with None now and then
        while nothing happens. Raises TimeIsUp after the deadline.
        """
        self._expect(point)
        while (reading := self.reading(point)) is None:
            if time.monotonic() > self._deadline:
                raise TimeIsUp
            self._start_trials(point.identities)
            if not self._take_events(on_event):
                on_event(None)
        return reading

    def reading(self, point: Point) -> Reading | None:
        """The point's reading if it is known already, or None."""
        histories = [self.histories[identity][: point.epochs] for identity in point.identities]
        trained = max(map(len, histories))
        seconds = sum(epoch.seconds for history in histories for epoch in history)
        lacking = [identity for identity in point.identities if self.epochs_left(identity, point.epochs)]
        if not lacking:
            epochs = tuple(kept_epoch(point.spec.stop, history) for history in histories)
            return Reading(epochs, trained, seconds)
        for identity in lacking:
            if identity in self.failures:
                return Reading((), trained, seconds, self.failures[identity])
        return None

    def epochs_left(self, identity: str, epochs: int) -> int:
        """How many epochs a trial still needs to reach `epochs`, at most."""
        return epochs_left(self.plan.trials[identity], self.histories[identity], epochs)

    def is_over(self, identity: str) -> bool:
        """Whether `Stop:` has ended a trial: then it also answers points that ask for more epochs."""
        return is_over(self.plan.trials[identity].spec.stop, self.histories[identity])

    def is_finished(self, trial: Trial) -> bool:
        """Whether nothing of the trial is left to train."""
        return trial.identity in self.failures or not self.epochs_left(trial.identity, trial.horizon)

    def known_epochs(self) -> int:
        """How many of the plan's epochs are known."""
        return sum(
            min(len(self.histories[trial.identity]), trial.horizon) for trial in self.plan.trials.values()
        )

    def stop_all(self) -> None:
        """Stop all trials under way; those that have all their epochs may finish clearing up."""
        self.ahead, self._queue = {}, {}
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
            if identity in self.running and self.epochs_left(identity, self.targets[identity]):
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
        """Give all free workers a trial: first those of the current point, then those of later points."""
        if len(self.running) >= self._executor.workers:
            return
        for identity in (*first, *self._queue):
            if len(self.running) >= self._executor.workers:
                return
            epochs = self.ahead.get(identity, 0)
            if self._is_open(identity, epochs):
                self._read_store(identity)  # another process may have trained it meanwhile
            if self._is_open(identity, epochs):
                trial = self.plan.trials[identity]
                self._store.begin(trial)
                self._executor.start(Task(trial, epochs))
                self.running[identity] = time.monotonic()
                self.targets[identity] = epochs
            elif identity not in self.running:
                self._queue.pop(identity, None)

    def _is_open(self, identity: str, epochs: int) -> bool:
        """Whether a trial still has to be trained to so many epochs and is not under way."""
        known = identity in self.failures or not self.epochs_left(identity, epochs)
        return not known and identity not in self.running

    def _stop_hung_trials(self) -> None:
        now = time.monotonic()
        for identity, last in self.running.items():
            if now - last > self._patience:
                self._executor.stop(identity)
                self.running[identity] = now  # do not stop it twice: its Ended event will come

    def _note(self, event: Event) -> None:
        """Store what happened, before anyone hears of it."""
        if event.identity in self.running:
            self.running[event.identity] = time.monotonic()
        if isinstance(event, EpochDone):
            self._keep(event.identity, event.result)
        elif isinstance(event, Waiting):
            self._read_store(event.identity)  # the other process stores each epoch as it comes
            if not self.epochs_left(event.identity, self.targets[event.identity]):
                self._unwanted.add(event.identity)
                self._executor.stop(event.identity)
        elif self.running.pop(event.identity, None) is not None:
            left = self.epochs_left(event.identity, self.targets[event.identity])
            error = event.error or (WorkerDied("it ended without a word") if left else None)
            unwanted = event.identity in self._unwanted and isinstance(error, WorkerDied)
            self._unwanted.discard(event.identity)
            if error is not None and not unwanted:
                self._note_failure(event.identity, error)

    def _note_failure(self, identity: str, error: BaseException) -> None:
        if isinstance(error, WorkerDied):
            self._tries[identity] = self._tries.get(identity, 0) + 1
            if self._tries[identity] >= TRIES:
                self.failures[identity] = f"its worker died or hung {TRIES} times before the next epoch"
        elif isinstance(error, MemoryError):
            self.failures[identity] = "out of memory"
        elif isinstance(error, TrainingError):
            self.failures[identity] = str(error)
            if isinstance(error, DivergedError):  # it would diverge again; a lack of memory may pass
                self._store.fail(identity, str(error))
        else:
            raise error

    def _read_store(self, identity: str) -> None:
        """Read what another process may have stored meanwhile."""
        history = self._store.history(identity)
        if len(history) > len(self.histories[identity]):
            self.histories[identity] = history
        reason = self._store.failure(identity)
        if reason is not None:
            self.failures[identity] = reason

    def _keep(self, identity: str, epoch: EpochResult) -> None:
        self._store.record(identity, [epoch])
        history = self.histories[identity]
        if epoch.epoch > len(history):
            history.append(epoch)
            self._tries.pop(identity, None)
            return
        known = history[epoch.epoch - 1]  # read again from a checkpoint, or trained again as that was lost
        if epoch.numbers != known.numbers:
            raise StoreError(
                f"epoch {epoch.epoch} of run {identity[:12]} is stored with other numbers than this"
                " machine computes now; move the store away, or explore where it was written"
            )
