"""The learning-rate range test: which learning rates make sense for a network, found in one short training.

Source: Smith (2015), Cyclical learning rates for training neural networks, arXiv:1506.01186, section 3.3. The
exponential rise, the end at four times the best loss and a tenth of the best rate are as in fast.ai's
learner and Gugger (2018), How do you find a good learning rate.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from MNIST import engines
from MNIST.data import TrainingData
from MNIST.engines import Engine
from MNIST.errors import UsageError
from MNIST.language import ModelSpec, lay_out
from MNIST.training.draws import epoch_seed, initial_weights
from MNIST.training.epoch_images import EpochImages
from MNIST.training.identity import RunSettings
from MNIST.training.memory import refuse_too_large
from MNIST.training.run import pixel_statistics

Floats = NDArray[np.float64]
OnRate = Callable[[int, int, float, float], None]
"""Called after each step with the number of steps done, that of all, the step's rate, and its loss."""

FEWEST_STEPS, MOST_STEPS = 20, 200  # if they follow from the time
TIMED_STEPS = 3
FEWEST_POINTS = 3  # of a curve
SHARE = 0.9  # of the time is planned for, because other work may slow a machine down
TOO_HIGH = 4.0  # times its best value: then the loss has diverged
MEMORY = 0.9  # of the running mean that decides this: the part that stays in each step
WIDTH = 0.12  # of the bell that smooths the curve: its standard deviation, in powers of ten of the rate
FAR = 8  # widths; beyond, a weight of the bell is below 1e-13
FALL = 0.1  # of the first loss: if it does not fall by as much, nothing is suggested
BELOW_LEAST = 10  # the higher end of the suggestion is the rate of the least loss, divided by this


@dataclass(frozen=True)
class Suggestion:
    """The learning rates that make sense, from `low` to `high`.

    steepest: where the loss falls fastest, for the logarithm of the rate. least: where it is lowest. One end
    is `steepest`, the other is a tenth of `least`.
    """

    steepest: float
    least: float

    @property
    def low(self) -> float:
        return min(self.steepest, self.least / BELOW_LEAST)

    @property
    def high(self) -> float:
        return max(self.steepest, self.least / BELOW_LEAST)


@dataclass(frozen=True)
class RateRange:
    """What a range test measured.

    rates, losses: float64 (n,), one for each step that was made: its learning rate, and the mean loss of its
    batch before the step, in nats. The last loss is nan or infinite if no finite number was left.
    smoothed: float64 (n,), the losses averaged over rates that are near; nan where a loss is not finite.
    steps: how many there would have been. seconds: how long the steps took.
    ended: why it ended: "diverged", "seconds", or "" at the highest rate.
    suggestion: None if the loss hardly fell.
    """

    rates: Floats
    losses: Floats
    smoothed: Floats
    steps: int
    seconds: float
    ended: str
    suggestion: Suggestion | None

    @property
    def is_curve(self) -> bool:
        """Whether there are enough losses to draw them."""
        return int(np.isfinite(self.losses).sum()) >= FEWEST_POINTS


def rate_range(
    spec: ModelSpec,
    data: TrainingData,
    settings: RunSettings,
    *,
    lowest: float = 1e-6,
    highest: float = 10.0,
    steps: int | None = None,
    seconds: float = 60.0,
    on_rate: OnRate = lambda *ignored: None,
) -> RateRange:
    """Train from fresh weights while the learning rate rises from step to step; return the loss at each rate.

    lowest, highest: the first and the last rate, above 0; between them each step multiplies it by the same
    number. The spec's own rate, decay and schedule are not used; its batch size and augmentation are.
    steps: how many. None takes as many as fit into the time, 20 to 200: a few are timed before, which changes
    no number. The same number of steps gives the same losses, bit for bit, as far as the time allows.
    seconds: after this time no further step begins. It ends early if the loss is above four times its best
    (as a running mean), or not finite.
    Raises UsageError for a network that does not learn by gradients, ValueError unless 0 < lowest < highest,
    TrainingError if a step does not fit into memory.
    """
    if not 0 < lowest < highest:
        raise ValueError(f"expected 0 < lowest < highest, found {lowest} and {highest}")
    refuse_without_gradients(spec)
    batch_size = min(spec.batch_size, len(data.train))
    network = lay_out(spec).of_batches(batch_size)
    batches = _Batches(data, network.spec, settings.seed)
    refuse_too_large(network, settings, batch_size, batches.bytes_ahead)
    engine = engines.create(
        engines.name_of(settings.engine),
        network,
        precision=settings.precision,
        threads=settings.threads,
        pixel_statistics=pixel_statistics(data),
        weights=initial_weights(network, settings.seed),
    )
    try:
        if steps is None:
            steps = _steps_within(seconds * SHARE, engine, data, batch_size)
        rates = np.geomspace(lowest, highest, steps)
        begin = time.perf_counter()
        losses, ended = _losses(engine, batches, rates, settings.seed, begin + seconds, on_rate)
        taken = time.perf_counter() - begin
    finally:
        engine.close()
    rates = rates[: len(losses)]
    smoothed = smooth(rates, losses)
    return RateRange(rates, losses, smoothed, steps, taken, ended, suggest(rates, smoothed))


def refuse_without_gradients(spec: ModelSpec) -> None:
    """Raise UsageError for a network with a learning rule that follows no gradients."""
    rule = spec.optimizer
    if not rule.follows_gradients:
        raise UsageError(
            f"{type(rule).__name__} learns without gradients: a range test of learning rates does not apply"
            " to it"
        )


def smooth(rates: Floats, losses: Floats) -> Floats:
    """The losses averaged over near rates, with weights that form a bell over the rates' logarithms.

    rates, losses: float64 (n,); each rate is the one before times the same number. Where a loss is not
    finite, the result is nan, and others do not see it.
    """
    finite = np.isfinite(losses)
    if len(rates) < 2:
        return np.where(finite, losses, np.nan)
    step = np.log10(rates[1]) - np.log10(rates[0])
    reach = min(len(rates) - 1, int(FAR * WIDTH / step))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / WIDTH) ** 2)
    total, weight = (
        np.convolve(each, bell)[reach : reach + len(rates)] for each in (np.where(finite, losses, 0), finite)
    )
    return np.divide(total, weight, out=np.full(len(rates), np.nan), where=finite)


def suggest(rates: Floats, smoothed: Floats) -> Suggestion | None:
    """The rates that a curve suggests; None if the loss does not fall by a tenth.

    rates, smoothed: float64 (n,), as in RateRange.
    """
    known = np.isfinite(smoothed)
    rates, smoothed = rates[known], smoothed[known]
    if len(rates) < FEWEST_POINTS:
        return None
    least = int(smoothed.argmin())
    if smoothed[least] > (1 - FALL) * smoothed[0]:
        return None
    slopes = np.gradient(smoothed, np.log(rates))
    return Suggestion(float(rates[slopes[: least + 1].argmin()]), float(rates[least]))


class _Batches:
    """The full batches of as many epochs as are needed, in the order in which `train` takes them."""

    def __init__(self, data: TrainingData, spec: ModelSpec, seed: int) -> None:
        self._size, self._each = spec.batch_size, len(data.train) // spec.batch_size
        self._images = EpochImages(data, spec.augment, seed, epochs=1)
        self.bytes_ahead = self._images.bytes_ahead

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        epoch = 0
        while True:
            epoch += 1
            with self._images.of(epoch) as (images, labels):
                for place in range(self._each):
                    part = slice(place * self._size, (place + 1) * self._size)
                    yield images[part], labels[part]


def _losses(
    engine: Engine, batches: _Batches, rates: Floats, seed: int, until: float, on_rate: OnRate
) -> tuple[Floats, str]:
    """The loss of each step, and why the steps ended. until: on the clock of `time.perf_counter`."""
    losses: list[float] = []
    mean, best = 0.0, np.inf
    for step, (rate, (images, labels)) in enumerate(zip(rates, batches, strict=False), start=1):
        if losses and time.perf_counter() > until:
            return np.array(losses), "seconds"
        loss = _step(engine, images, labels, float(rate), epoch_seed(seed, step))
        losses.append(loss)
        on_rate(step, len(rates), float(rate), loss)
        mean = MEMORY * mean + (1 - MEMORY) * loss
        running = mean / (1 - MEMORY**step)
        best = min(best, running)
        if not running <= TOO_HIGH * best:  # also true of a nan
            return np.array(losses), "diverged"
    return np.array(losses), ""


def _step(engine: Engine, images: np.ndarray, labels: np.ndarray, rate: float, seed: int) -> float:
    """The mean loss of a batch before the step that it makes: to an engine it is an epoch of one step."""
    with np.errstate(all="ignore"):  # at the end numbers overflow
        metrics = engine.train_epoch(images, labels, np.array([rate], np.float32), seed, lambda *now: None)
    return metrics.loss


def _steps_within(seconds: float, engine: Engine, data: TrainingData, batch_size: int) -> int:
    """How many steps fit into the time, FEWEST_STEPS to MOST_STEPS. The engine's state stays the same."""
    state = engine.get_state()
    part = data.train[:batch_size]
    images, labels = data.images[part], data.labels[part]
    _step(engine, images, labels, 0.0, 0)  # the first one also compiles
    begin = time.perf_counter()
    for _ in range(TIMED_STEPS):
        _step(engine, images, labels, 0.0, 0)
    each = (time.perf_counter() - begin) / TIMED_STEPS
    engine.set_state(state)
    return max(FEWEST_STEPS, min(MOST_STEPS, ceil(seconds / each)))
