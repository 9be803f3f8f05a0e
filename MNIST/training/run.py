"""The one epoch loop that drives every engine: start or resume a run, train it epoch by epoch."""

import time
from collections.abc import Callable
from dataclasses import asdict
from math import ceil, isfinite
from pathlib import Path

import numpy as np

from MNIST import engines
from MNIST.data import TrainingData
from MNIST.engines import Arrays, Engine, OnStep
from MNIST.engines.metrics import accuracy, cross_entropy
from MNIST.engines.processor import cores
from MNIST.errors import DataError, DivergedError, UsageError
from MNIST.language import ModelSpec, lay_out
from MNIST.training.checkpoint import (
    Checkpoint,
    EpochResult,
    newest_epoch,
    read_checkpoints,
    save_checkpoint,
)
from MNIST.training.draws import epoch_seed, initial_weights
from MNIST.training.epoch_images import EpochImages
from MNIST.training.identity import RunSettings, other_text, run_identity, weights_digest
from MNIST.training.memory import peak_memory, refuse_too_large, reset_peak_memory
from MNIST.training.rates import epoch_rates
from MNIST.training.stopping import is_over, keeps_best, kept_epoch
from MNIST.words import counted

OnEpoch = Callable[[EpochResult], None]
Warn = Callable[[str], None]


def _ignore(*ignored: object) -> None:
    pass


class Run:
    """A network in training: its engine, and the history of the whole epochs so far.

    checkpoint: the folder in which each epoch is saved, and from which an interrupted run goes on; None saves
    nothing. A checkpoint there is used only if it is of the same run (same text, data, seed, …) and has at
    most `epochs` epochs. start: the initial weights, whose digest is in the settings; None draws them from
    the seed.
    """

    def __init__(
        self,
        spec: ModelSpec,
        data: TrainingData,
        settings: RunSettings,
        *,
        epochs: int,
        checkpoint: Path | None = None,
        start: Arrays | None = None,
        warn: Warn = _ignore,
    ) -> None:
        refuse_without_validation(spec, data)
        if settings.start != ("" if start is None else weights_digest(start)):
            raise ValueError("these are not the weights that the settings name")
        self.network, self.data, self.settings = lay_out(spec), data, settings
        self.epochs = epochs
        self.identity = run_identity(spec, settings)
        self._images = EpochImages(data, self.spec.augment, settings.seed, epochs)
        batch_size = min(self.spec.batch_size, len(data.train))
        refuse_too_large(self.network, settings, batch_size, self._images.bytes_ahead)
        self.pixel_statistics = pixel_statistics(data)
        self.history: list[EpochResult] = []
        self._best: Arrays = {}  # the weights of the best epoch, if the run will go back to them
        self._folder = checkpoint
        self._warn = warn
        self.engine: Engine = engines.create(
            engines.name_of(settings.engine),
            self.network,
            precision=settings.precision,
            threads=settings.threads,
            pixel_statistics=self.pixel_statistics,
            weights=initial_weights(self.network, settings.seed) if start is None else start,
        )
        self._resume()

    @property
    def spec(self) -> ModelSpec:
        """The network's model, simplified."""
        return self.network.spec

    @property
    def steps(self) -> int:
        """How many steps an epoch has; the last step takes the images that are left."""
        return ceil(len(self.data.train) / self.spec.batch_size)

    @property
    def kept(self) -> EpochResult:
        """The epoch whose weights the engine keeps when training ends, chosen from those so far."""
        return kept_epoch(self.spec.stop, self.history)

    @property
    def is_over(self) -> bool:
        """Whether `Stop:` has ended the run, even if more epochs were wanted."""
        return is_over(self.spec.stop, self.history)

    @property
    def saved(self) -> int:
        """After how many of its epochs the newest checkpoint was written; the last may not be written yet."""
        return min(len(self.history), newest_epoch(self._folder)) if self._folder else 0

    def train(self, on_epoch: OnEpoch = _ignore, on_step: OnStep = _ignore) -> list[EpochResult]:
        """Train up to `epochs` epochs, or until `Stop:` ends the run; return the history from epoch 1.

        Each epoch is saved before `on_epoch` is called with it. In the end the engine has the weights of the
        epoch `kept`.
        Raises DivergedError if the loss or a weight is no longer finite; the last checkpoint stays.
        """
        while len(self.history) < self.epochs and not self.is_over:
            result = self._train_epoch(len(self.history) + 1, on_step)
            self._refuse_divergence(result)
            self.history.append(result)
            if keeps_best(self.spec.stop) and self.kept is result:
                self._best = self.engine.get_weights()
            if self._folder:
                self.save(self._folder)
            on_epoch(result)
        if self._best:
            self.engine.set_weights(self._best)
        return self.history

    def save(self, folder: Path) -> None:
        """Save the state after the epochs so far as a checkpoint in this folder."""
        state = self.engine.get_state()
        settings = asdict(self.settings)
        save_checkpoint(folder, Checkpoint(self.identity, settings, self.history, state, self._best))

    def _train_epoch(self, epoch: int, on_step: OnStep) -> EpochResult:
        seed = epoch_seed(self.settings.seed, epoch)
        rates = epoch_rates(self.spec, epoch, self.steps, self.history)
        reset_peak_memory()
        start = time.perf_counter()
        with self._images.of(epoch) as (images, labels):
            metrics = self.engine.train_epoch(images, labels, rates, seed, on_step)
        seconds, peak = time.perf_counter() - start, peak_memory()
        val_loss, val_accuracy = self._validate()
        return EpochResult(
            epoch,
            metrics.loss,
            metrics.accuracy,
            val_loss,
            val_accuracy,
            float(rates[-1]),
            metrics.gradient_norm_mean,
            metrics.gradient_norm_variance,
            seconds,
            peak,
        )

    def _validate(self) -> tuple[float, float]:
        data = self.data
        if len(data.validation) == 0:
            return float("nan"), float("nan")
        logits, labels = self.engine.logits(data.images[data.validation]), data.labels[data.validation]
        return cross_entropy(logits, labels), accuracy(logits, labels)

    def _refuse_divergence(self, result: EpochResult) -> None:
        finite = isfinite(result.loss) and (len(self.data.validation) == 0 or isfinite(result.val_loss))
        if finite and all(np.isfinite(weight).all() for weight in self.engine.get_weights().values()):
            return
        kept = f"the state after epoch {saved} is kept; " if (saved := self.saved) else ""
        rate = epoch_rates(self.spec, result.epoch, self.steps, self.history).max()
        what = "the loss or a weight is no longer a finite number"
        hint = f"try a smaller learning rate than {rate:g}"
        if not self.spec.optimizer.follows_gradients:  # LeastSquares, which cannot step too far
            what = "the last layer gets numbers that are too large to compute with"
            hint = "try tanh as the activation of the layers before it, or fewer layers"
        raise DivergedError(f"diverged at epoch {result.epoch}: {what}; {kept}{hint}")

    def _resume(self) -> None:
        """Go on from the newest checkpoint of this run; warn if all are of others, or damaged."""
        other, damaged = None, False

        def warn(line: str) -> None:
            nonlocal damaged
            damaged = True
            self._warn(line)

        for found in read_checkpoints(self._folder, warn) if self._folder else ():
            if found.identity == self.identity and not self._lacking(found):
                try:
                    self.engine.set_state(found.state)
                except ValueError as error:
                    epoch = counted(len(found.history), "epoch")
                    warn(f"the checkpoint after {epoch} is not of this network ({error}); going back")
                    continue
                self.history, self._best = list(found.history), found.best
                return
            other = other or found
        if other:
            self._warn(f"starting afresh: {self._difference(other)}")
        elif damaged:
            self._warn("starting afresh: no checkpoint is left that is intact")

    def _difference(self, found: Checkpoint) -> str:
        if found.identity == self.identity:
            return f"the checkpoint there {self._lacking(found)}"
        changes = self.settings.changes_from(found.settings) or other_text(self.spec)
        return f"the checkpoint there is of another run ({changes})"

    def _lacking(self, found: Checkpoint) -> str:
        """Say in words why this run cannot go on from its own checkpoint; "" if it can."""
        if len(found.history) > self.epochs:
            return f"has {counted(len(found.history), 'epoch')}, and {self.epochs} wanted"
        lost = keeps_best(self.spec.stop) and not found.best
        return "lacks the weights of its best epoch" if lost else ""


def continue_run(
    spec: ModelSpec,
    data: TrainingData,
    settings: RunSettings,
    *,
    epochs: int,
    checkpoint: Path | None = None,
    on_epoch: OnEpoch = _ignore,
) -> list[EpochResult]:
    """Train a run, from its checkpoint if it has one, up to `epochs` or until `Stop:`; close its engine.

    Returns the history from epoch 1. Raises DivergedError if it diverges, TrainingError if it does not fit
    into memory.
    """
    run = Run(spec, data, settings, epochs=epochs, checkpoint=checkpoint)
    try:
        return run.train(on_epoch)
    finally:
        run.engine.close()


def resolve_settings(
    data_digest: str,
    *,
    images: int | None,
    split: float,
    seed: int,
    engine: str = "keras",
    precision: str = "auto",
    threads: int | None = None,
    start: Arrays | None = None,
) -> RunSettings:
    """The settings of a run on this machine; `auto` becomes a precision, and versions are filled in.

    threads: None takes all cores that this process may use.
    start: the initial weights; None draws them from the seed.
    """
    return RunSettings(
        data_digest=data_digest,
        images=images,
        split=split,
        seed=seed,
        engine=engines.version(engine),
        device=engines.device(engine),
        precision=engines.resolve_precision(engine, precision),
        threads=threads or cores(),
        start="" if start is None else weights_digest(start),
    )


def refuse_without_validation(spec: ModelSpec, data: TrainingData) -> None:
    """Raise UsageError if the spec needs validation images and none are held out."""
    schedule = type(spec.schedule).__name__ if spec.schedule.needs_validation else None
    part = schedule or ("Stop" if spec.stop else None)
    if part and len(data.validation) == 0:
        images = len(data.train)
        hint = "take --split 0.9" if round(0.9 * images) < images else "take more --images"
        raise UsageError(f"{part} goes by the validation images, and this split leaves none; {hint}")


AT_ONCE = 1_000  # images


def pixel_statistics(data: TrainingData) -> tuple[float, float]:
    """Mean and standard deviation of the training images' pixels, in [0, 1].

    Raises DataError if all pixels are equal.
    """
    counts = np.zeros(256, np.int64)
    for begin in range(
        0, len(data.train), AT_ONCE
    ):  # all images at once would be copied, to eight times the size
        counts += np.bincount(data.images[data.train[begin : begin + AT_ONCE]].ravel(), minlength=256)
    if np.count_nonzero(counts) == 1:
        raise DataError(
            f"every pixel of the {counted(len(data.train), 'training image')} is {counts.argmax()}:"
            " there is nothing to learn from"
        )
    values = np.arange(256) / 255
    mean = float((counts * values).sum() / counts.sum())
    variance = float((counts * (values - mean) ** 2).sum() / counts.sum())
    return mean, variance**0.5
