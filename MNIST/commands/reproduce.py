"""Train networks again from their records, and compare every number and every weight, bit for bit.

Usage:
    python MNIST reproduce <model-name> [<dataset-dir>] [options]
    python MNIST reproduce --help

It says that the network is the same to the last bit; or it names the first number that differs, and what
differs between the two machines. There, it says whether the two validation accuracies, or without validation
images the training accuracies, agree within what chance allows, and whether the recorded weights answer as
the record says.
The new network is trained in Reproduced/<model-name>/, and reproduced.json there says what came of it, to
hand in; a network that is refused has none. Interrupted? The same command goes on. The exit code is 0 if the
record holds; else 1, or 2 if there is nothing to compare, as with other data or a network of a laboratory.

Arguments:
    <model-name>     a network trained by `train` or `explore`, several, comma separated, or "net_*"; or a
                     folder that somebody sent
    <dataset-dir>    the data that it learned from; without it, the folder that its record names, or Data

Options:
    --epochs N       train only the first N epochs, for a quicker look; the weights are then not compared
    --from NAME      the network that it began from, if that has another name here
    --engine NAME    compute with another engine than the record's; bits will differ
    --threads N      threads for one operation; without it, as many as the record says
    -q, --quiet      print only warnings and errors
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST import __version__, cli
from MNIST.commands import values
from MNIST.commands.values import MOST_EPOCHS, MOST_THREADS, optional_whole_number
from MNIST.errors import MNISTError, ModelError, UsageError
from MNIST.files import only_one, write_atomically
from MNIST.paths import MODEL_OUTPUT, REPRODUCED, TOGETHER, checked_name, is_name, name_from
from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.data import About
    from MNIST.engines import Engine
    from MNIST.training import EpochResult, Reproduction, Run, RunRecord

CERTIFICATE = "reproduced.json"
# What rounding on another machine may change: the answers of so many of the images, and so much of the loss.
ROUNDED, ROUNDED_LOSS = 0.002, 0.02
TINY_LOSS = 0.002  # of a smaller loss, as much may change as of this one
SIMILAR = 0.01  # in accuracy, of two trainings that differ by rounding


def run(options: Mapping[str, Any]) -> int:
    """Train each again; return 0 if what comes out is what was recorded."""
    places = _places(options["<model-name>"])
    if len(places) == 1:
        return _reproduce(*places[0], options)
    codes = {}
    for place, name in places:
        try:
            codes[name] = _reproduce(place, name, options)
        except MNISTError as error:
            print(error, file=sys.stderr)
            codes[name] = error.exit_code
        print()
    if others := [name for name, code in codes.items() if code]:
        print(f"Not shown to be as recorded: {', '.join(others)}", file=sys.stderr)
    print(f"{len(codes) - len(others)} of {len(codes)} networks are what their records say.")
    return max(codes.values())


def _reproduce(place: str, name: str, options: Mapping[str, Any]) -> int:
    """Train a network again; return 0 if what comes out is what was recorded."""
    epochs = optional_whole_number(options["--epochs"], "--epochs", MOST_EPOCHS)
    engine = values.engine(options["--engine"])
    threads = optional_whole_number(options["--threads"], "--threads", MOST_THREADS)

    from MNIST import engines, training
    from MNIST.data import load, split

    folder = REPRODUCED / name
    (folder / CERTIFICATE).unlink(missing_ok=True)  # what it said may no longer hold
    record = training.read_record(place)
    recorded = record.settings
    trainer = engines.name_of(recorded.engine)
    if trainer in engines.ELSEWHERE:
        raise UsageError(
            f"{name} was trained in a laboratory, in a browser: train its text there again, with the seed"
            f" {recorded.seed}; Model_Output/{name}/spec.txt is the text"
        )
    begun = _as_begun(record)
    spec = training.recorded_spec(place, record, record.epochs_asked or _epochs_asked(begun))
    history = training.read_history(place)[: epochs or record.epochs]
    dataset = load(_data(options["<dataset-dir>"], begun))
    if dataset.digest != recorded.data_digest:
        raise UsageError(
            f"{name} did not learn from these images of {dataset.name}: give the folder of its data"
        )
    data = split(dataset, recorded.split, recorded.seed, recorded.images)
    start = None
    if recorded.start:
        before = options["--from"] or begun.get("--from")
        if before is None:
            raise UsageError(f"{name} began with the weights of another network: name it by --from")
        try:
            start = training.weights_of(checked_name(before, "model name"), spec, threads or recorded.threads)
        except ModelError as error:
            raise ModelError(
                f"{name} began with the weights of {before}: {error};"
                " if that network has another name here, --from names it"
            ) from None
        if training.weights_digest(start) != recorded.start:
            raise UsageError(f"{name} did not begin with these weights of {before}")
    settings = training.resolve_settings(
        dataset.digest,
        images=recorded.images,
        split=recorded.split,
        seed=recorded.seed,
        engine=engine or trainer,
        precision="auto" if engine else recorded.precision,
        threads=threads or recorded.threads,
        start=start,
    )
    changes = training.changes_here(record, settings)
    print(
        f"{name}: {counted(record.parameters, 'parameter')}, {counted(len(history), 'epoch')} to train again"
    )
    print(settings)
    if changes:
        print(f"Not as recorded: {changes}.")
    with only_one(folder / ".lock", f"{name} is being reproduced by another process; wait for it"):
        run = training.Run(
            spec,
            data,
            settings,
            epochs=len(history),
            checkpoint=folder / "checkpoint",
            start=start,
            warn=_warn,
        )
        _refuse_other_facts(name, record, run, dataset.about)
        _train(run, history, stop=not changes)
        found = _compare(place, name, record, history, run, changes)
        training.remove_checkpoints(folder / "checkpoint")
        when = datetime.now(UTC).isoformat(timespec="seconds")
        write_atomically(folder / CERTIFICATE, found.certificate(settings, __version__, when))
    print(f"\n{_verdict(found)}", file=sys.stdout if found.holds else sys.stderr, flush=True)
    print(f"Written: {folder / CERTIFICATE}")
    return 0 if found.holds else 1


def _places(given: str) -> list[tuple[str, str]]:
    """For each network: where it is, as `read_record` takes it, and what to call it."""
    folder = Path(given)
    is_here = is_name(given) and (MODEL_OUTPUT / given).is_dir()
    if not is_here and "\0" not in given and (folder / "run.json").is_file():
        return [(str(folder.resolve()), name_from(folder.resolve().name) or "network")]
    names = values.model_names(given)
    if ensembles := [name for name in names if TOGETHER in name]:
        raise UsageError(f"{ensembles[0][:64]} is not one network: reproduce each of its networks")
    return [(name, name) for name in names]


def _as_begun(record: "RunRecord") -> Mapping[str, Any]:
    """The options of the command that began the run, as far as they can be read."""
    with suppress(UsageError, ValueError, TypeError):
        _, _, name, *words = record.command
        if name in ("train", "explore"):
            return cli.parse(name, cli.module_of(name).__doc__ or "", words)
    return {}


def _epochs_asked(begun: Mapping[str, Any]) -> int | None:
    """The number of epochs that an older record's command asked for; None if it left that to the text."""
    with suppress(UsageError):
        return optional_whole_number(begun.get("--epochs"), "--epochs", MOST_EPOCHS)
    return None


def _data(given: str | None, begun: Mapping[str, Any]) -> Path:
    """The folder of the data: the one given, the one that the run was begun with if it is here, or Data."""
    if given is not None:
        return Path(given)
    recorded = begun.get("<dataset-dir>")
    return Path(recorded) if isinstance(recorded, str) and Path(recorded).is_dir() else Path("Data")


def _refuse_other_facts(name: str, record: "RunRecord", run: "Run", about: "About") -> None:
    """Raise ModelError if a fact in the record, known before the first epoch, is not one of this run.

    Pixel statistics may differ by rounding: another version of NumPy may add in another order.
    """
    mean, deviation = run.pixel_statistics
    facts = {
        "parameters": record.parameters == run.network.parameters,
        "training_images": record.training_images == len(run.data.train),
        "validation_images": record.validation_images == len(run.data.validation),
        "pixel_mean": isclose(record.pixel_mean, mean),
        "pixel_deviation": isclose(record.pixel_deviation, deviation),
        "classes": record.about.classes == about.classes,
        "ink": record.ink == about.ink,
        "form": record.form == about.form,
    }
    if wrong := [fact for fact, is_so in facts.items() if not is_so]:
        raise _changed(name, wrong)


def _changed(name: str, facts: Sequence[str]) -> ModelError:
    return ModelError(
        f"{name}: run.json says what this run does not have ({', '.join(facts)}); it was changed, or"
        " another version of this program wrote it"
    )


class _DiffersError(Exception):
    """An epoch is not what was recorded, and training on would show nothing more."""


def _train(run: "Run", recorded: "list[EpochResult]", stop: bool) -> None:
    """Train with a display. stop: whether to stop at the first difference."""
    from MNIST import training
    from MNIST.report.terminal.training_display import TrainingDisplay

    def differs() -> bool:
        return stop and training.first_difference(recorded[: len(run.history)], run.history) is not None

    with TrainingDisplay(run.epochs, len(run.history), run.steps, len(run.data.train)) as display:

        def show(result: "EpochResult") -> None:
            display.on_epoch(result)
            if differs():
                raise _DiffersError

        with suppress(_DiffersError):
            if not differs():
                run.train(show, display.on_step)


def _compare(
    place: str, name: str, record: "RunRecord", recorded: "list[EpochResult]", run: "Run", changes: str
) -> "Reproduction":
    from MNIST import training
    from MNIST.report.intervals import difference_interval

    stopped_early = len(run.history) < len(recorded) and not run.is_over
    before = recorded[: len(run.history)] if stopped_early else recorded
    difference = training.first_difference(before, run.history)
    equal, apart, fit = None, None, None
    if len(recorded) == record.epochs and not stopped_early:
        trained = training.load_trained(place, run.settings.threads)
        both = trained.engine.get_weights(), run.engine.get_weights()
        equal = training.weights_digest(both[0]) == training.weights_digest(both[1])
        if not equal:
            fit = _fit(trained.engine, record.kept(recorded), run)
        trained.engine.close()
        apart = training.largest_difference(*both)
        if difference is None and record.kept(recorded).epoch != run.kept.epoch:
            raise _changed(name, ["kept_epoch"])
    accuracies, agree = None, None
    if not stopped_early:
        one = recorded[-1] if equal is None else record.kept(recorded)
        other = run.history[-1] if equal is None else run.kept
        images, accuracies = len(run.data.validation), (one.val_accuracy, other.val_accuracy)
        if not images:
            images, accuracies = len(run.data.train), (one.accuracy, other.accuracy)
        first, second = (round(accuracy * images) for accuracy in accuracies)
        low, high = difference_interval(first, images, second, images)
        agree = low <= 0 <= high
    return training.Reproduction(
        name, record, len(run.history), difference, equal, apart, fit, changes, accuracies, agree
    )


def _fit(recorded: "Engine", kept: "EpochResult", run: "Run") -> bool:
    """Whether recorded weights answer as their history says, up to what rounding may change.

    Without validation images the history does not say it: then they must answer about as many training images
    right as the new weights do.
    """
    from MNIST.engines.metrics import accuracy, cross_entropy

    data = run.data
    places = data.validation if len(data.validation) else data.train
    images, labels = data.images[places], data.labels[places]
    logits = recorded.logits(images)
    if not len(data.validation):
        return abs(accuracy(logits, labels) - accuracy(run.engine.logits(images), labels)) <= SIMILAR
    others = abs(accuracy(logits, labels) - kept.val_accuracy) * len(labels)
    further = abs(cross_entropy(logits, labels) - kept.val_loss)
    return others <= max(2, ROUNDED * len(labels)) and further <= ROUNDED_LOSS * max(kept.val_loss, TINY_LOSS)


def _verdict(found: "Reproduction") -> str:
    """What came of it, in sentences."""
    epochs = counted(found.epochs, "epoch")
    if found.is_same:
        what = f"{epochs} and {counted(found.record.parameters, 'weight')}" if found.is_whole else epochs
        more = "" if found.is_whole else f" of {found.record.epochs:,}; the weights were not compared"
        return f"{found.name} is the same, to the last bit: {what}{more}."
    lines = []
    if found.difference:
        lines.append(f"{found.name} is not the same, from {found.difference}.")
    else:
        lines.append(
            f"The history of {found.name} is the same, but its weights are not:"
            f" they are up to {found.weights_apart:.1e} apart."
        )
    if not found.changes:
        lines.append(
            "Nothing differs here from what the record names. So the record or the network was changed,"
            " or it comes from another machine than it says."
        )
        return "\n".join(lines)
    lines.append(f"What differs here: {found.changes}.")
    if found.weights_fit is False:
        lines.append("The recorded weights do not answer as the record says: they are of another training.")
    if found.accuracies:
        one, other = found.accuracies
        agreement = "agree" if found.agree else "do not agree"
        lines.append(
            f"{found.judged_by.capitalize()} accuracies: {one:.2%} recorded, {other:.2%} here;"
            f" they {agreement} within what chance allows (95 %)."
        )
    return "\n".join(lines)


def _warn(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
