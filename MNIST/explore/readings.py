"""What is known of a plan's trials, and the reading of each point that follows from it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import fmean, stdev

from MNIST.errors import DivergedError, StoreError, TrainingError
from MNIST.explore.plan import Plan, Point, Trial, epochs_left
from MNIST.explore.store import TrialStore
from MNIST.explore.workers.protocol import MACHINES, TRIES, MachineGone, WorkerDied
from MNIST.training import EpochResult, is_over, kept_epoch
from MNIST.words import counted


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


class Readings:
    """The readings of a plan's points: from the store, and from the epochs that workers tell of.

    histories, failures: for each trial of the plan, its epochs so far; why it cannot go on, if it cannot. An
    earlier exploration may have trained it for longer, so that only `failed` tells what fails here.
    """

    def __init__(self, plan: Plan, store: TrialStore) -> None:
        self.plan = plan
        self.histories = store.histories(plan.trials)
        self.failures = store.failures(plan.trials)
        self._store = store
        self._machines: dict[tuple[str, int], str] = {}  # which machine of a cluster computed an epoch
        self._tries: dict[str, Counter[type]] = {}  # of workers and machines, since the last epoch

    def catch_up(self) -> None:
        """Read what the store knows of trials that were added to the plan since."""
        new = [identity for identity in self.plan.trials if identity not in self.histories]
        self.histories |= self._store.histories(new)
        self.failures |= self._store.failures(new)

    def of(self, point: Point) -> Reading | None:
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

    def failed(self, points: Iterable[Point]) -> dict[str, str]:
        """Why trials failed, by identity: those that lack epochs for which these points ask."""
        return {
            identity: self.failures[identity]
            for point in points
            for identity in point.identities
            if identity in self.failures and self.epochs_left(identity, point.epochs)
        }

    def epochs_left(self, identity: str, epochs: int) -> int:
        """How many epochs a trial still needs to reach `epochs`, at most."""
        return epochs_left(self.plan.trials[identity], self.histories[identity], epochs)

    def is_known(self, identity: str, epochs: int) -> bool:
        """Whether a trial has so many epochs, or will never have them."""
        return identity in self.failures or not self.epochs_left(identity, epochs)

    def is_over(self, identity: str) -> bool:
        """Whether `Stop:` has ended a trial: then it also answers points that ask for more epochs."""
        return is_over(self.plan.trials[identity].spec.stop, self.histories[identity])

    def is_finished(self, trial: Trial) -> bool:
        """Whether nothing of the trial is left to train."""
        return self.is_known(trial.identity, trial.horizon)

    def known_epochs(self) -> int:
        """How many of the plan's epochs are known."""
        return sum(
            min(len(self.histories[trial.identity]), trial.horizon) for trial in self.plan.trials.values()
        )

    def begin(self, trial: Trial) -> None:
        """Note in the store that a trial is about to be trained."""
        self._store.begin(trial)

    def read_again(self, identity: str) -> None:
        """Read what another process may have stored meanwhile."""
        history = self._store.history(identity)
        if len(history) > len(self.histories[identity]):
            self.histories[identity] = history
        reason = self._store.failure(identity)
        if reason is not None:
            self.failures[identity] = reason

    def keep(self, identity: str, epoch: EpochResult, machine: str = "") -> None:
        """Store an epoch of a trial.

        machine: which one of a cluster has computed it. Raises StoreError if the epoch is known with other
        numbers, or if it is not the next one.
        """
        history = self.histories[identity]
        if epoch.epoch > len(history) + 1:
            raise StoreError(
                f"{machine or 'a worker'} sends epoch {epoch.epoch} of run {identity[:12]}, of which"
                f" {counted(len(history), 'epoch')} {'is' if len(history) == 1 else 'are'} known"
            )
        self._store.record(identity, [epoch])
        if epoch.epoch > len(history):
            history.append(epoch)
            if machine:
                self._machines[identity, epoch.epoch] = machine
            self._tries.pop(identity, None)
            return
        self.compare(identity, epoch, machine)

    def compare(self, identity: str, epoch: EpochResult, machine: str = "") -> None:
        """Raise StoreError if a known epoch comes with other numbers than before.

        It may be read again from a checkpoint, or trained again as that was lost.
        """
        if epoch.numbers == self.histories[identity][epoch.epoch - 1].numbers:
            return
        before, what = (
            self._machines.get((identity, epoch.epoch)),
            f"epoch {epoch.epoch} of run {identity[:12]}",
        )
        if before and machine and before != machine:
            raise StoreError(
                f"{before} and {machine} computed other numbers for {what}: leave one of the two out of the"
                " cluster, and move the store away, since nobody can tell which of its epochs are right"
            )
        raise StoreError(
            f"{what} is stored with other numbers than {machine or 'this machine'} computes now; move the"
            " store away, or explore where it was written"
        )

    def fail(self, identity: str, error: BaseException) -> None:
        """Note why a trial ended before its epochs. Raises the error itself if it is no failure of training.

        A worker that died is tried again, up to TRIES times without a new epoch. A machine that has gone says
        nothing about its trials, unless they see many go.
        """
        if isinstance(error, WorkerDied):
            tries = self._tries.setdefault(identity, Counter())
            tries[type(error)] += 1
            if tries[WorkerDied] >= TRIES:
                self.failures[identity] = f"its worker died or hung {TRIES} times before the next epoch"
            elif tries[MachineGone] >= MACHINES:
                self.failures[identity] = f"its machine went away {MACHINES} times before the next epoch"
        elif isinstance(error, MemoryError):
            self.failures[identity] = "out of memory"
        elif isinstance(error, TrainingError):
            self.failures[identity] = str(error)
            if isinstance(error, DivergedError):  # it would diverge again; a lack of memory may pass
                self._store.fail(identity, str(error))
        else:
            raise error
