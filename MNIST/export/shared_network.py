"""A trained network as every format needs it, without the engine that trained it."""

from dataclasses import dataclass

from MNIST.engines import Arrays
from MNIST.language import Network


@dataclass(frozen=True)
class SharedNetwork:
    """A network with its name and its weights.

    text: the model file's text; network: its meaning; weights: by name, in any precision;
    pixel_statistics: mean and standard deviation of the training images, in [0, 1]. classes: their names.
    training_images, validation_images: how many trained the network and how many others judged it.
    paper: the value of a pixel without ink, 0 or 255.
    """

    name: str
    text: str
    network: Network
    weights: Arrays
    pixel_statistics: tuple[float, float]
    classes: tuple[str, ...]
    training_images: int = 54_000
    validation_images: int = 6_000
    paper: int = 0
