"""The trial service: answers grid points from the store, and has workers train what is not known yet.

What will be asked next is known, so workers run ahead of the questions; no answer depends on how many
there are, or on the order in which they finish. A worker that dies costs the epoch under way.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from MNIST.errors import BusyError, DivergedError, StoreError, TrainingError
from MNIST.explore.plan import Plan, Point, Run
from MNIST.explore.store import TrialStore
from MNIST.explore.workers.protocol import Ended, EpochDone, Event, Executor, Trial, WorkerDied
from MNIST.files import only_one
from MNIST.training import EpochResult, remove_checkpoints

TRIES = 3  # of a run whose worker dies, or hangs, before its next epoch
PULSE = 0.5  # seconds between two looks at the clock while nothing happens


class TimeIsUp(Exception):
    """The time that the user gave has passed; what is known is kept."""


@dataclass(frozen=True)
class Reading:
    """The answer to one point: the epoch it asked for, under each seed, or why there is none.

    seconds: of training, from the first epoch to this one, all seeds together.
    """

    epochs: tuple[EpochResult, ...]
    seconds: float
    failure: str | None = None

    def mean(self, name: str) -> float:
        """The mean over the seeds of a number of the epochs."""
        values = [getattr(epoch, name) for epoch in self.epochs]
        return values[0] if len(values) == 1 else fmean(values)

    def deviation(self, name: str) -> float:
        """The standard deviation of the seeds' numbers, as a sample of all seeds; nan for one seed."""
        values = [getattr(epoch, name) for epoch in self.epochs]
        return stdev(values) if len(values) > 1 else float("nan")


class TrialService:
    """Answers points; has each run of the plan trained at most once.

    checkpoints: a folder with a folder a run. The last one stays after the run is finished, so that a
    grid extended by more epochs goes on from there; deleting them costs only time.
    patience: seconds without a new epoch after which a trial counts as hung.
    deadline: on the monotonic clock; after it no question is answered that needs training.
    histories, failures: what is known of each run of the plan: its epochs so far, why it cannot go on.
    running: the runs under way, in the order of their start, with the moment of their last sign of life.
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
        self.histories = {identity: store.history(identity) for identity in plan.runs}
        self.failures = {
            identity: reason for identity in plan.runs if (reason := store.failure(identity)) is not None
        }
        self.running: dict[str, float] = {}
        self._store = store
        self._checkpoints = checkpoints
        self._executor = executor
        self._patience = patience
        self._deadline = deadline
        self._tries: dict[str, int] = {}
        self._ahead: dict[str, int] = {}  # runs that will be asked about, and up to which epoch
        self._targets: dict[str, int] = {}  # up to which epoch the runs under way are trained

    def expect(self, points: Iterable[Point]) -> None:
        """Say which points will be asked, in order: their runs are trained ahead, in place of all others."""
        self._ahead = {}
        for point in points:
            for identity in point.runs:
                self._ahead[identity] = max(point.epochs, self._ahead.get(identity, 0))

    def answer(self, point: Point, on_event: Callable[[Event | None], None]) -> Reading:
        """The point's reading, waiting for its runs to be trained if it is not known yet.

        on_event: called with what happens meanwhile, epochs when they are in the store; with None now and
        then while nothing does. Raises TimeIsUp after the deadline.
        """
        for identity in point.runs:
            self._ahead[identity] = max(point.epochs, self._ahead.get(identity, 0))
        while (reading := self.reading(point)) is None:
            if time.monotonic() > self._deadline:
                raise TimeIsUp
            self._start_trials(point.runs)
            self._stop_hung_trials()
            happened = self._executor.events(PULSE)
            for event in happened:
                self._note(event)
                on_event(event)
            if not happened:
                on_event(None)
        return reading

    def reading(self, point: Point) -> Reading | None:
        """The point's reading if it is known already, or None."""
        histories = [self.histories[identity] for identity in point.runs]
        if all(point.epochs <= len(history) for history in histories):
            seconds = sum(epoch.seconds for history in histories for epoch in history[: point.epochs])
            return Reading(tuple(history[point.epochs - 1] for history in histories), seconds)
        for identity in point.runs:
            if identity in self.failures and len(self.histories[identity]) < point.epochs:
                seconds = sum(epoch.seconds for history in histories for epoch in history)
                return Reading((), seconds, self.failures[identity])
        return None

    def is_finished(self, run: Run) -> bool:
        """Whether nothing of the run is left to train."""
        return run.identity in self.failures or len(self.histories[run.identity]) >= run.horizon

    def known_epochs(self) -> int:
        """How many of the plan's epochs are known."""
        return sum(min(len(self.histories[run.identity]), run.horizon) for run in self.plan.runs.values())

    def stop_all(self) -> None:
        """End all trials under way, but let those that have reached their epochs come to their end."""
        self._ahead = {}
        for identity in self.running:
            if len(self.histories[identity]) < self._targets[identity]:
                self._executor.stop(identity)
        self._wait_for(list(self.running))

    def drop(self, identities: Iterable[str]) -> None:
        """Delete the checkpoints of runs that will not go on, unless another process uses them."""
        identities = list(identities)
        self._wait_for(identities)
        for identity in identities:
            folder = self.checkpoint(identity)
            if not folder.is_dir():
                continue
            try:
                with only_one(folder.with_suffix(".lock"), busy="another exploration trains it"):
                    remove_checkpoints(folder)
            except BusyError:
                pass

    def checkpoint(self, identity: str) -> Path:
        """The folder of a run's checkpoints."""
        return self._checkpoints / identity

    def _wait_for(self, identities: Sequence[str]) -> None:
        """Wait for the end of trials that have been stopped, or have their epochs and are clearing up."""
        while any(identity in self.running for identity in identities):
            for event in self._executor.events(PULSE):
                self._note(event)

    def _start_trials(self, first: Iterable[str]) -> None:
        """Fill all free workers: with what is asked now, then with what will be."""
        for identity in dict.fromkeys((*first, *self._ahead)):
            if len(self.running) >= self._executor.workers:
                return
            epochs = self._ahead.get(identity, 0)
            if self._is_open(identity, epochs):
                self._read_store(identity)  # another process may have trained it meanwhile
            if self._is_open(identity, epochs):
                run = self.plan.runs[identity]
                self._store.begin(run)
                self._executor.start(Trial(run, epochs))
                self.running[identity] = time.monotonic()
                self._targets[identity] = epochs
            elif identity not in self.running:
                self._ahead.pop(identity, None)

    def _is_open(self, identity: str, epochs: int) -> bool:
        """Whether a run has yet to be trained to so many epochs, and is not under way."""
        known = identity in self.failures or len(self.histories[identity]) >= epochs
        return not known and identity not in self.running

    def _stop_hung_trials(self) -> None:
        now = time.monotonic()
        for identity, last in self.running.items():
            if now - last > self._patience:
                self._executor.stop(identity)
                self.running[identity] = now  # its end is on the way

    def _note(self, event: Event) -> None:
        """Store what happened, before anyone hears of it."""
        if event.identity in self.running:
            self.running[event.identity] = time.monotonic()
        if isinstance(event, EpochDone):
            self._keep(event.identity, event.result)
        elif isinstance(event, Ended):
            self.running.pop(event.identity, None)
            early = len(self.histories[event.identity]) < self._targets[event.identity]
            error = event.error or (WorkerDied("it ended early") if early else None)
            if error is not None:
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
            if isinstance(error, DivergedError):  # it would again; too little memory may pass
                self._store.fail(identity, str(error))
        else:
            raise error

    def _read_store(self, identity: str) -> None:
        """Read what another process may have stored since."""
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
        known = history[epoch.epoch - 1]  # from a checkpoint, or its checkpoint was lost and it comes again
        if epoch.numbers != known.numbers:
            raise StoreError(
                f"epoch {epoch.epoch} of run {identity[:12]} is stored with other numbers than this"
                " machine computes now; move the store away, or explore where it was written"
            )
