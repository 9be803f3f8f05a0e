"""Several trackers of one run. If one fails, a line says so, and training goes on without it."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

from MNIST.errors import UsageError
from MNIST.program import install_command
from MNIST.tracking.tracker import Confusion, TrackedRun, Tracker
from MNIST.training import EpochResult

TRACKERS = {"tensorboard": "MNIST.tracking.event_files", "wandb": "MNIST.tracking.wandb_run"}
"""The name of each tracker's library, and the module whose `start(run)` returns the tracker."""


class Tracking:
    """A context that tells all trackers of a run what happens in it. Without names it does nothing.

    warn: called once for each tracker that fails. say: called at the end, for each other tracker, with a line
    that says how to look at the run.
    """

    def __init__(
        self,
        names: Sequence[str],
        run: TrackedRun,
        *,
        warn: Callable[[str], None],
        say: Callable[[str], None],
    ) -> None:
        self._warn, self._say = warn, say
        self._trackers: dict[str, Tracker] = {}
        for name in names:
            self._guarded(name, lambda name=name: self._start(name, run))  # type: ignore[misc]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._all(self._close)

    def __bool__(self) -> bool:
        """Whether at least one tracker has not failed."""
        return bool(self._trackers)

    def epoch(self, result: EpochResult) -> None:
        """Tell all trackers about one more epoch."""
        self._all(lambda tracker: tracker.epoch(result))

    def finish(self, record: Mapping[str, object], confusion: Confusion | None) -> None:
        """Tell all trackers that the run has ended."""
        self._all(lambda tracker: tracker.finish(record, confusion))

    def _start(self, name: str, run: TrackedRun) -> None:
        self._trackers[name] = importlib.import_module(TRACKERS[name]).start(run)

    def _close(self, tracker: Tracker) -> None:
        how = tracker.close()
        if how:
            self._say(f"Tracked; to see it: {how}")

    def _all(self, tell: Callable[[Tracker], None]) -> None:
        for name, tracker in list(self._trackers.items()):
            self._guarded(name, lambda tracker=tracker: tell(tracker))  # type: ignore[misc]

    def _guarded(self, name: str, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - no tracker's error may stop the training
            self._trackers.pop(name, None)
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            self._warn(f"--track {name}: {reason[:300]}; the training goes on without it")


def refuse_missing(names: Sequence[str]) -> None:
    """Raise UsageError, with what to do, if the library of a tracker is not installed."""
    for name in names:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:  # no origin: it is a folder, like the wandb/ of runs
            raise UsageError(f"--track {name}: it is not installed: {install_command(name)}")
