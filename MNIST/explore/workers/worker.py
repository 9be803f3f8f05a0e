"""What happens inside a worker: it trains a trial, times an epoch, or makes the winner's network.

A worker gets the dataset once, when it starts. The executor calls the other functions.
"""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from MNIST import engines
from MNIST.data import Dataset, TrainingData, augment, split
from MNIST.errors import BusyError, TrainingError
from MNIST.explore.plan import epochs_left
from MNIST.explore.workers.protocol import Task
from MNIST.files import only_one
from MNIST.language import ModelSpec, parse_spec
from MNIST.training import (
    EpochResult,
    Run,
    RunSettings,
    continue_run,
    newest_epoch,
    trained_files,
    weights_digest,
)
from MNIST.training.checkpoint import read_checkpoints, remove_checkpoints

LOCK_INTERVAL = 0.5  # seconds between two checks whether another process still trains the trial
LONG_ENOUGH = 0.5  # seconds of training from which the time of a whole epoch can be told
SOME = 1_000  # images to augment, or to validate, for the same purpose

PROOF = """Layers:
Conv,4,3,3,relu
MaxPool,2,2
Flatten
Dense,16,tanh
Dense,10,softmax
Optimizer:
Adam,0.01
1
32
"""
PROOF_OF_COLUMNS = """Input:
Threshold,1,128
Layers:
Columns,20,24
Optimizer:
ParallelDelta,0.05
1
32
"""

_dataset: Dataset | None = None
_has_started: list[bool] = []  # not empty once this process has timed the start of a network


def hold(dataset: Dataset) -> None:
    """Keep the dataset for all trials of this process; its test images are not needed."""
    global _dataset
    _dataset = dataset
    _split.cache_clear()


def train(
    task: Task,
    checkpoints: Path,
    report: Callable[[EpochResult], None],
    waiting: Callable[[], None] = lambda: None,
) -> None:
    """Do a task: continue from its trial's newest checkpoint, and keep the last checkpoint.

    checkpoints: a folder with one folder for each trial. report: called with each epoch, first with those
    from the checkpoint. waiting: called now and then while another process trains this trial.
    Raises TrainingError if the trial cannot go on, OSError if a checkpoint cannot be written.
    """
    folder = checkpoints / task.trial.identity
    while True:
        try:
            with only_one(folder.with_suffix(".lock"), busy="another process trains this run"):
                return _train_alone(task, folder, report)
        except BusyError:
            waiting()
            time.sleep(LOCK_INTERVAL)


def _train_alone(task: Task, folder: Path, report: Callable[[EpochResult], None]) -> None:
    trial = task.trial
    newest = next(read_checkpoints(folder, warn=lambda _: None), None)
    if newest is not None and newest.identity == trial.identity:
        for epoch in newest.history:
            report(epoch)
        if not epochs_left(trial, newest.history, task.epochs):
            return remove_checkpoints(folder, keep_newest=True)
    data = _data_of(trial.settings)
    continue_run(trial.spec, data, trial.settings, epochs=task.epochs, checkpoint=folder, on_epoch=report)
    remove_checkpoints(folder, keep_newest=True)


def describe(engine: str, precision: str) -> tuple[str, str, str]:
    """The engine with its libraries' versions, the device that it uses here, and the resolved precision."""
    return engines.version(engine), engines.device(engine), engines.resolve_precision(engine, precision)


def prove(engine: str, threads: int) -> str:
    """A digest of the weights that an engine comes to in two steps of a small network.

    The network, the images and the seed are always the same, so equal machines have equal digests.
    """
    learns = engine not in engines.WITHOUT_GRADIENTS
    spec = parse_spec(PROOF if learns else PROOF_OF_COLUMNS)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 28, 28), np.uint8)
    none = np.arange(0)
    data = TrainingData(pixels, np.arange(64, dtype=np.uint8) % 10, np.arange(64), none)
    version, device, _ = describe(engine, "float32")
    settings = RunSettings("", None, 1.0, 0, version, device, "float32", threads)
    run = Run(spec, data, settings, epochs=1)
    try:
        run.train()
        return weights_digest(run.engine.get_weights())
    finally:
        run.engine.close()


def time_epoch(spec: ModelSpec, settings: RunSettings, spare: bool) -> tuple[float, float, float] | None:
    """Seconds to build a network and compile its steps; of an epoch, told from a part of it; and once.

    spare: whether a core is free to make the next epoch's augmented images meanwhile.
    The last of the three is what a library does at the first step in a process, and never again.
    None if the network does not fit into memory.
    """
    data = _data_of(settings)
    try:
        first = 0.0 if _has_started else _seconds_to_start(spec, data, settings)
        begun = time.perf_counter()
        run = Run(spec, data, settings, epochs=1)
    except (TrainingError, MemoryError):
        return None
    try:
        _start(run)
        start = time.perf_counter() - begun
        seconds, ahead = _seconds_to_train(run), _seconds_to_augment(run)
        seconds = max(seconds, ahead) if spare else seconds + ahead
        seconds += _seconds_to_validate(run, SOME) + _seconds_to_save(run)
        return start, seconds, max(0.0, first - start)
    except MemoryError:
        return None
    finally:
        run.engine.close()


def _seconds_to_start(spec: ModelSpec, data: TrainingData, settings: RunSettings) -> float:
    """Seconds of the first start in this process."""
    begun = time.perf_counter()
    run = Run(spec, data, settings, epochs=1)
    try:
        _start(run)
        _has_started.append(True)
        return time.perf_counter() - begun
    finally:
        run.engine.close()


def _start(run: Run) -> None:
    """Have a network's steps compiled."""
    _train_part(run, 1)
    _train_part(run, run.steps, skip=run.steps - 1)  # the last step, which may be smaller
    _seconds_to_validate(run, 1)


def _seconds_to_train(run: Run) -> float:
    """Seconds of an epoch's steps. An epoch costs something by itself, however few steps it has."""
    steps, one = 1, _train_part(run, 1)
    seconds = one
    while steps < run.steps and seconds < LONG_ENOUGH:
        steps = min(4 * steps, run.steps)
        seconds = _train_part(run, steps)
    step = max(0.0, seconds - one) / (steps - 1) if steps > 1 else one
    return seconds + (run.steps - steps) * step


def _train_part(run: Run, steps: int, skip: int = 0) -> float:
    """Train the steps of an epoch from the one after `skip` to number `steps`; return the seconds."""
    size = run.spec.batch_size
    part = run.data.train[skip * size : steps * size]
    rates = np.zeros(run.steps, np.float32)  # all of the epoch's: an engine keeps a table of them
    begun = time.perf_counter()
    run.engine.train_epoch(run.data.images[part], run.data.labels[part], rates, 0, lambda *_: None)
    return time.perf_counter() - begun


def _seconds_to_augment(run: Run) -> float:
    """Seconds to make the augmented images of an epoch."""
    if not run.spec.augment:
        return 0.0
    begun, train = time.perf_counter(), run.data.train
    augment(run.data.images, train[:SOME], run.spec.augment, seed=0)
    return (time.perf_counter() - begun) * max(1, len(train) / SOME)


def _seconds_to_validate(run: Run, most: int) -> float:
    """Seconds to validate, of which at most so many images are timed."""
    begun, images = time.perf_counter(), run.data.validation
    run.engine.logits(run.data.images[images[:most]])
    return (time.perf_counter() - begun) * max(1, len(images) / most)


def _seconds_to_save(run: Run) -> float:
    """Seconds to save a checkpoint."""
    with TemporaryDirectory() as folder:
        begun = time.perf_counter()
        run.save(Path(folder))
        return time.perf_counter() - begun


def network_files(
    spec: ModelSpec,
    settings: RunSettings,
    checkpoint: Path,
    text: str,
    command: Sequence[str],
    model_file: str,
) -> dict[str, bytes]:
    """All files of a spec's trained network, as the command `train` writes them.

    checkpoint: the trial's folder. Training continues from the checkpoint there unless that has more epochs
    than the spec. model_file: what the record calls the text's file.
    Raises TrainingError if the network does not fit into memory now.
    """
    lock, found = checkpoint.with_suffix(".lock"), newest_epoch(checkpoint)
    if not 0 < found <= spec.epochs:
        return _network_files(spec, settings, None, text, command, model_file)
    try:
        with only_one(lock, busy="another process trains this run"):
            files = _network_files(spec, settings, checkpoint, text, command, model_file)
            remove_checkpoints(checkpoint, keep_newest=True)
            return files
    except BusyError:
        return _network_files(spec, settings, None, text, command, model_file)


def _network_files(
    spec: ModelSpec,
    settings: RunSettings,
    checkpoint: Path | None,
    text: str,
    command: Sequence[str],
    model_file: str,
) -> dict[str, bytes]:
    assert _dataset is not None
    run = Run(spec, _data_of(settings), settings, epochs=spec.epochs, checkpoint=checkpoint)
    try:
        run.train()
        return trained_files(run, text, _dataset.about, command, model_file)
    finally:
        run.engine.close()


def _data_of(settings: RunSettings) -> TrainingData:
    """The training and validation images of a trial; they are the same for all trials with one seed."""
    return _split(settings.split, settings.seed, settings.images)


@lru_cache(maxsize=8)
def _split(proportion: float, seed: int, images: int | None) -> TrainingData:
    assert _dataset is not None, "a worker holds its dataset before its first trial"
    return split(_dataset, proportion, seed, images)
