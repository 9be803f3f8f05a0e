"""The trial service: answers a grid point from the store, or trains the point's run.

Here a run is trained in this process when its first question comes. What comes next is known from
the plan (`plan.runs`, in order), so that workers can run ahead without changing any answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from MNIST.errors import DivergedError, StoreError, TrainingError
from MNIST.explore.plan import Plan, Point, Run
from MNIST.explore.store import TrialStore
from MNIST.files import only_one
from MNIST.training import EpochResult, RunSettings
from MNIST.training.checkpoint import read_checkpoints, remove_checkpoints

Train = Callable[[Run, Path, Callable[[EpochResult], None]], object]
"""Trains a run to its horizon, from the checkpoint folder if there is something in it, and reports
each new epoch once its checkpoint is written. Raises TrainingError if the run cannot go on."""


@dataclass(frozen=True)
class Reading:
    """The answer to one point: the epoch it asked for, or why there is none.

    seconds: of training, from the first epoch to this one.
    """

    epoch: EpochResult | None
    seconds: float
    failure: str | None = None


class TrialService:
    """Answers points; trains each run of the plan at most once, to its horizon.

    checkpoints: a folder with a folder a run. The last one stays after the run is finished, so that a
    grid extended by more epochs goes on from there; deleting them costs only time.
    histories, failures: what is known of each run of the plan: its epochs so far, why it cannot go on.
    """

    def __init__(
        self,
        plan: Plan,
        settings: RunSettings,
        store: TrialStore,
        checkpoints: Path,
        train: Train,
    ) -> None:
        self.plan = plan
        self.settings = settings
        self.histories = {identity: store.history(identity) for identity in plan.runs}
        self.failures = {
            identity: reason for identity in plan.runs if (reason := store.failure(identity)) is not None
        }
        self._store = store
        self._checkpoints = checkpoints
        self._train = train

    def answer(self, point: Point, on_epoch: Callable[[], None]) -> Reading:
        """The point's reading, training its run first if it is not known yet.

        on_epoch: called after each newly trained epoch, when it is in the store.
        """
        reading = self.reading(point)
        if reading is None:
            self._finish(self.plan.runs[point.run], on_epoch)
            reading = self.reading(point)
        assert reading is not None
        return reading

    def reading(self, point: Point) -> Reading | None:
        """The point's reading if it is known already, or None."""
        history = self.histories[point.run]
        if point.epochs <= len(history):
            read = history[: point.epochs]
            return Reading(read[-1], sum(epoch.seconds for epoch in read))
        if point.run in self.failures:
            return Reading(None, sum(epoch.seconds for epoch in history), self.failures[point.run])
        return None

    def is_finished(self, run: Run) -> bool:
        """Whether nothing of the run is left to train."""
        return run.identity in self.failures or len(self.histories[run.identity]) >= run.horizon

    def known_epochs(self) -> int:
        """How many of the plan's epochs are known."""
        return sum(min(len(self.histories[run.identity]), run.horizon) for run in self.plan.runs.values())

    def _finish(self, run: Run, on_epoch: Callable[[], None]) -> None:
        """Train a run to its horizon, unless another process has done so meanwhile."""
        folder = self._checkpoints / run.identity
        with only_one(folder.with_suffix(".lock")):
            self._store.begin(run, self.settings)
            self._recover(run, folder)
            if self.is_finished(run):
                return

            def keep(epoch: EpochResult) -> None:
                self._keep(run, epoch)
                on_epoch()

            try:
                self._train(run, folder, keep)
                remove_checkpoints(folder, keep_newest=True)
            except MemoryError:
                self.failures[run.identity] = "out of memory"
            except TrainingError as error:
                self.failures[run.identity] = str(error)
                if isinstance(error, DivergedError):  # it would again; too little memory may pass
                    self._store.fail(run.identity, str(error))

    def _recover(self, run: Run, folder: Path) -> None:
        """Read what another process stored, and the epochs that a checkpoint has and the store lacks."""
        history = self._store.history(run.identity)
        for checkpoint in read_checkpoints(folder, warn=lambda _: None):
            if checkpoint.identity == run.identity and len(checkpoint.history) > len(history):
                history = checkpoint.history
                self._store.record(run.identity, history)
            break
        self.histories[run.identity] = list(history)
        reason = self._store.failure(run.identity)
        if reason is not None:
            self.failures[run.identity] = reason

    def _keep(self, run: Run, epoch: EpochResult) -> None:
        self._store.record(run.identity, [epoch])
        history = self.histories[run.identity]
        if epoch.epoch > len(history):
            history.append(epoch)
            return
        known = history[epoch.epoch - 1]  # its checkpoint was lost, and known numbers come again
        if replace(epoch, seconds=known.seconds) != known:
            raise StoreError(
                f"epoch {epoch.epoch} of run {run.identity[:12]} is stored with other numbers than this"
                " machine computes now; move the store away, or explore where it was written"
            )
