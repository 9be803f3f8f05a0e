"""The lines of `Schedule:`: how the learning rate changes while a network is trained.

`rate` is the optimizer's, t the step from 0, T the number of steps in the whole training. The rate that a
schedule gives is also divided by 1 + decay · t. The arithmetic is in `MNIST/training/rates.py`.
"""

from dataclasses import dataclass
from typing import ClassVar

from MNIST.language.grammar import choice, keyword, positional, real, whole

RATE = real(0, 1e30)
WARMUP = real(0, 1, below=True)
MONITOR = choice(("loss", "accuracy"))


@dataclass(frozen=True)
class Schedule:
    """What all schedules share.

    needs_length: whether a rate depends on how many epochs there will be, so that a training of 5 epochs
    is not the beginning of one of 10. needs_validation: whether it depends on the validation figures.
    """

    needs_length: ClassVar[bool] = False
    needs_validation: ClassVar[bool] = False


@dataclass(frozen=True)
class Constant(Schedule):
    """`rate`, in every step. A file without `Schedule:` has this schedule."""


CONSTANT = Constant()


@dataclass(frozen=True)
class Cosine(Schedule):
    """Rises evenly from 0 to `rate` in the first warmup · T steps, then falls by half a cosine to `final`.

    Source: Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts,
    arXiv:1608.03983, without restarts; the warm-up as in Goyal et al. (2017), arXiv:1706.02677.
    """

    needs_length: ClassVar[bool] = True
    warmup: float = keyword(WARMUP, 0.0)
    final: float = keyword(RATE, 0.0)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Rises evenly from `rate` to `peak` in the first warmup · T steps, then falls evenly to `final`.

    Source: Smith and Topin (2018), Super-convergence, arXiv:1708.07120.
    """

    needs_length: ClassVar[bool] = True
    peak: float = positional(real(0, 1e30, above=True))
    warmup: float = keyword(WARMUP, 0.3)
    final: float = keyword(RATE, 0.0)


@dataclass(frozen=True)
class Step(Schedule):
    """`rate`, multiplied by `factor` after every `every` epochs."""

    every: int = positional(whole(1, 100_000))
    factor: float = positional(real(0, 1, above=True), 0.1)


@dataclass(frozen=True)
class Plateau(Schedule):
    """`rate`, multiplied by `factor` whenever `patience` epochs in a row were not better, but at least `min`.

    An epoch is better if its validation loss is lower, or its validation accuracy higher, than that of the
    best epoch so far by more than `delta`. Source: Keras's ReduceLROnPlateau.
    """

    needs_validation: ClassVar[bool] = True
    factor: float = keyword(real(0, 1, above=True), 0.5)
    patience: int = keyword(whole(1, 100_000), 3)
    min: float = keyword(RATE, 1e-5)
    monitor: str = keyword(MONITOR, "loss")
    delta: float = keyword(real(0, 1e6), 1e-4)


SCHEDULES: dict[str, type[Schedule]] = {
    "Constant": Constant,
    "Cosine": Cosine,
    "OneCycle": OneCycle,
    "Step": Step,
    "Plateau": Plateau,
}
