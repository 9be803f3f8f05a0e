"""A trained network as every format needs it: what it computes with, without the engine that trained it."""

from dataclasses import dataclass

from MNIST.engines import Arrays
from MNIST.language import ModelSpec


@dataclass(frozen=True)
class SharedNetwork:
    """text: the model file as it stood; spec: it, simplified; weights: by name, of any precision;
    pixels: mean and standard deviation of the training images, in [0, 1].
    """

    name: str
    text: str
    spec: ModelSpec
    weights: Arrays
    pixels: tuple[float, float]
