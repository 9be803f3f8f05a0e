"""`train --track`: start the trackers that the option names, and tell them about a run or a finished one."""

import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING

from MNIST.commands import values

if TYPE_CHECKING:
    from MNIST.data import TrainingData
    from MNIST.engines import Engine
    from MNIST.tracking import Tracking
    from MNIST.training import EpochResult, Run


def trackers(text: str | None) -> list[str]:
    """The trackers that --track names, each once. Raises UsageError if a library is not installed."""
    if text is None:
        return []
    from MNIST.tracking import TRACKERS, refuse_missing

    names = [values.one_of(word.strip(), "--track", tuple(TRACKERS)) for word in text.split(",")]
    refuse_missing(names)
    return list(dict.fromkeys(names))


def tracking(names: Sequence[str], name: str, run: "Run", text: str) -> "Tracking":
    """The tracking of a run that is about to train; it begins with the epochs trained so far."""
    settings = {**asdict(run.settings), "batch_size": run.spec.batch_size}
    return _tracking(names, name, text, run.identity, settings, run.history)


def finish(tracking: "Tracking", name: str, engine: "Engine", data: "TrainingData") -> None:
    """Tell the trackers a finished run's record, and its answers on the validation images."""
    from MNIST import training
    from MNIST.report.testing.metrics import confusion_matrix
    from MNIST.tracking import Confusion

    if not tracking:
        return
    record, confusion = training.read_record(name), None
    if len(data.validation):
        classes = record.about.classes
        answers = engine.logits(data.images[data.validation]).argmax(axis=1)
        counts = confusion_matrix(data.labels[data.validation], answers, len(classes))
        confusion = Confusion(counts, classes)
    tracking.finish(asdict(record), confusion)


def forget_earlier(names: Sequence[str], name: str) -> None:
    """Remove event files of an earlier run beside a network that TensorBoard does not track."""
    from MNIST import training
    from MNIST.tracking.event_files import forget

    if "tensorboard" not in names and forget(training.output_folder(name)):
        print(
            f"{name}/tensorboard showed an earlier run and is removed; this run was not tracked",
            file=sys.stderr,
        )


def track_finished(names: Sequence[str], name: str, data: "TrainingData", threads: int | None) -> None:
    """Track a network that is already trained, from its files, as if it had just been trained."""
    if not names:
        return
    from MNIST import training

    record = training.read_record(name)
    settings = {**asdict(record.settings), "batch_size": record.batch_size}
    text = training.read_model_text(name)
    history = training.read_history(name)
    with (
        closing(training.load_trained(name, threads).engine) as engine,
        _tracking(names, name, text, record.identity, settings, history) as tracking,
    ):
        finish(tracking, name, engine, data)


def _tracking(
    names: Sequence[str],
    name: str,
    text: str,
    identity: str,
    settings: dict[str, object],
    history: "Sequence[EpochResult]",
) -> "Tracking":
    from MNIST import training
    from MNIST.tracking import TrackedRun, Tracking

    run = TrackedRun(name, text, identity, settings, history, training.output_folder(name))
    return Tracking(names, run, warn=lambda line: print(line, file=sys.stderr, flush=True), say=print)
