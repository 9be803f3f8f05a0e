"""Write the files of a finished run to `Model_Output/`, and read them back without trusting them.

`<name>.txt` holds four figures; `<name>/` holds the network, `spec.txt` (the exact text), `history.csv`
and `run.json` (how the network was trained, and the digests of the other files).
"""

import hashlib
import json
import math
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from datetime import MAXYEAR, UTC, datetime
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from MNIST import engines
from MNIST.data.about import FORMS, POLARITIES, About, checked_classes
from MNIST.data.catalogue import about_published
from MNIST.engines.processor import cores
from MNIST.errors import DataError, ModelError, UsageError, did_you_mean
from MNIST.language import ModelSpec, Network, as_text, lay_out
from MNIST.paths import MODEL_OUTPUT, RECORD, trained_names
from MNIST.training.checkpoint import EpochResult, remove_checkpoints
from MNIST.training.history import history_csv, parse_history
from MNIST.training.identity import RunSettings, other_text, run_identity
from MNIST.training.network_files import (
    FIGURES,
    MOST_OF_A_RECORD,
    checkpoint_folder,
    output_folder,
    read_file,
    replace_files,
)
from MNIST.training.run import Run
from MNIST.words import counted

FORMAT = 1
MOST_THREADS = 1024
MOST_EPOCHS = 100_000  # as in a model file
_LONGEST_FILE_NAME = 255  # characters
_LIMIT = MOST_OF_A_RECORD  # bytes, also of a model file's text
SPEC, HISTORY = "spec.txt", "history.csv"

Fields = TypeVar("Fields", RunSettings, "RunRecord")


@dataclass(frozen=True)
class RunRecord:
    """How a network was trained, as `run.json` says it.

    epochs: how many were trained, and epochs_asked: how many were to be, if `Stop:` did not end the run; None
    in older records. kept_epoch: the epoch whose weights and figures are kept; None: the last.
    stopped: whether `Stop:` ended the run, so that it has no more epochs even if more are wanted.
    seconds: the time of training without validation. pixel_mean, pixel_deviation: the mean and the standard
    deviation of the training images' pixels, in [0, 1]. files: the SHA-256 of each file beside the record.
    classes: what each answer means; None in records from before there were others than the dataset's.
    ink, form: as in `About`. model_file: the name of the text's file, "" if it had none. finished: when the
    training ended, as ISO 8601 in UTC; "" in older records.
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
    classes: list[str] | None = None
    ink: str = "bright"
    form: str = "digit"
    model_file: str = ""
    finished: str = ""
    epochs_asked: int | None = None

    @property
    def about(self) -> About:
        """What the images show that the network has learned from, and in what form."""
        if self.classes is None:
            return about_published(self.dataset)
        return About(self.dataset, tuple(self.classes), self.ink, self.form)

    @property
    def family(self) -> str:
        """A text that is the same for all networks that differ in nothing but their seed."""
        others = replace(self.settings, seed=0)
        epochs = self.epochs_asked or self.epochs
        return json.dumps([self.files.get(SPEC), epochs, self.batch_size, asdict(others)])

    @property
    def pixel_statistics(self) -> tuple[float, float]:
        """Mean and standard deviation of the training images, in [0, 1]."""
        return self.pixel_mean, self.pixel_deviation

    def kept(self, history: Sequence[EpochResult]) -> EpochResult:
        """The epoch of this run's history whose weights and figures are kept.

        Raises ModelError if the history has no such epoch.
        """
        epoch = len(history) if self.kept_epoch is None else self.kept_epoch
        if not 1 <= epoch <= len(history):
            raise ModelError(f"the record keeps epoch {epoch} of {len(history)}")
        return history[epoch - 1]

    def has_epochs(self, epochs: int) -> bool:
        """Whether a run for this many epochs would end where this one ended."""
        return self.epochs == epochs or (self.stopped and self.epochs < epochs)


def save_trained(
    name: str,
    run: Run,
    text: str,
    about: About,
    command: Sequence[str],
    model_file: str = "",
    beside: Mapping[str, bytes] | None = None,
) -> None:
    """Write all files of a finished run, then remove its checkpoints. The caller holds the name's lock.

    beside: further files to write beside them, by name. The other arguments are those of `trained_files`.
    Raises OSError if something cannot be written; the checkpoints are then still there.
    """
    write_trained(name, trained_files(run, text, about, command, model_file) | dict(beside or {}))
    remove_checkpoints(checkpoint_folder(name))


def trained_files(
    run: Run, text: str, about: About, command: Sequence[str], model_file: str = ""
) -> dict[str, bytes]:
    """The contents of a finished run's files, by name.

    text: the exact text of the model file, and model_file its name. about: what the dataset's images show.
    command: the words that started the run.
    """
    weights_file, network = run.engine.save()
    contents = {SPEC: text.encode(), HISTORY: history_csv(run.history).encode(), weights_file: network}
    record = RunRecord(
        format=FORMAT,
        command=list(command),
        identity=run.identity,
        dataset=about.name,
        settings=run.settings,
        epochs=len(run.history),
        batch_size=run.spec.batch_size,
        training_images=len(run.data.train),
        validation_images=len(run.data.validation),
        pixel_mean=run.pixel_statistics[0],
        pixel_deviation=run.pixel_statistics[1],
        parameters=run.network.parameters,
        seconds=sum(result.seconds for result in run.history),
        files=digests(contents),
        machine=machine(),
        kept_epoch=run.kept.epoch,
        stopped=run.is_over,
        classes=list(about.classes),
        ink=about.ink,
        form=about.form,
        model_file=model_file,
        finished=datetime.now(UTC).isoformat(timespec="milliseconds"),
        epochs_asked=run.epochs,
    )
    return with_record(contents, record, run.kept)


def digests(contents: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256, in hex, of each file, for a record."""
    return {file: hashlib.sha256(content).hexdigest() for file, content in contents.items()}


def with_record(contents: Mapping[str, bytes], record: RunRecord, kept: EpochResult) -> dict[str, bytes]:
    """The files of a finished run with its record and its four figures. kept: the epoch that is kept."""
    return {
        **contents,
        RECORD: (json.dumps(asdict(record), indent=2) + "\n").encode(),
        FIGURES: figures(kept).encode(),
    }


def write_trained(name: str, files: Mapping[str, bytes]) -> bool:
    """Write the files from `trained_files` under a name; return whether they replace another network.

    The caller holds the name's lock.
    Raises OSError if something cannot be written; the earlier network is then intact.
    """
    new = json.loads(files[RECORD])
    try:
        old = read_record(name)
        replaced = (old.identity, old.epochs) != (new["identity"], new["epochs"])
    except ModelError:
        replaced = False
    replace_files(name, files)
    return replaced


def figures(result: EpochResult) -> str:
    """The text of `<name>.txt`: four lines, each a name, a tab and a value."""
    named = {
        "Training Loss": result.loss,
        "Training Accuracy": result.accuracy,
        "Validation Loss": result.val_loss,
        "Validation Accuracy": result.val_accuracy,
    }
    return "".join(f"{name}\t{value!r}\n" for name, value in named.items())


def is_finished(name: str, run_identity: str, spec: ModelSpec) -> bool:
    """Whether this run has ended, after the spec's epochs or because of `Stop:`, with undamaged files."""
    try:
        record = read_record(name)
        if record.identity != run_identity or not record.has_epochs(spec.epochs):
            return False
        network = lay_out(spec)
        for file, digest in record.files.items():
            if file not in (SPEC, HISTORY, *engines.MODEL_FILES):
                return False
            verified(name, file, digest, most_bytes(file, network, record.epochs))
    except ModelError:
        return False
    return True


def kept_figures(name: str) -> str:
    """The text of `<name>.txt`, from the history of a trained network.

    Raises ModelError if the history is not the record's.
    """
    return figures(read_record(name).kept(read_history(name)))


def other_run_there(name: str, run: Run) -> str:
    """Say in words which other run trained the network with this name; "" if none did."""
    try:
        record = read_record(name)
    except ModelError:
        return ""
    if record.identity == run.identity and record.has_epochs(run.epochs):
        return ""
    if engines.name_of(record.settings.engine) in engines.ELSEWHERE:
        return "a network from a laboratory, whose training cannot go on here (see --from)"
    of_its_length = run_identity(replace(run.spec, epochs=record.epochs), run.settings)
    if record.identity not in (run.identity, of_its_length):
        changes = run.settings.changes_from(asdict(record.settings)) or other_text(run.spec)
        return f"another run ({changes})"
    return f"a run of {counted(record.epochs, 'epoch')}, {run.epochs} wanted"


def read_record(name: str) -> RunRecord:
    """Read `run.json` of a trained network. Raises ModelError if it is missing or not a record."""
    path = output_folder(name) / RECORD
    try:
        values = json.loads(read_file(name, RECORD, _LIMIT))
        settings = _typed(RunSettings, values["settings"])
        record = _typed(RunRecord, {**values, "settings": settings})
        if record.format != FORMAT:
            raise ValueError(f"format {record.format}")
        _refuse_senseless(record)
    except FileNotFoundError:
        raise ModelError(_missing(name)) from None
    except (DataError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ModelError(f"{path}: not a record of this version ({error}); train {name} again") from None
    return record


def _refuse_senseless(record: RunRecord) -> None:
    """Raise ValueError or DataError if a record has a value that no run has. NaN is in no range."""
    settings, last = record.settings, record.epochs
    ranges = {  # of each value: the least, the value itself, and the most
        "threads": (1, settings.threads, MOST_THREADS),
        "split": (sys.float_info.min, settings.split, 1),
        "seed": (0, settings.seed, math.inf),
        "images": (1, 1 if settings.images is None else settings.images, math.inf),
        "epochs": (1, record.epochs, MOST_EPOCHS),
        "epochs_asked": (1, 1 if record.epochs_asked is None else record.epochs_asked, MOST_EPOCHS),
        "kept_epoch": (1, last if record.kept_epoch is None else record.kept_epoch, last),
        "batch_size": (1, record.batch_size, math.inf),
        "training_images": (1, record.training_images, math.inf),
        "validation_images": (0, record.validation_images, math.inf),
        "parameters": (0, record.parameters, math.inf),
        "seconds": (0, record.seconds, sys.float_info.max),
        # Even one pixel of 1/255 in a million blank images gives a larger deviation.
        "pixel_mean": (0, record.pixel_mean, 1),
        "pixel_deviation": (1e-9, record.pixel_deviation, 1),
    }
    for name, (least, value, most) in ranges.items():
        if not least <= value <= most:
            raise ValueError(f"{name} {value}")
    if settings.precision not in engines.PRECISIONS:
        raise ValueError(f"precision {settings.precision!r:.40}")
    if record.ink not in POLARITIES or record.form not in FORMS:
        raise ValueError(f"ink {record.ink!r:.20}, form {record.form!r:.20}")
    if record.classes is not None:
        checked_classes(record.classes, "classes")
    texts = {"model_file": record.model_file, "dataset": record.dataset}
    for name, text in texts.items():
        if len(text) > _LONGEST_FILE_NAME:
            raise ValueError(f"{name} {text!r:.40}")
    for name, value in {**asdict(settings), **record.machine, **record.files, **texts}.items():
        if not (name.isprintable() and str(value).isprintable()):  # a terminal would obey what it has
            raise ValueError(f"{ascii(name)[1:-1]} {value!r:.40}")
    if record.finished:
        moment = datetime.fromisoformat(record.finished)
        if moment.tzinfo is None or not 1970 <= moment.year < MAXYEAR:  # in any time zone it is a moment
            raise ValueError(f"finished {record.finished!r:.40}")


def refuse_other_classes(name: str, record: RunRecord, about: About) -> None:
    """Raise UsageError if the network `name`, whose record this is, has learned other classes than these."""
    if record.about.classes != about.classes:
        raise UsageError(
            f"{name} tells {record.about.told_apart()} apart, and the images of {about.name} show"
            f" {about.told_apart()}"
        )


def read_history(name: str) -> list[EpochResult]:
    """Read `history.csv` of a trained network. Raises ModelError if it is not the record's."""
    record, path = read_record(name), output_folder(name) / HISTORY
    try:
        most = most_bytes_of_a_history(record.epochs)
        history = parse_history(verified(name, HISTORY, record.files.get(HISTORY), most).decode())
        if len(history) != record.epochs:
            raise ModelError(f"it has {counted(len(history), 'epoch')}, and {RECORD} {record.epochs:,}")
        if [each.epoch for each in history] != list(range(1, record.epochs + 1)):
            raise ModelError("its epochs are not numbered from 1 on")
        if record.validation_images and any(math.isnan(each.val_accuracy) for each in history):
            raise ModelError("an epoch has no validation accuracy")
        return history
    except (ModelError, ValueError) as error:
        raise ModelError(f"{path}: refused: {error}") from None


def read_model_text(name: str) -> str:
    """The exact text of a trained network's model file. Raises ModelError if it has another digest."""
    digest, place = read_record(name).files.get(SPEC), str(output_folder(name) / SPEC)
    try:
        return as_text(verified(name, SPEC, digest), place)
    except ModelError as error:
        raise ModelError(f"{place}: refused: {error}") from None


def most_bytes(file: str, network: Network, epochs: int) -> int:
    """The most bytes that a file of this network may have after so many epochs.

    A weight takes 4, and optimizers may store more. A layer's names and structure take about 4 KiB in Keras's
    format.
    """
    if file == HISTORY:
        return most_bytes_of_a_history(epochs)
    return _LIMIT + 64 * network.parameters + 8192 * sum(1 for _ in network.walk())


def most_bytes_of_a_history(epochs: int) -> int:
    """The most bytes that the history of so many epochs may have."""
    return _LIMIT + 1000 * epochs


def machine() -> dict[str, str]:
    """The machine in words; the settings name the device that computed."""
    return {
        "system": platform.platform(),
        "cores": str(cores()),
        "python": platform.python_version(),
    }


def _typed(cls: type[Fields], values: Any) -> Fields:
    """Make a dataclass of values from JSON; fields that have a default may be missing.

    Raises TypeError if a name or a type does not belong to the class.
    """
    kinds = get_type_hints(cls)
    needed = {field.name for field in fields(cls) if field.default is MISSING}
    if not isinstance(values, dict) or not needed <= values.keys() <= kinds.keys():
        raise TypeError(f"the fields are not those of {cls.__name__}")
    for name, value in values.items():
        choices = get_args(kinds[name]) if isinstance(kinds[name], UnionType) else (kinds[name],)
        if not isinstance(value, tuple(get_origin(kind) or kind for kind in choices)):
            raise TypeError(f"{name} is {value!r:.40}")
    return cls(**values)


def verified(name: str, file: str, digest: str | None, limit: int = _LIMIT) -> bytes:
    """The bytes of a network's file. Raises ModelError for more than `limit` bytes or another digest."""
    try:
        content = read_file(name, file, limit)
    except FileNotFoundError:
        raise ModelError(f"{file} is missing") from None
    if len(content) > limit:
        raise ModelError(f"{file} is larger than this network can need ({limit:,} bytes)")
    if hashlib.sha256(content).hexdigest() != digest:
        raise ModelError(f"{file} is not the file that run.json describes (its SHA-256 differs)")
    return content


def _missing(name: str) -> str:
    if checkpoint_folder(name).is_dir():
        return f"{name} is not trained to its end; start its `train` command again"
    if (Path("Demo") / MODEL_OUTPUT / name / RECORD).is_file():
        return f"no trained network {name!r} here, but in Demo/{MODEL_OUTPUT}/: first type cd Demo"
    trained = trained_names()
    hint = did_you_mean(name, trained) or f"; trained are: {', '.join(trained) or 'none yet'}"
    return f"no trained network {name!r} in {MODEL_OUTPUT}/{hint}"
