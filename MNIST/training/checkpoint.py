"""Checkpoints: one file for each epoch holds all that the next epoch depends on; the two newest are kept.

A file is NumPy's .npz, never pickle; ZIP's checksums show if it is damaged. The run's identity and its
history are in the same file as the state, so that they cannot disagree.
"""

import io
import json
import math
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from MNIST.files import NotAFileError, read_whole, refuse_link, remove_stale, write_atomically
from MNIST.paths import refuse_no_folder
from MNIST.words import counted

_NOTE = "checkpoint.json"
_NAME = re.compile(r"epoch_([0-9]{5,15})\.npz")
MOST = 2**36  # bytes of a file
_BEST = "best/"  # goes before the names of the best epoch's weights; no layer has this name
# What reading a damaged file can raise; ZIP's flags for encryption and odd compression raise the last two.
_DAMAGED = (
    *(ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error),
    *(RuntimeError, NotImplementedError),
)

_CIRCUMSTANCES = ("seconds", "peak_memory")  # these depend on the machine and on the moment


class _OtherVersionError(Exception):
    """The checkpoint is intact, but the version of this program that wrote it measured other things."""


@dataclass(frozen=True)
class EpochResult:
    """What one epoch measured.

    epoch counts from 1. Losses are mean cross-entropies in nats; the training loss is computed with smoothed
    labels if the spec smooths them. Accuracies are proportions. The validation figures are nan if no image is
    held out. learning_rate is that of the epoch's last step. `EpochMetrics` explains the gradient norms.
    seconds is the time of training without validation; it includes any wait for the next epoch's augmented
    images. peak_memory is the most bytes of resident memory that the process held in that time, or 0 if the
    system does not say.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    learning_rate: float
    gradient_norm_mean: float
    gradient_norm_variance: float
    seconds: float
    peak_memory: int

    def __post_init__(self) -> None:
        """Drop the sign of a zero (the loss of a network that is sure is −0.0): SQLite does not keep it."""
        for field_ in fields(self):
            value = getattr(self, field_.name)
            if isinstance(value, float) and value == 0:
                object.__setattr__(self, field_.name, 0.0)

    @property
    def numbers(self) -> tuple[float, ...]:
        """All numbers that are the same, bit for bit, when the run is repeated. Here a nan equals a nan."""
        values = (getattr(self, name) for name in REPEATED)
        return tuple(math.nan if value != value else value for value in values)  # the one nan object


REPEATED = tuple(field_.name for field_ in fields(EpochResult) if field_.name not in _CIRCUMSTANCES)
"""The names of `EpochResult.numbers`."""


@dataclass(frozen=True)
class Checkpoint:
    """A run after its last whole epoch: its identity, what it measured, and the engine's state.

    best: the weights of the best epoch so far, if the run will go back to them; else empty.
    """

    identity: str
    settings: dict[str, object]
    history: list[EpochResult]
    state: dict[str, np.ndarray]
    best: dict[str, np.ndarray] = field(default_factory=dict)


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a run's newest checkpoint, then remove all others except that of the epoch before.

    Raises OSError if it cannot be written; the earlier checkpoints are then still intact.
    """
    note = {
        "identity": checkpoint.identity,
        "settings": checkpoint.settings,
        "history": [vars(result) for result in checkpoint.history],
    }
    arrays = {_NOTE: np.frombuffer(json.dumps(note).encode(), np.uint8), **checkpoint.state}
    arrays |= {f"{_BEST}{name}": array for name, array in checkpoint.best.items()}
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **{name.replace("/", "|"): array for name, array in arrays.items()})
    epoch = len(checkpoint.history)
    refuse_link(folder)
    write_atomically(folder / f"epoch_{epoch:05}.npz", stream.getvalue(), alone=True)
    for other, path in _by_epoch(folder).items():
        if other not in (epoch, epoch - 1):  # it is older, or of another run
            path.unlink(missing_ok=True)


def read_checkpoints(folder: Path, warn: Callable[[str], None]) -> Iterator[Checkpoint]:
    """Read the intact checkpoints, the newest first; warn about each that cannot be used.

    A checkpoint cannot be used if it is damaged, or if a version of this program wrote it that measured other
    things. It stays there until its epoch is saved again.
    Raises OSError if no checkpoint could be saved there: the folder is a link, or a file is in its place.
    """
    refuse_link(folder)
    refuse_no_folder(folder)
    for epoch, path in sorted(_by_epoch(folder).items(), reverse=True):
        try:
            found = _parse(read_whole(path, MOST))
            if len(found.history) != epoch:
                raise ValueError(f"its history has {counted(len(found.history), 'epoch')}")
            yield found
        except FileNotFoundError:
            continue
        except _OtherVersionError:
            warn(f"{path}: another version of this program wrote this checkpoint; it cannot go on from there")
        except (NotAFileError, *_DAMAGED) as error:
            warn(f"{path}: this checkpoint is damaged ({error}); going back to the one before it")


def remove_checkpoints(folder: Path, keep_newest: bool = False) -> None:
    """Remove all of a run's checkpoints, or all but the newest; remove the folder if it is then empty."""
    refuse_link(folder)
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


def remove_surpassed(folder: Path, identity: str, epochs: int) -> None:
    """Remove the checkpoints of a run that is over after so many epochs; those of other runs stay."""
    newest = next(read_checkpoints(folder, warn=lambda _: None), None)
    if newest and newest.identity == identity and len(newest.history) <= epochs:
        remove_checkpoints(folder)


def newest_epoch(folder: Path) -> int:
    """The epoch of the newest checkpoint in a folder, 0 if there is none."""
    return max(_by_epoch(folder), default=0)


def _by_epoch(folder: Path) -> dict[int, Path]:
    paths = ((_NAME.fullmatch(path.name), path) for path in folder.glob("epoch_*.npz"))
    return {int(name[1]): path for name, path in paths if name}


def _arrays(content: bytes) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of a checkpoint by name. They take no more memory than the file, whatever it declares.

    Raises one of _DAMAGED for compressed members, and for sizes that do not agree with one another.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("an array in it is compressed")
        if sum(member.file_size for member in members) > len(content):
            raise ValueError("its arrays are larger than the file")
        for member in members:
            stream = io.BytesIO(archive.read(member))
            if np.lib.format.read_magic(stream) != (1, 0):
                raise ValueError("an array in it is of another version")
            shape, _, kind = np.lib.format.read_array_header_1_0(stream)
            if kind.hasobject or math.prod(shape) * kind.itemsize != member.file_size - stream.tell():
                raise ValueError("an array in it has another size than it says")
            stream.seek(0)
            yield member.filename.removesuffix(".npy"), np.lib.format.read_array(stream, allow_pickle=False)


def _parse(content: bytes) -> Checkpoint:
    arrays = {name.replace("|", "/"): array for name, array in _arrays(content)}
    note = json.loads(arrays.pop(_NOTE).tobytes())
    if any(set(result) != {field.name for field in fields(EpochResult)} for result in note["history"]):
        raise _OtherVersionError
    history = [EpochResult(**result) for result in note["history"]]
    best = {name.removeprefix(_BEST): arrays.pop(name) for name in list(arrays) if name.startswith(_BEST)}
    return Checkpoint(note["identity"], note["settings"], history, arrays, best)
