"""Checkpoints: all that the next epoch depends on, in one file an epoch, the two newest kept.

A file is NumPy's .npz, never pickle; ZIP's checksums tell a damaged one. The run's identity and its
history travel in the same file as the state, so that they cannot disagree.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from MNIST.files import remove_stale, write_atomically

KEPT = 2
_NOTE = "checkpoint.json"
_DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class EpochResult:
    """What one epoch measured.

    epoch counts from 1; losses are mean cross-entropies in nats, accuracies proportions; the
    validation figures are nan when no image is held out; learning_rate is that of the epoch's last
    step; seconds are those of training, without validation.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Checkpoint:
    """A run after its last whole epoch: whose it is, what it measured, the engine's state."""

    identity: str
    settings: dict[str, object]
    history: list[EpochResult]
    state: dict[str, np.ndarray]


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write the newest checkpoint, then remove all but the newest two.

    Raises OSError if it cannot be written; the earlier ones are then intact.
    """
    note = {
        "identity": checkpoint.identity,
        "settings": checkpoint.settings,
        "history": [asdict(result) for result in checkpoint.history],
    }
    arrays = {_NOTE: np.frombuffer(json.dumps(note).encode(), np.uint8), **checkpoint.state}
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **{name.replace("/", "|"): array for name, array in arrays.items()})
    path = folder / f"epoch_{len(checkpoint.history):05}.npz"
    remove_stale(path)
    write_atomically(path, stream.getvalue())
    for old in _newest_first(folder)[KEPT:]:
        old.unlink(missing_ok=True)


def load_checkpoint(folder: Path, warn: Callable[[str], None]) -> Checkpoint | None:
    """Read the newest checkpoint that is whole, or None if there is none.

    A damaged one is passed over with a warning, and removed: the one before it takes its place.
    """
    for path in _newest_first(folder):
        try:
            return _read(path)
        except _DAMAGED as error:
            warn(f"{path}: this checkpoint is damaged ({error}); going back to the one before it")
            path.unlink(missing_ok=True)
    return None


def remove_checkpoints(folder: Path) -> None:
    """Remove a run's checkpoints, and their folder if nothing else lies in it."""
    if not folder.is_dir():
        return
    for path in folder.glob("*epoch_*"):
        path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("epoch_*.npz"), reverse=True)


def _read(path: Path) -> Checkpoint:
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name.replace("|", "/"): archive[name] for name in archive.files}
    note = json.loads(arrays.pop(_NOTE).tobytes())
    history = [EpochResult(**result) for result in note["history"]]
    return Checkpoint(note["identity"], note["settings"], history, arrays)
