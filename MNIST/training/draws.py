"""Everything random in training: initial weights, the order of images, the seeds of dropout and augmentation.

All of it follows from the run's seed alone. Each purpose has its own stream of random numbers, so no draw
depends on how many were made before it. Sources of the initialisers: Glorot and Bengio (2010); He et al.
(2015); LeCun et al. (1998), Efficient BackProp.
"""

from collections.abc import Callable
from math import sqrt

import numpy as np

from MNIST.language import Network, Parameter

STREAMS = _WEIGHTS, _ORDER, _LAYERS, _IMAGES = 1, 2, 3, 4  # `data.split` draws from the seed itself


def initial_weights(network: Network, seed: int) -> dict[str, np.ndarray]:
    """Draw every weight of a network; return float32 arrays by path and name.

    A layer's stream is numbered by its position among the layers that have weights. So a Dropout that is
    added between them does not change the other layers' initial weights.
    """
    weights = {}
    owners = [node for node in network.walk() if node.parameters]
    for rank, node in enumerate(owners):
        for index, parameter in enumerate(node.parameters):
            generator = np.random.default_rng([seed, _WEIGHTS, rank, index])
            weights[f"{node.path}/{parameter.name}"] = draw(parameter, generator)
    return weights


def draw(parameter: Parameter, generator: np.random.Generator) -> np.ndarray:
    """Draw the initial values of one weight: float32, with the weight's shape."""
    return INITIALIZERS[parameter.init](parameter, generator).astype(np.float32)


def epoch_order(images: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """The training images' indices in the order in which one epoch (from 1) sees them."""
    return np.random.default_rng([seed, _ORDER, epoch]).permutation(images)


def epoch_seed(seed: int, epoch: int) -> int:
    """A 64-bit seed for the random states inside the layers (dropout) during one epoch."""
    return _seed(seed, _LAYERS, epoch)


def augmentation_seed(seed: int, epoch: int) -> int:
    """A 64-bit seed for the augmentation of the training images in one epoch."""
    return _seed(seed, _IMAGES, epoch)


def _seed(*stream: int) -> int:
    return int(np.random.SeedSequence(stream).generate_state(1, np.uint64)[0])


def _uniform(variance: Callable[[Parameter], float]) -> Callable[..., np.ndarray]:
    def initialize(parameter: Parameter, generator: np.random.Generator) -> np.ndarray:
        limit = sqrt(3 * variance(parameter))
        return generator.uniform(-limit, limit, parameter.shape)

    return initialize


def _normal(variance: Callable[[Parameter], float]) -> Callable[..., np.ndarray]:
    def initialize(parameter: Parameter, generator: np.random.Generator) -> np.ndarray:
        return generator.normal(0.0, sqrt(variance(parameter)), parameter.shape)

    return initialize


def _glorot(parameter: Parameter) -> float:
    return 2 / (parameter.fan_in + parameter.fan_out)


def _he(parameter: Parameter) -> float:
    return 2 / parameter.fan_in


def _lecun(parameter: Parameter) -> float:
    return 1 / parameter.fan_in


def _indices(parameter: Parameter, generator: np.random.Generator) -> np.ndarray:
    """Indices into the flattened map. Those along the last axis lie in one window, which may be anywhere."""
    rows, columns, channels = parameter.map
    windows = *parameter.shape[:-1], 1
    row, column = (
        generator.integers(side - parameter.spread + 1, size=windows)
        + generator.integers(parameter.spread, size=parameter.shape)
        for side in (rows, columns)
    )
    return (row * columns + column) * channels + generator.integers(channels, size=parameter.shape)


INITIALIZERS: dict[str, Callable[[Parameter, np.random.Generator], np.ndarray]] = {
    "zeros": lambda parameter, generator: np.zeros(parameter.shape),
    "ones": lambda parameter, generator: np.ones(parameter.shape),
    "glorot_uniform": _uniform(_glorot),
    "glorot_normal": _normal(_glorot),
    "he_uniform": _uniform(_he),
    "he_normal": _normal(_he),
    "lecun_uniform": _uniform(_lecun),
    "lecun_normal": _normal(_lecun),
    "normal": _normal(lambda parameter: 1.0),
    "indices": _indices,
}
