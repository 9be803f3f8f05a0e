"""What every tracker offers, and what it is told of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from MNIST.training import EpochResult


@dataclass(frozen=True)
class TrackedRun:
    """A run when its tracking starts.

    text: the model file; identity: of the run, the same whenever it is repeated; settings: what decides its
    numbers, by name; history: the epochs that it has behind it; folder: where its network goes.
    """

    name: str
    text: str
    identity: str
    settings: Mapping[str, object]
    history: Sequence[EpochResult]
    folder: Path


class Tracker(Protocol):
    """One run in one place. When it has started, the run's history is there, each epoch once."""

    def epoch(self, result: EpochResult) -> None:
        """Put one more epoch there, at once."""
        ...

    def finish(self, record: Mapping[str, object], confusion: np.ndarray | None) -> None:
        """The run has ended and its network is written.

        record: run.json's content; confusion: of the validation images, counts (true class, answer), if
        there are any.
        """
        ...

    def close(self) -> str:
        """Let go of it, finished or not; return, in a few words, how to look at it, if one can."""
        ...


def numbers_of(result: EpochResult) -> dict[str, float]:
    """An epoch's numbers by the names of history.csv's columns; those that were not measured are left out."""
    return {name: value for name, value in asdict(result).items() if name != "epoch" and value == value}
