"""The rule of `Stop:`: when training ends before its last epoch, and which epoch's weights are kept.

It depends on the history alone, so a run that goes on from a checkpoint ends where it would have ended.
"""

from collections.abc import Sequence

from MNIST.language import Stop
from MNIST.training.checkpoint import EpochResult


def keeps_best(stop: Stop | None) -> bool:
    """Whether the weights of the best epoch are kept instead of those of the last."""
    return stop is not None and stop.patience is not None


def kept_epoch(stop: Stop | None, history: Sequence[EpochResult]) -> EpochResult:
    """The epoch whose weights are kept if training ends after these epochs (at least one).

    With `patience` it is the best epoch, and the first of them if several are equal; else the last one. If
    every figure is nan, it is the first.
    Source: Keras's EarlyStopping with restore_best_weights.
    """
    if stop is None or not keeps_best(stop):
        return history[-1]
    best, least = history[0], float("inf")
    for result in history:
        value = -result.val_accuracy if stop.monitor == "accuracy" else result.val_loss
        if value < least:
            best, least = result, value
    return best


def is_over(stop: Stop | None, history: Sequence[EpochResult]) -> bool:
    """Whether training ends after these epochs, even if more were wanted."""
    return bool(why_over(stop, history))


def why_over(stop: Stop | None, history: Sequence[EpochResult]) -> str:
    """Say in words why training ends after these epochs, even if more were wanted; "" if it does not."""
    if stop is None or not history:
        return ""
    reached = history[-1].val_accuracy
    if stop.accuracy is not None and reached >= stop.accuracy:
        return f"its validation accuracy, {reached:.2%}, has reached {100 * stop.accuracy:g}%"
    if stop.patience is not None and len(history) - kept_epoch(stop, history).epoch >= stop.patience:
        epochs = f"{stop.patience} epoch{'s' * (stop.patience != 1)}"
        return f"no better validation {stop.monitor} for {epochs}"
    return ""
