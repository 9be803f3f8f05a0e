"""Networks that were trained in a laboratory: read without trust, and made into files like those of `train`.

`MNIST/browser/saving/saving.js` writes such a file: network.json (how the network was trained), spec.txt (the
exact text), history.csv and weights.npz. Each bounds the size of those after it. A folder with these four is
read too, because some browsers unpack what they save.
"""

import io
import json
import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Protocol, get_args, get_type_hints

import numpy as np

from MNIST.data.about import FORMS, LONGEST_NAME, POLARITIES, checked_classes
from MNIST.engines.saved_arrays import MODEL_FILE, as_array
from MNIST.errors import DataError, ModelError, UsageError
from MNIST.files import NotAFileError, opened, read_whole
from MNIST.language import Network, as_text, fill_classes, lay_out, parse_spec
from MNIST.paths import checked_name
from MNIST.training.checkpoint import EpochResult
from MNIST.training.history import history_csv, parse_history
from MNIST.training.identity import RunSettings, identity_elsewhere
from MNIST.training.network_files import MOST_OF_A_RECORD
from MNIST.training.record import FORMAT, HISTORY, MOST_EPOCHS, SPEC, RunRecord, digests, with_record
from MNIST.training.start import weight_shapes
from MNIST.training.stopping import is_over
from MNIST.training.stored_zip import StoredZip

NOTE = "network.json"
FILES = NOTE, SPEC, HISTORY, MODEL_FILE

_FORMAT = 1
_MOST_OF_A_ROW = 300  # bytes of a history
_MOST_OF_A_HEADER = 2_000  # bytes of a member of weights.npz, beside its numbers
_MOST_IMAGES = 2_000_000
_MOST = 2**53  # up to here JavaScript's whole numbers are exact
_LONGEST_TEXT = 1_000  # characters


@dataclass(frozen=True)
class Note:
    """How a network was trained, as its `network.json` says it.

    version: of the program that made the laboratory. images: how many training images were asked for; None:
    all. digest: of the dataset that the laboratory was made from; its page may hold only a part of that.
    stopped: whether somebody stopped the training before its end. The other fields are those of `RunRecord`.
    """

    format: int
    version: str
    name: str
    seed: int
    split: float
    images: int | None
    dataset: str
    digest: str
    classes: list[str]
    ink: str
    form: str
    pixel_mean: float
    pixel_deviation: float
    epochs: int
    kept_epoch: int
    stopped: bool
    batch_size: int
    training_images: int
    validation_images: int
    seconds: float
    browser: str


@dataclass(frozen=True)
class LaboratoryNetwork:
    """A network that a laboratory saved. weights: the bytes of its `weights.npz`, which have been checked."""

    note: Note
    text: str
    network: Network
    history: list[EpochResult]
    weights: bytes

    @property
    def name(self) -> str:
        """What it was called in the laboratory."""
        return self.note.name

    @property
    def kept(self) -> EpochResult:
        """The epoch whose weights it has."""
        return self.history[self.note.kept_epoch - 1]

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of the files that make it this network, by name."""
        return digests({SPEC: self.text.encode(), MODEL_FILE: self.weights})


class Members(Protocol):
    """Files that lie in a zip or a folder, asked for in the order of `FILES`."""

    def member(self, name: str, most: int) -> bytes: ...

    def end(self) -> None: ...


def read_laboratory_network(path: Path) -> LaboratoryNetwork:
    """Read a network that a laboratory saved, from a zip or the folder that it was unpacked to.

    Raises ModelError, without the path, for any other file, or if its parts do not belong together;
    UsageError for a name that is none.
    """
    try:
        with _members(path) as members:
            note = _note(members.member(NOTE, MOST_OF_A_RECORD))
            text, network = _network(members.member(SPEC, MOST_OF_A_RECORD), note)
            most = _MOST_OF_A_ROW * (note.epochs + 1)
            history = _history(members.member(HISTORY, most), note)
            content = members.member(MODEL_FILE, _largest(network))
            members.end()
    except FileNotFoundError as error:
        raise ModelError(f"{Path(error.filename).name} is missing") from None
    except NotAFileError:
        raise ModelError("expected a file, found something else") from None
    _weights(content, network)
    return LaboratoryNetwork(note, text, network, history, content)


def files_of(saved: LaboratoryNetwork, command: list[str]) -> dict[str, bytes]:
    """The contents of the files that make it a trained network, by name, as `trained_files` gives them.

    command: the words that import it.
    """
    note, spec = saved.note, saved.network.spec
    settings = RunSettings(
        data_digest=note.digest,
        images=note.images,
        split=note.split,
        seed=note.seed,
        engine=f"browser ({note.version})",
        device=note.browser,
        precision="float32",
        threads=1,  # the sums of a laboratory do not depend on how many workers it has
    )
    contents = {
        SPEC: saved.text.encode(),
        HISTORY: history_csv(saved.history).encode(),
        MODEL_FILE: saved.weights,
    }
    files = digests(contents)
    record = RunRecord(
        format=FORMAT,
        command=command,
        identity=identity_elsewhere(spec, settings, files[MODEL_FILE]),
        dataset=note.dataset,
        settings=settings,
        epochs=note.epochs,
        batch_size=note.batch_size,
        training_images=note.training_images,
        validation_images=note.validation_images,
        pixel_mean=note.pixel_mean,
        pixel_deviation=note.pixel_deviation,
        parameters=saved.network.parameters,
        seconds=note.seconds,
        files=files,
        machine={"browser": note.browser},
        kept_epoch=note.kept_epoch,
        stopped=is_over(spec.stop, saved.history),
        classes=note.classes,
        ink=note.ink,
        form=note.form,
    )
    return with_record(contents, record, saved.kept)


@contextmanager
def _members(path: Path) -> Iterator[Members]:
    if not path.exists():
        raise ModelError("there is no such file")
    if path.is_dir():
        yield _Folder(path)
        return
    with opened(path) as stream:
        yield StoredZip(stream)


class _Folder:
    """A saved network that was unpacked: its four files, and nothing else but what a system hides there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def member(self, name: str, most: int) -> bytes:
        if (self._path / name).is_symlink():
            raise ModelError(f"its {name} is a link")
        content = read_whole(self._path / name, most)
        if len(content) > most:
            raise ModelError(f"its {name} has more than {most:,} bytes, the most that it can need")
        return content

    def end(self) -> None:
        others = sorted(one.name for one in self._path.iterdir() if one.name not in FILES)
        others = [name for name in others if not name.startswith(".")]
        if others:
            raise ModelError(f"there is another file beside its four: {others[0][:64]!r}")


def _note(content: bytes) -> Note:
    """What a network.json says. Raises ModelError unless its fields are those that a laboratory writes."""
    try:
        values = json.loads(content, object_pairs_hook=_distinct)
        note = _typed(values)
        texts = {"dataset": note.dataset, "browser": note.browser}
        wrong = [name for name, text in texts.items() if len(text) > _LONGEST_TEXT or not text.isprintable()]
        wrong += [] if re.fullmatch(r"[0-9A-Za-z.+-]{1,40}", note.version) else ["version"]
        wrong += [] if re.fullmatch(r"[0-9a-f]{64}", note.digest) else ["digest"]
        wrong += [name for name, fits in _in_range(note).items() if not fits]
        if wrong:
            raise ValueError(f"{wrong[0]} is {str(getattr(note, wrong[0]))[:40]!r}")
        classes = checked_classes(note.classes, "classes")
    except (DataError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise ModelError(f"its {NOTE} is not as a laboratory writes it: {str(error)[:200]}") from None
    if list(classes) != note.classes:
        raise ModelError(f"its {NOTE} is not as a laboratory writes it: classes in another form of Unicode")
    checked_name(note.name, "network name")
    return note


def _in_range(note: Note) -> dict[str, bool]:
    """Whether a field's value can be, by its name."""
    return {
        "format": note.format == _FORMAT,
        "seed": 0 <= note.seed <= _MOST,
        "split": 0 < note.split <= 1,
        "images": note.images is None or note.images == note.training_images + note.validation_images,
        "classes": all(
            len(name) <= LONGEST_NAME and name.isprintable() for name in note.classes if isinstance(name, str)
        ),
        "ink": note.ink in POLARITIES,
        "form": note.form in FORMS,
        "pixel_mean": 0 <= note.pixel_mean <= 1,
        "pixel_deviation": 1e-9 <= note.pixel_deviation <= 1,
        "epochs": 1 <= note.epochs <= MOST_EPOCHS,
        "kept_epoch": 1 <= note.kept_epoch <= note.epochs,
        "training_images": 1 <= note.training_images <= _MOST_IMAGES,
        "validation_images": 0 <= note.validation_images <= _MOST_IMAGES,
        "seconds": 0 <= note.seconds < math.inf,
    }


def _typed(values: Any) -> Note:
    """A Note of values from JSON, where 1.0 may stand as 1. Raises ValueError for other fields or types."""
    kinds = get_type_hints(Note)
    if not isinstance(values, dict) or values.keys() != kinds.keys():
        raise ValueError("the fields are others")
    found = {}
    for name, kind in kinds.items():
        value = values[name]
        if kind is float and type(value) is int:
            value = float(value)
        choices = get_args(kind) if isinstance(kind, UnionType) else (list if name == "classes" else kind,)
        if type(value) not in choices:
            raise ValueError(f"{name} is {value!r:.40}")
        found[name] = value
    return Note(**found)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a field is there twice")
    return values


def _network(content: bytes, note: Note) -> tuple[str, Network]:
    """The text with the number of classes filled in, and its network."""
    try:
        text = fill_classes(as_text(content, SPEC), len(note.classes))
        network = lay_out(parse_spec(text, SPEC, len(note.classes)))
    except UsageError as error:
        raise ModelError(f"its text is wrong: {error}") from None
    rule = network.spec.optimizer
    if not rule.follows_gradients:
        raise ModelError(f"its text asks for {type(rule).__name__}, which no laboratory has")
    if network.spec.batch_size != note.batch_size:
        raise ModelError(f"its {NOTE} says another batch size than its text")
    return text, network


def _history(content: bytes, note: Note) -> list[EpochResult]:
    """The results of its epochs. Raises ModelError for numbers that no training gives."""
    try:
        history = parse_history(content.decode("ascii"))
        if [result.epoch for result in history] != list(range(1, note.epochs + 1)):
            raise ValueError(f"expected the epochs 1 to {note.epochs:,}")
        for result in history:
            _refuse_odd(result, validated=note.validation_images > 0)
    except (ValueError, ArithmeticError) as error:
        raise ModelError(f"its {HISTORY} is no history of a training: {str(error)[:200]}") from None
    return history


def _refuse_odd(result: EpochResult, validated: bool) -> None:
    for name, value in asdict(result).items():
        of_validation = name.startswith("val_")
        fits = math.isnan(value) if of_validation and not validated else 0 <= value <= _bound(name)
        if not fits:
            raise ValueError(f"{name} is {value!r} in epoch {result.epoch}")


def _bound(name: str) -> float:
    """The most that a figure of an epoch can be; losses and gradients may be of any size, but finite."""
    if name.endswith("accuracy"):
        return 1
    return _MOST if name in ("seconds", "peak_memory") else sys.float_info.max


def _largest(network: Network) -> int:
    """The most bytes that this network's weights.npz can have."""
    return 4 * network.parameters + sum(_MOST_OF_A_HEADER + 2 * len(name) for name in weight_shapes(network))


def _weights(content: bytes, network: Network) -> None:
    """Raise ModelError unless these bytes are a weights.npz with finite numbers for all of this network."""
    members = StoredZip(io.BytesIO(content))
    for name, shape in weight_shapes(network).items():
        expected = np.broadcast_to(np.float32(0), shape)  # takes no memory
        try:
            member = members.member(f"{name}.npy", len(content))
        except ModelError:
            raise ModelError(
                f"its {MODEL_FILE} does not hold the weights of its text, or is damaged"
            ) from None
        if not np.isfinite(as_array(member, name, expected)).all():
            raise ModelError(f"its {name} holds values that are not finite numbers")
    members.end()
