"""A model file's meaning as one immutable value."""

from dataclasses import dataclass

from MNIST.language.augmentations import Augmentation
from MNIST.language.inputs import InputStep, Scale
from MNIST.language.layer import Layer
from MNIST.language.optimizers import Optimizer
from MNIST.language.schedules import CONSTANT, Schedule
from MNIST.language.stop import Stop


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A network and how it is trained. Equal specs are equal models, wherever they were written.

    Each section of a model file has its field; epochs, batch_size and label_smoothing stand in `Optimizer:`.
    augment: each kind at most once, in the order of `AUGMENTATIONS`. label_smoothing: the proportion of each
    label, in [0, 1), that is spread evenly over all classes while training.
    """

    input: tuple[InputStep, ...] = (Scale(),)
    layers: tuple[Layer, ...]
    optimizer: Optimizer
    epochs: int
    batch_size: int
    label_smoothing: float = 0.0
    schedule: Schedule = CONSTANT
    augment: tuple[Augmentation, ...] = ()
    stop: Stop | None = None
