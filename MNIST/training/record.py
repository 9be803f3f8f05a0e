"""What a finished run leaves in `Model_Output/`, and reading it back without believing it.

`<name>.txt` holds four figures; `<name>/` holds the network, `spec.txt` (the exact text), `history.csv`
and `run.json` (how it came to be). `run.json` is written after the files whose digests it holds: a run
that was cut off in between is found out, and training again mends it.
"""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_origin, get_type_hints

import numpy as np

from MNIST import engines
from MNIST.engines import Engine
from MNIST.errors import ModelError, UsageError, did_you_mean
from MNIST.files import write_atomically
from MNIST.language import ModelSpec, Network, lay_out, parse_spec, read_text
from MNIST.paths import MODEL_OUTPUT
from MNIST.training.checkpoint import EpochResult, remove_checkpoints
from MNIST.training.history import history_csv, parse_history
from MNIST.training.identity import RunSettings, other_text, run_identity
from MNIST.training.run import Run

FORMAT = 1
MOST_THREADS = 1024
_LIMIT = 2**20  # bytes of a record or a text
_SPEC, _HISTORY, _RECORD = "spec.txt", "history.csv", "run.json"
EXPLAINED = "explained"  # the folder in which `explain` writes
_FIGURES = "figures.txt"  # written beside the folder, as <name>.txt

Fields = TypeVar("Fields", RunSettings, "RunRecord")


@dataclass(frozen=True)
class RunRecord:
    """How a network came to be, as `run.json` keeps it.

    epochs: how many were trained; kept_epoch: the one whose weights and figures these are, None for the last;
    stopped: whether its `Stop:` has ended it, so that it has no more epochs, however many are wanted;
    seconds: of training, validation not counted; pixel_mean, pixel_deviation: of the training images,
    in [0, 1]; files: the SHA-256 of each file beside the record.
    """

    format: int
    command: list[str]
    identity: str
    dataset: str
    settings: RunSettings
    epochs: int
    batch_size: int
    training_images: int
    validation_images: int
    pixel_mean: float
    pixel_deviation: float
    parameters: int
    seconds: float
    files: dict[str, str]
    machine: dict[str, str]
    kept_epoch: int | None = None
    stopped: bool = False

    @property
    def pixel_statistics(self) -> tuple[float, float]:
        """Mean and standard deviation of the training images, in [0, 1]."""
        return self.pixel_mean, self.pixel_deviation

    def has_epochs(self, epochs: int) -> bool:
        """Whether a run that wants so many epochs ends after those that were trained here."""
        return self.epochs == epochs or (self.stopped and self.epochs < epochs)


@dataclass(frozen=True)
class TrainedModel:
    """A network that was trained here: its name, its layers, its record, and the engine that holds it."""

    name: str
    network: Network
    record: RunRecord
    engine: Engine

    @property
    def spec(self) -> ModelSpec:
        """The network's model, simplified."""
        return self.network.spec


def output_folder(name: str) -> Path:
    """The folder of a trained network."""
    return MODEL_OUTPUT / name


def checkpoint_folder(name: str) -> Path:
    """Where a network's checkpoints lie while it is trained."""
    return output_folder(name) / "checkpoint"


def save_trained(name: str, run: Run, text: str, dataset_name: str, command: Sequence[str]) -> None:
    """Write all that a finished run leaves, and remove its checkpoints last. The name's lock is held.

    Raises OSError if something cannot be written; the checkpoints are then still there.
    """
    write_trained(name, trained_files(run, text, dataset_name, command))
    remove_checkpoints(checkpoint_folder(name))


def trained_files(run: Run, text: str, dataset_name: str, command: Sequence[str]) -> dict[str, bytes]:
    """The files that a finished run leaves in its folder, by name, in the order to write them.

    text: the model file as it stood; command: the words that started the run.
    """
    model_file, network = run.engine.save()
    contents = {_SPEC: text.encode(), _HISTORY: history_csv(run.history).encode(), model_file: network}
    record = RunRecord(
        format=FORMAT,
        command=list(command),
        identity=run.identity,
        dataset=dataset_name,
        settings=run.settings,
        epochs=len(run.history),
        batch_size=run.spec.batch_size,
        training_images=len(run.data.train),
        validation_images=len(run.data.validation),
        pixel_mean=run.pixel_statistics[0],
        pixel_deviation=run.pixel_statistics[1],
        parameters=run.network.parameters,
        seconds=sum(result.seconds for result in run.history),
        files={file: hashlib.sha256(content).hexdigest() for file, content in contents.items()},
        machine=machine(),
        kept_epoch=run.kept.epoch,
        stopped=run.is_over,
    )
    return {
        **contents,
        _RECORD: (json.dumps(asdict(record), indent=2) + "\n").encode(),
        _FIGURES: figures(run.kept).encode(),
    }


def write_trained(name: str, files: Mapping[str, bytes]) -> bool:
    """Write what `trained_files` gave under a name; return whether another network was there.

    What is left of another network of that name goes, last of all: the file of one that another engine had
    trained, and what `explain` wrote of it.
    Raises OSError if something cannot be written.
    """
    new = json.loads(files[_RECORD])
    try:
        old = read_record(name)
        replaced = (old.identity, old.epochs) != (new["identity"], new["epochs"])
    except ModelError:
        replaced = False
    for file, content in files.items():
        path = MODEL_OUTPUT / f"{name}.txt" if file == _FIGURES else output_folder(name) / file
        write_atomically(path, content, alone=True)
    for file in engines.MODEL_FILES - files.keys():
        (output_folder(name) / file).unlink(missing_ok=True)
    if replaced:
        shutil.rmtree(output_folder(name) / EXPLAINED, ignore_errors=True)
    return replaced


def figures(result: EpochResult) -> str:
    """The text of `<name>.txt`: four names, a tab and the value each."""
    named = {
        "Training Loss": result.loss,
        "Training Accuracy": result.accuracy,
        "Validation Loss": result.val_loss,
        "Validation Accuracy": result.val_accuracy,
    }
    return "".join(f"{name}\t{value!r}\n" for name, value in named.items())


def is_finished(name: str, run_identity: str, spec: ModelSpec) -> bool:
    """Whether a run of that identity has ended here undamaged, after the spec's epochs or by its `Stop:`."""
    folder = output_folder(name)
    try:
        record = read_record(name)
        if record.identity != run_identity or not record.has_epochs(spec.epochs):
            return False
        largest = _largest(lay_out(spec))
        for file, digest in record.files.items():
            if file not in (_SPEC, _HISTORY, *engines.MODEL_FILES):
                return False
            _verified(folder / file, digest, largest)
    except (ModelError, OSError):
        return False
    return (MODEL_OUTPUT / f"{name}.txt").is_file()


def other_run_there(name: str, run: Run) -> str:
    """In words, how the trained network of that name came to be otherwise than by this run; "" if none."""
    try:
        record = read_record(name)
    except ModelError:
        return ""
    if record.identity == run.identity and record.has_epochs(run.epochs):
        return ""
    of_its_length = run_identity(replace(run.spec, epochs=record.epochs), run.settings)
    if record.identity not in (run.identity, of_its_length):
        changes = run.settings.changes_from(asdict(record.settings)) or other_text(run.spec)
        return f"another run ({changes})"
    return f"a run of {record.epochs} epochs, {run.epochs} wanted"


def read_record(name: str) -> RunRecord:
    """Read `run.json` of a trained network. Raises ModelError if it is missing or not a record."""
    path = output_folder(name) / _RECORD
    try:
        with path.open("rb") as stream:
            values = json.loads(stream.read(_LIMIT))
        settings = _typed(RunSettings, values["settings"])
        record = _typed(RunRecord, {**values, "settings": settings})
        if record.format != FORMAT or not 1 <= settings.threads <= MOST_THREADS:
            raise ValueError("a value out of range")
        if settings.precision not in engines.PRECISIONS:
            raise ValueError(f"precision {settings.precision!r:.40}")
        # One pixel of 1/255 among those of a million images deviates by more; NaN lies in no range.
        if not (0 <= record.pixel_mean <= 1 and 1e-9 <= record.pixel_deviation <= 1):
            raise ValueError(f"pixels of mean {record.pixel_mean}, deviation {record.pixel_deviation}")
    except FileNotFoundError:
        raise ModelError(_missing(name)) from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(f"{path}: not a record of this version ({error}); train {name} again") from None
    return record


def read_history(name: str) -> list[EpochResult]:
    """Read `history.csv` of a trained network. Raises ModelError unless it is what the record says."""
    record, path = read_record(name), output_folder(name) / _HISTORY
    try:
        limit = _LIMIT + 1000 * record.epochs
        return parse_history(_verified(path, record.files.get(_HISTORY), limit).decode())
    except (ModelError, ValueError) as error:
        raise ModelError(f"{path}: refused: {error}") from None


def load_trained(name: str, threads: int | None = None, engine: str | None = None) -> TrainedModel:
    """Read a trained network back, verified against its record, trusting none of its files.

    threads: of one operation; all cores unless given. engine: the name of one that is to compute, in
    float32, with the same weights; unless given, it is the one that trained, in its precision.
    Raises ModelError if anything is missing, damaged, hostile, or a weight is not a finite number,
    UsageError if the engine asked for cannot compute this network.
    """
    record = read_record(name)
    folder = output_folder(name)
    threads = threads or os.cpu_count() or 1
    try:
        model_file = next((file for file in record.files if file in engines.MODEL_FILES), None)
        if model_file is None:
            raise ModelError(f"{_RECORD} names no file of a network")
        _verified(folder / _SPEC, record.files.get(_SPEC))
        network = lay_out(parse_spec(read_text(folder / _SPEC), str(folder / _SPEC)))
        content = _verified(folder / model_file, record.files.get(model_file), _largest(network))
        if len(content) < 4 * network.parameters:  # before a network of that size is built
            raise ModelError(f"{model_file} is too small to hold the weights of {_SPEC}")
        trainer = engines.name_of(record.settings.engine)
        precision = engines.resolve_precision(trainer, record.settings.precision)
        trained = engines.read_saved(
            trainer,
            network,
            content,
            precision=precision,
            threads=threads,
            pixel_statistics=record.pixel_statistics,
        )
    except (ModelError, UsageError) as error:
        raise ModelError(f"{folder}: refused: {error}") from None
    weights = trained.get_weights()
    bad = [key for key, weight in weights.items() if not np.isfinite(weight).all()]
    if bad:
        raise ModelError(f"{folder}: refused: {', '.join(bad[:3])} holds values that are not finite numbers")
    if engine is not None:
        trained.close()
        try:
            trained = engines.create(
                engine,
                network,
                precision="float32",
                threads=threads,
                pixel_statistics=record.pixel_statistics,
                weights=weights,
            )
        except UsageError as error:
            raise UsageError(f"{name}: {error}") from None
    return TrainedModel(name, network, record, trained)


def _largest(network: Network) -> int:
    """How many bytes a file of this network may have: a weight takes 4, and may be stored with others."""
    return _LIMIT + 64 * network.parameters


def machine() -> dict[str, str]:
    """The machine in words; the device that computed stands in the settings."""
    return {
        "system": platform.platform(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
    }


def _typed(cls: type[Fields], values: Any) -> Fields:
    """A dataclass of values from JSON; what has a default may be missing.

    Raises TypeError if a name or a type is not the class's.
    """
    kinds = get_type_hints(cls)
    needed = {field.name for field in fields(cls) if field.default is MISSING}
    if not isinstance(values, dict) or not needed <= values.keys() <= kinds.keys():
        raise TypeError(f"the fields are not those of {cls.__name__}")
    for name, value in values.items():
        plain = kinds[name] if isinstance(kinds[name], UnionType) else get_origin(kinds[name]) or kinds[name]
        if not isinstance(value, plain):
            raise TypeError(f"{name} is {value!r:.40}")
    return cls(**values)


def _verified(path: Path, digest: str | None, limit: int = _LIMIT) -> bytes:
    """A file's bytes, at most `limit` of them, which are what the record says."""
    try:
        if not path.is_file():  # a device or a pipe has no end
            raise ModelError(f"{path.name} is missing")
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except FileNotFoundError:
        raise ModelError(f"{path.name} is missing") from None
    if len(content) > limit:
        raise ModelError(f"{path.name} is larger than this network can need ({limit:,} bytes)")
    if hashlib.sha256(content).hexdigest() != digest:
        raise ModelError(f"{path.name} is not the file that run.json describes (its SHA-256 differs)")
    return content


def _missing(name: str) -> str:
    if checkpoint_folder(name).is_dir():
        return f"{name} is not trained to its end; start its `train` command again"
    trained = sorted(path.parent.name for path in MODEL_OUTPUT.glob(f"*/{_RECORD}"))
    hint = did_you_mean(name, trained) or f"; trained are: {', '.join(trained) or 'none yet'}"
    return f"no trained network {name!r} in {MODEL_OUTPUT}/{hint}"
