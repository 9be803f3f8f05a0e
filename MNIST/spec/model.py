"""A model file's meaning as one immutable value."""

from dataclasses import dataclass

from MNIST.spec.inputs import InputStep, Scale
from MNIST.spec.layers import Layer
from MNIST.spec.optimizers import Optimizer


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A network and how it is trained. Equal specs are equal models; where they were written is no part.

    One field for what each section of a model file says; epochs and batch_size stand in `Optimizer:`.
    """

    input: tuple[InputStep, ...] = (Scale(),)
    layers: tuple[Layer, ...]
    optimizer: Optimizer
    epochs: int
    batch_size: int
