"""The learning rate of each step. An epoch's rates are computed before it begins; all engines use them.

They follow from the model's text and, for Plateau, from the validation of earlier epochs. So a run that goes
on from a checkpoint uses the same rates as an uninterrupted one.
"""

from collections.abc import Sequence

import numpy as np

from MNIST.language import Constant, Cosine, ModelSpec, OneCycle, Plateau, Step
from MNIST.training.checkpoint import EpochResult


def epoch_rates(spec: ModelSpec, epoch: int, steps: int, history: Sequence[EpochResult] = ()) -> np.ndarray:
    """The rates of one epoch (counted from 1) with `steps` steps: float32 (steps,).

    history: the epochs before it, for a schedule that depends on their validation.
    The schedule's rate is divided by 1 + decay · step, Keras's classic rule, where step counts from 0 over
    all epochs. `MNIST/language/schedules.py` names the source of each schedule.
    """
    step = np.arange((epoch - 1) * steps, epoch * steps, dtype=np.float64)
    rate, decay = spec.optimizer.rate, spec.optimizer.decay
    match spec.schedule:
        case Constant():
            rates = np.full(steps, rate)
        case Cosine(warmup=warmup, final=final):
            up, down = _progress(step, warmup, spec.epochs * steps)
            rates = np.where(up < 1, rate * up, final + (rate - final) * (1 + np.cos(np.pi * down)) / 2)
        case OneCycle(peak=peak, warmup=warmup, final=final):
            up, down = _progress(step, warmup, spec.epochs * steps)
            rates = np.where(up < 1, rate + (peak - rate) * up, peak + (final - peak) * down)
        case Step(every=every, factor=factor):
            rates = np.full(steps, rate * factor ** ((epoch - 1) // every))
        case Plateau() as plateau:
            rates = np.full(steps, _after_plateaus(rate, plateau, history))
        case other:
            raise TypeError(f"no rates for {other}")
    return (rates / (1.0 + decay * step)).astype(np.float32)


def run_rates(spec: ModelSpec, steps: int, history: Sequence[EpochResult]) -> list[np.ndarray]:
    """The rates of each epoch in a history, as `epoch_rates` computed them."""
    return [epoch_rates(spec, epoch, steps, history[: epoch - 1]) for epoch in range(1, len(history) + 1)]


def _progress(step: np.ndarray, warmup: float, total: int) -> tuple[np.ndarray, np.ndarray]:
    """The progress, from 0 to 1, of the warm-up at each step, and of the part that follows the warm-up.

    total: the steps of the whole training; after them both are 1.
    """
    turn = round(warmup * total)
    up = step / turn if turn else np.ones_like(step)
    return np.minimum(up, 1), np.clip((step - turn) / max(total - turn, 1), 0, 1)


def _after_plateaus(rate: float, plateau: Plateau, history: Sequence[EpochResult]) -> float:
    """The rate after these epochs, by Keras's rule: it counts epochs from 0 again after each reduction."""
    sign = -1 if plateau.monitor == "accuracy" else 1
    best, waited = float("inf"), 0
    for result in history:
        value = sign * (result.val_accuracy if plateau.monitor == "accuracy" else result.val_loss)
        waited += 1
        if value < best - plateau.delta:
            best, waited = value, 0
        elif waited >= plateau.patience:
            rate, waited = max(rate * plateau.factor, min(rate, plateau.min)), 0
    return rate
