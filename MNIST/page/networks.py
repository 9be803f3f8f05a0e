"""Trained networks as a page takes them: the model's text, and the weights as bytes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from MNIST.language import Network, canonical_text
from MNIST.page.numbers import Numbers, Place
from MNIST.words import DIGITS

MOST_IN_FULL = 1_000_000
# Up to this many parameters, weights stay float32. On 200 test images the probabilities of a trained
# optimized_model differ from Keras's by 4e-7 in float32, and by 1e-3 in float16, which is half as large.


@dataclass(frozen=True)
class PageNetwork:
    """Everything that a page must know about a network.

    text: of its simplified spec. numbers: the bytes of its weights; weights: where each lies in them.
    pixel_statistics: mean and standard deviation of the training images, in [0, 1]. maps: the paths of its
    convolutions, whose output is shown as maps. parameters, flops: as `Network` counts them.
    classes: the name of each answer. form: "digit" if the network has learned digits in MNIST's form,
    "whole" if whole pictures; ink: "bright" or "dark".
    """

    name: str
    text: str
    numbers: bytes
    weights: dict[str, Place]
    pixel_statistics: tuple[float, float]
    maps: tuple[str, ...]
    parameters: int
    flops: int
    classes: tuple[str, ...] = DIGITS
    form: str = "digit"
    ink: str = "bright"


@dataclass(frozen=True)
class PageEnsemble:
    """Several networks, of the same classes, that answer as one: the mean of their probabilities."""

    name: str
    networks: tuple[PageNetwork, ...]


def page_network(
    name: str,
    network: Network,
    weights: Mapping[str, np.ndarray],
    pixel_statistics: tuple[float, float],
    classes: tuple[str, ...] = DIGITS,
    form: str = "digit",
    ink: str = "bright",
) -> PageNetwork:
    """A network with its weights by name, which are the same in every engine.

    pixel_statistics, classes, form, ink: as in `PageNetwork`.
    """
    by_gradients = network.only_engine is None  # in Columns, a neuron that only just fires must fire here too
    numbers = Numbers(compact=by_gradients and network.parameters > MOST_IN_FULL)
    places = {path: numbers.add(values) for path, values in weights.items()}
    return PageNetwork(
        name=name,
        text=canonical_text(network.spec),
        numbers=numbers.to_bytes(),
        weights=places,
        pixel_statistics=pixel_statistics,
        maps=tuple(node.path for node in network.walk() if node.layer.window and node.parameters),
        parameters=network.parameters,
        flops=network.flops,
        classes=classes,
        form=form,
        ink=ink,
    )
