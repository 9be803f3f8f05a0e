"""What every tracker does, and what it is told about a run."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from MNIST.training import EpochResult


@dataclass(frozen=True)
class TrackedRun:
    """A run at the moment when its tracking starts.

    text: the model file's text. identity: the run's identity, the same each time the run is repeated.
    settings: all that decides the run's numbers, by name. history: the epochs trained so far. folder: where
    the network will be written.
    """

    name: str
    text: str
    identity: str
    settings: Mapping[str, object]
    history: Sequence[EpochResult]
    folder: Path


@dataclass(frozen=True)
class Confusion:
    """Images counted by (true class, answer), integer (classes, classes), and what the classes are called."""

    counts: np.ndarray
    classes: Sequence[str]


class Tracker(Protocol):
    """Shows one run in one place. When it has started, each epoch of the run's history is there once."""

    def epoch(self, result: EpochResult) -> None:
        """Show one more epoch at once."""
        ...

    def finish(self, record: Mapping[str, object], confusion: Confusion | None) -> None:
        """Show that the run has ended; its network is written.

        record: the content of run.json. confusion: of the validation images; None if there are none.
        """
        ...

    def close(self) -> str:
        """Stop tracking, whether or not the run has finished; return how to see it, "" if there is no way."""
        ...


def numbers_of(result: EpochResult) -> dict[str, float]:
    """An epoch's numbers by their columns in history.csv, without those that were not measured (nan)."""
    return {name: value for name, value in asdict(result).items() if name != "epoch" and value == value}
