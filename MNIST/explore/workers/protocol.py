"""What every executor offers: workers train trials, here or on a cluster, and report what happens.

The numbers of a trial never depend on the executor, its number of workers, or the order of the trials.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from MNIST.errors import MNISTError
from MNIST.explore.plan import Trial
from MNIST.training import EpochResult

TRIES = 3  # after so many dead workers the task itself counts as the cause
MACHINES = 10  # the same for machines that went away, which a task hardly ever causes


@dataclass(frozen=True)
class Task:
    """Work for one worker: from its newest checkpoint, train a trial to `epochs` or until `Stop:` ends it."""

    trial: Trial
    epochs: int


@dataclass(frozen=True)
class EpochDone:
    """A trial has a new epoch, and its checkpoint is already written.

    machine: which one of a cluster has computed it; "" is this one.
    """

    identity: str
    result: EpochResult
    machine: str = ""


@dataclass(frozen=True)
class Waiting:
    """Another exploration is training the trial; ours waits, then continues from that one's checkpoint."""

    identity: str


@dataclass(frozen=True)
class Ended:
    """A trial is over, and its worker is free.

    error: None if it reached its epochs or `Stop:` ended it; a WorkerDied if its worker died first; else
    what the training raised.
    """

    identity: str
    error: BaseException | None = None


Event = EpochDone | Waiting | Ended


class WorkerDied(MNISTError):
    """A worker ended without an answer: killed, or out of memory. The trial itself may be sound."""


class MachineGone(WorkerDied):
    """A worker ended because its machine went away, or cannot be reached any more."""


class Executor(Protocol):
    """Workers that train trials side by side. Each has the dataset before its first trial.

    workers: how many trials can run at once; it falls when machines are lost.
    left_out: a line for each machine that does not train, which says why.
    """

    workers: int
    left_out: list[str]

    def start(self, task: Task) -> None:
        """Begin a task on a free worker.

        The caller makes sure that a worker is free and that the trial is not under way already.
        """
        ...

    def events(self, seconds: float) -> Sequence[Event]:
        """The events since the last call, in order; if there are none, wait at most so long for one."""
        ...

    def stop(self, identity: str) -> None:
        """Kill the worker of a trial that is under way, and put a new one in its place.

        The trial's `Ended` comes with a WorkerDied, as if the worker had died by itself.
        """
        ...

    def map(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """Have the workers compute a function's value for each tuple of arguments; yield them in order.

        function: importable by name on a worker. Call this only while no trial is under way.
        Raises what the function raises, and WorkerDied if TRIES workers die of the same arguments.
        """
        ...

    def close(self) -> None:
        """End all workers at once; unfinished epochs are lost."""
        ...
