"""Checkpoints: all that the next epoch depends on, in one file an epoch, the two newest kept.

A file is NumPy's .npz, never pickle; ZIP's checksums tell a damaged one. The run's identity and its
history travel in the same file as the state, so that they cannot disagree.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from MNIST.files import remove_stale, write_atomically

_NOTE = "checkpoint.json"
# What reading a damaged file raises; ZIP's flags for encryption and odd compression are the last two.
_DAMAGED = (
    *(ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error),
    *(RuntimeError, NotImplementedError),
)


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
    """Write a run's newest checkpoint, then remove all but it and the one of the epoch before.

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
    epoch = len(checkpoint.history)
    write_atomically(folder / f"epoch_{epoch:05}.npz", stream.getvalue(), alone=True)
    for other, path in _by_epoch(folder).items():
        if other not in (epoch, epoch - 1):  # older ones, and those of another run
            path.unlink(missing_ok=True)


def read_checkpoints(folder: Path, warn: Callable[[str], None]) -> Iterator[Checkpoint]:
    """Read the checkpoints that are whole, the newest first; warn of each that is damaged.

    A damaged one stays where it is, out of the way, until its epoch is saved again.
    """
    for _, path in sorted(_by_epoch(folder).items(), reverse=True):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        try:
            yield _parse(content)
        except _DAMAGED as error:
            warn(f"{path}: this checkpoint is damaged ({error}); going back to the one before it")


def remove_checkpoints(folder: Path, keep_newest: bool = False) -> None:
    """Remove a run's checkpoints, all or all but the newest, and the folder if nothing is left in it."""
    if not folder.is_dir():
        return
    by_epoch = _by_epoch(folder)
    newest = max(by_epoch, default=None) if keep_newest else None
    for epoch, path in by_epoch.items():
        remove_stale(path)
        if epoch != newest:
            path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _by_epoch(folder: Path) -> dict[int, Path]:
    return {int(path.stem.removeprefix("epoch_")): path for path in folder.glob("epoch_[0-9]*.npz")}


def _parse(content: bytes) -> Checkpoint:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name.replace("|", "/"): archive[name] for name in archive.files}
    note = json.loads(arrays.pop(_NOTE).tobytes())
    history = [EpochResult(**result) for result in note["history"]]
    return Checkpoint(note["identity"], note["settings"], history, arrays)
