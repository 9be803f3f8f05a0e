"""The lines of `Stop:`: when a training ends before its last epoch, and which weights are kept."""

from dataclasses import dataclass, replace

from MNIST.language.grammar import keyword, real, whole
from MNIST.language.schedules import MONITOR

ACCURACY = replace(real(0, 1, above=True), expects="a proportion above 0 and at most 1 (99 % is 0.99)")


@dataclass(frozen=True)
class Stop:
    """Ends a training early, judging by the validation images.

    patience: stop after this many epochs in a row without a better one; the weights of the best epoch are
    kept, however the training ends. The better epoch has the lower validation loss or, with
    monitor=accuracy, the higher validation accuracy. Source: Prechelt (1998), Early stopping - but when?
    accuracy: stop after an epoch with at least this validation accuracy.
    """

    patience: int | None = keyword(whole(1, 100_000), None)
    accuracy: float | None = keyword(ACCURACY, None)
    monitor: str = keyword(MONITOR, "loss")
