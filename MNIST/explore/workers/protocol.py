"""What every executor offers: trials trained by workers, here or on a cluster, and what they report.

The numbers of a trial never depend on the executor, on how many workers it has, or on the order.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from MNIST.errors import MNISTError
from MNIST.explore.plan import Trial
from MNIST.training import EpochResult

TRIES = 3  # of what a worker dies of, before it counts as the fault of what it did


@dataclass(frozen=True)
class Task:
    """Work for one worker: train a trial up to `epochs`, or to its own end, from its newest checkpoint."""

    trial: Trial
    epochs: int


@dataclass(frozen=True)
class EpochDone:
    """A trial has a new epoch, which its checkpoint holds already."""

    identity: str
    result: EpochResult


@dataclass(frozen=True)
class Waiting:
    """Another exploration is training the trial; its worker goes on with what that one leaves."""

    identity: str


@dataclass(frozen=True)
class Ended:
    """A trial is over, and its worker free.

    error: None if it reached its epochs or its own end; a WorkerDied if its worker did not live to see it;
    else what the training raised.
    """

    identity: str
    error: BaseException | None = None


Event = EpochDone | Waiting | Ended


class WorkerDied(MNISTError):
    """A worker ended without an answer: killed, or out of memory. The trial itself may be sound."""


class Executor(Protocol):
    """Workers that train trials side by side, each with the dataset at hand before its first trial.

    workers: how many trials run at once; fewer than at first where machines have gone.
    left_out: machines that do not train, and why, in words.
    """

    workers: int
    left_out: list[str]

    def start(self, task: Task) -> None:
        """Begin a task on a free worker; the caller counts them. Its trial is not under way already."""
        ...

    def events(self, seconds: float) -> Sequence[Event]:
        """What has happened since the last call, in order; waits at most so long for the first event."""
        ...

    def stop(self, identity: str) -> None:
        """Kill the worker of a trial that is under way, and put a new one in its place.

        The trial's `Ended` comes with a WorkerDied, as if the worker had died by itself.
        """
        ...

    def map(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """A function's value for each tuple of arguments, in their order, computed by all workers.

        function: importable by name on a worker. Called while no trial is under way.
        Raises what the function raises, WorkerDied if worker after worker dies of it.
        """
        ...

    def close(self) -> None:
        """End all workers at once; epochs under way are lost."""
        ...
