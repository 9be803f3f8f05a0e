"""What every engine is asked: one network with its weights, one batch of images, all random numbers.

NumPy draws all numbers here, so that only the arithmetic can make the answers differ.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from MNIST.engines import Arrays
from MNIST.engines.draws import draw
from MNIST.engines.saved_arrays import write_arrays
from MNIST.errors import UsageError
from MNIST.files import write_atomically
from MNIST.language import (
    CONSTANT,
    Network,
    canonical_text,
    lay_out,
    parse_spec,
)
from MNIST.training.draws import initial_weights
from MNIST.training.memory import available_memory, least_memory
from MNIST.training.rates import epoch_rates
from MNIST.words import counted

STEPS = 3  # momentum and moving averages show in the second step; an error in them grows in the third
STREAM = 101  # keeps this room's draws apart from what training draws from the same seed
MOST_FLOPS = 5 * 10**9  # of a batch's forward pass; seven engines need some minutes for it on two cores

_SPEC, _ARRAYS = "spec.txt", "problem.npz"  # the files of a problem in a folder


@dataclass(frozen=True)
class Problem:
    """A step to compute.

    network: its batch size is that of the images. weights: float64, by name; draws: the random numbers of
    each layer that draws any, float64 (batch, …), by its path; images: uint8 (batch, 28, 28); labels:
    integers (batch,); pixel_statistics: mean and standard deviation of the images, in [0, 1].
    """

    network: Network
    weights: Arrays
    draws: Arrays
    images: np.ndarray
    labels: np.ndarray
    pixel_statistics: tuple[float, float]

    @property
    def rates(self) -> np.ndarray:
        """The learning rate of each of the STEPS steps: float32 (STEPS,).

        It is the optimizer's own, without the schedule: the first step of a warm-up would change nothing.
        """
        return epoch_rates(replace(self.network.spec, schedule=CONSTANT), 1, STEPS)

    def first(self, count: int) -> "Problem":
        """The same problem with only the first `count` images of the batch."""
        images, labels = self.images[:count], self.labels[:count]
        draws = {path: numbers[:count] for path, numbers in self.draws.items()}
        network = self.network.of_batches(len(images))
        return replace(self, network=network, images=images, labels=labels, draws=draws)

    def write(self, folder: Path) -> None:
        """Write it into a folder, for another process."""
        arrays = {"images": self.images, "labels": self.labels}
        arrays |= {"pixel_statistics": np.array(self.pixel_statistics)}
        arrays |= {f"weights/{name}": weight for name, weight in self.weights.items()}
        arrays |= {f"draws/{path}": numbers for path, numbers in self.draws.items()}
        write_atomically(folder / _SPEC, canonical_text(self.network.spec))
        write_atomically(folder / _ARRAYS, write_arrays(arrays))

    @classmethod
    def read(cls, folder: Path) -> "Problem":
        """Read what `write` wrote."""
        network = lay_out(parse_spec((folder / _SPEC).read_text(encoding="utf-8")))
        with np.load(folder / _ARRAYS, allow_pickle=False) as file:
            arrays = dict(file)
        mean, standard_deviation = map(float, arrays["pixel_statistics"])
        weights, draws = below(arrays, "weights"), below(arrays, "draws")
        statistics = mean, standard_deviation
        return cls(network, weights, draws, arrays["images"], arrays["labels"], statistics)


def pose(network: Network, images: np.ndarray, labels: np.ndarray, seed: int = 0) -> Problem:
    """The problem of a network on a batch: the weights are as training draws them, then shaken, in float64.

    images: uint8 (batch, 28, 28); labels: integers (batch,).
    Raises UsageError if all pixels are equal: no pixel statistics could standardize them.
    """
    if images.min() == images.max():
        raise UsageError(
            f"--batch: every pixel of the first {counted(len(images), 'image')} is equal; take more"
        )
    network = network.of_batches(len(images))
    generator = np.random.default_rng([seed, STREAM])
    grey = images / 255
    return Problem(
        network,
        _shaken(network, initial_weights(network, seed), generator),
        _draws(network, len(images), generator),
        images,
        labels,
        (float(grey.mean()), float(grey.std())),
    )


def refuse_without_gradients(network: Network, name: str) -> None:
    """Raise UsageError for a network that does not learn by gradients.

    name: the model file's name, for the message.
    """
    rule = network.spec.optimizer
    if not rule.follows_gradients:
        raise UsageError(
            f"{name}: {type(rule).__name__} learns without gradients, and certify compares gradients"
        )


def refuse_single_numbers(network: Network, batch: int) -> None:
    """Raise UsageError if a BatchNorm gets only one number for each channel.

    That number is its own mean, so only 0 or a rounding error is left. If beta is 0, a relu behind it could
    be on different sides of its kink in two engines, and neither engine would be wrong.
    """
    for node in network.walk():
        if node.layer.needs_whole_batch and batch * math.prod(node.input_shape[:-1]) == 1:
            raise UsageError(
                f"--batch: expected at least 2; of one image {node.path} is given one number of each "
                "channel, and leaves only rounding of it"
            )


def refuse_too_large(network: Network, batch: int, engines: int) -> None:
    """Raise UsageError if that many engines would take hours, or more memory than is free."""
    if network.flops * batch > MOST_FLOPS:
        fits = MOST_FLOPS // network.flops
        raise UsageError(
            f"too large to certify: {network.flops * batch / 1e9:,.1f} GFLOP for {batch:,} images forward, "
            f"at most {MOST_FLOPS / 1e9:g}; "
            + (f"try --batch {fits}" if fits else "certify a copy of it with fewer filters")
        )
    numbers = (3 * engines + 6) * 8 * network.parameters  # an answer has gradients, and weights twice
    needed = least_memory(network, batch, "float64") + numbers
    free = available_memory()
    if needed > free:
        raise UsageError(
            f"too large to certify: {engines} engines need at least {needed / 2**30:.1f} GiB, and "
            f"{free / 2**30:.1f} GiB are free; try a smaller --batch, or a copy of it with fewer units"
        )


def below(arrays: Arrays, place: str) -> Arrays:
    """The arrays whose names begin with `place/`, by their names without it."""
    prefix = f"{place}/"
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _shaken(network: Network, weights: Arrays, generator: np.random.Generator) -> Arrays:
    """The weights in float64; of those that begin at 0 or 1, every second number is moved by 0.05 to 0.1.

    A bias of 0 or a gamma of 1 hides whether an engine uses it. The other numbers stay, because training
    begins there: where an image is black, relu gets exactly 0, and all engines must use the same slope.
    """
    shaken = {name: weight.astype(np.float64) for name, weight in weights.items()}
    for node in network.walk():
        for parameter in node.parameters:
            if parameter.init in ("zeros", "ones"):
                flat = shaken[f"{node.path}/{parameter.name}"].reshape(-1)
                moves = generator.uniform(0.05, 0.1, flat[::2].size)
                flat[::2] += moves * generator.choice([-1, 1], moves.size)
    return shaken


def _draws(network: Network, batch: int, generator: np.random.Generator) -> Arrays:
    """The random numbers of each layer that draws any, float64 (batch, …), by its path."""
    drawn = {}
    for node in network.walk():
        if node.layer.draws:
            numbers = draw(node.layer.draws, (batch, *node.input_shape), generator, np.float64)
            drawn[node.path] = numbers.astype(np.float64)
    return drawn
