"""The sonn engine: a self-organising network with a column of neurons for each class, and no gradients.

`MNIST.language.layers.Columns` says what a column computes, `MNIST.language.optimizers.ParallelDelta` how it
learns. Images are the last axis of every array, so that the product with the sparse connections runs along
memory. The neurons of all columns form one axis, class after class.
"""

from collections.abc import Iterator
from math import ceil, prod, sqrt

import numpy as np
import scipy
from scipy.sparse import csr_array

from MNIST.engines.columns.binary_maps import threshold
from MNIST.engines.processor import processor
from MNIST.engines.protocol import Arrays, EpochMetrics, OnStep, refuse_other_arrays
from MNIST.engines.saved_arrays import load_weights, save_weights
from MNIST.language import Columns, Network, ParallelDelta, Threshold

PRECISIONS = ("float32",)
STEADINESS = 0.95  # weight of the old lead in its moving average; each step's own value has the rest
MOST_IMAGES = 128  # at once: their inputs stay in the processor's cache; 1,000 at once take 50 % longer
MOST_NUMBERS = 2**24  # in an array between the weights and the votes


class SonnEngine:
    """One self-organising network. See `Engine` for what each method promises.

    It computes in float32 and whole numbers, in one thread, and ignores `threads` and `draws`.
    """

    save, load = save_weights, load_weights

    def __init__(
        self,
        network: Network,
        *,
        precision: str,
        threads: int,
        pixel_statistics: tuple[float, float],
        draws: Arrays | None = None,
    ) -> None:
        spec = network.spec
        (columns,), (binary,), rule = spec.layers, spec.input, spec.optimizer
        assert isinstance(columns, Columns)  # the spec is checked already, and belongs to this engine
        assert isinstance(binary, Threshold)
        assert isinstance(rule, ParallelDelta)
        self._columns, self._levels, self._rule = columns, binary.levels, rule
        self._batch_size = spec.batch_size
        self._map = network.input_shape
        self._shapes = {f"{network.nodes[0].path}/{p.name}": p.shape for p in network.nodes[0].parameters}
        neurons = columns.classes * columns.neurons
        self._sources = np.zeros((neurons, columns.connections), np.int32)
        self._weights = np.zeros((neurons, columns.connections), np.float32)
        self._thresholds = np.zeros(neurons, np.float32)
        self._lead = 1.0

    def train_epoch(
        self, images: np.ndarray, labels: np.ndarray, rates: np.ndarray, seed: int, on_step: OnStep
    ) -> EpochMetrics:
        loss, correct, done = 0.0, 0, 0
        active = np.zeros(prod(self._map))
        for step, learning_rate in enumerate(rates[: ceil(len(images) / self._batch_size)]):
            batch = slice(step * self._batch_size, (step + 1) * self._batch_size)
            votes = self._learn(images[batch], labels[batch], learning_rate, active)
            loss += float(_cross_entropies(self._scaled(votes), labels[batch]).sum())
            correct += int((votes.argmax(axis=0) == labels[batch]).sum())
            done += len(labels[batch])
            on_step(step + 1, loss / done, correct / done)
        self._grow_anew(active / done, np.random.default_rng(seed))
        return EpochMetrics(loss / done, correct / done, float("nan"), float("nan"))

    def logits(self, images: np.ndarray) -> np.ndarray:
        votes = [_votes(self._sums(inputs), self._columns.classes) for _, inputs in self._blocks(images)]
        return self._scaled(
            np.concatenate([np.zeros((self._columns.classes, 0), np.float32), *votes], axis=1)
        ).T

    def get_weights(self) -> Arrays:
        arrays = (self._sources.astype(np.float32), self._weights.copy(), self._thresholds.copy())
        return {
            name: array.reshape(shape)
            for (name, shape), array in zip(self._shapes.items(), arrays, strict=True)
        }

    def set_weights(self, weights: Arrays) -> None:
        refuse_other_arrays(self._shapes, weights)
        sources, strengths, thresholds = (weights[name] for name in self._shapes)
        if not ((sources >= 0) & (sources < prod(self._map)) & (sources == np.floor(sources))).all():
            raise ValueError(f"sources: expected whole numbers from 0 to {prod(self._map) - 1:,}")
        self._sources = sources.reshape(self._sources.shape).astype(np.int32)
        self._weights = strengths.reshape(self._weights.shape).astype(np.float32)
        self._thresholds = thresholds.reshape(self._thresholds.shape).astype(np.float32)

    def get_state(self) -> Arrays:
        return {**self.get_weights(), "optimizer/lead": np.array(self._lead)}

    def set_state(self, state: Arrays) -> None:
        self.set_weights({name: state[name] for name in self._shapes})
        self._lead = float(state["optimizer/lead"])

    def close(self) -> None:
        pass  # there is nothing but NumPy's arrays

    def _blocks(self, images: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of images: the slice of each block, and its inputs, 0 or 1, float32 (inputs, images).

        The inputs are in the order of Flatten, channels innermost. Blocks keep the memory bounded.
        """
        size = max(1, min(MOST_IMAGES, MOST_NUMBERS // len(self._thresholds)))
        for begin in range(0, len(images), size):
            block = slice(begin, begin + size)
            pixels = np.ascontiguousarray(images[block].reshape(-1, self._map[0] * self._map[1]).T)
            maps = threshold(pixels, self._levels).swapaxes(0, 1)  # (pixels, levels, images)
            yield block, maps.reshape(-1, pixels.shape[1]).astype(np.float32)

    def _sums(self, inputs: np.ndarray) -> np.ndarray:
        """By how much each neuron's sum exceeds its threshold: (neurons, images).

        60,000 images take 0.7 s with a sparse matrix, 2.1 s if NumPy gathers one connection at a time, 30 s
        with dense matrices (7,920 neurons with 10 connections, one core of an AMD EPYC).
        """
        ends = np.arange(0, self._sources.size + 1, self._sources.shape[1], dtype=np.int32)
        connections = csr_array(
            (self._weights.ravel(), self._sources.ravel(), ends), (len(self._sources), len(inputs))
        )
        return connections @ inputs - self._thresholds[:, None]

    def _scaled(self, votes: np.ndarray) -> np.ndarray:
        """Votes as logits."""
        return np.float32(4 / sqrt(self._columns.neurons)) * votes

    def _learn(
        self, images: np.ndarray, labels: np.ndarray, learning_rate: np.float32, active: np.ndarray
    ) -> np.ndarray:
        """Do one step of the learning rule; return the votes from before it: (classes, images).

        active: (inputs,); the number of these images on which each input is 1 is added to it.
        """
        growth, lowering = np.zeros_like(self._weights), np.zeros_like(self._thresholds)
        votes, leads = np.zeros((self._columns.classes, len(images)), np.float32), np.zeros(len(images))
        for block, inputs in self._blocks(images):
            active += inputs.sum(axis=1)
            sums = self._sums(inputs)
            votes[:, block] = _votes(sums, self._columns.classes)
            leads[block], rivals = _leads(votes[:, block], labels[block])
            lessons = np.flatnonzero(leads[block] < self._lead)
            near = np.abs(sums[:, lessons]) <= self._rule.reach
            self._add_up(near, inputs[:, lessons], labels[block][lessons], rivals[lessons], growth, lowering)
        self._weights += learning_rate * growth
        self._thresholds -= learning_rate * lowering
        asked = max(1.0, float(np.quantile(leads, self._rule.lessons)))  # an error is always a lesson
        self._lead = STEADINESS * self._lead + (1 - STEADINESS) * asked
        return votes

    def _add_up(
        self,
        near: np.ndarray,
        inputs: np.ndarray,
        labels: np.ndarray,
        rivals: np.ndarray,
        growth: np.ndarray,
        lowering: np.ndarray,
    ) -> None:
        """Add the lessons' changes at learning rate 1 to `growth` (weights) and `lowering` (thresholds).

        near: bool (neurons, lessons); inputs: (inputs, lessons); labels: (lessons,), the columns
        that should get more votes; rivals: (lessons,), those that should get fewer. All sums are of whole
        numbers, so they are exact in any order.
        """
        for column in range(self._columns.classes):
            concerned = np.flatnonzero((labels == column) | (rivals == column))
            sign = np.where(labels[concerned] == column, 1, -1).astype(np.float32)
            active = inputs[:, concerned]
            size = max(1, MOST_NUMBERS // max(1, self._sources.shape[1] * len(concerned)))
            end = (column + 1) * self._columns.neurons
            for begin in range(end - self._columns.neurons, end, size):
                some = slice(begin, min(begin + size, end))
                push = near[some][:, concerned] * sign
                lowering[some] += push.sum(axis=1)
                growth[some] += np.einsum("ni,nki->nk", push, active[self._sources[some]])

    def _grow_anew(self, activity: np.ndarray, generator: np.random.Generator) -> None:
        """Prune the weakest connections; grow as many, with weight 0, near others of the same neuron.

        activity: for each input, the proportion of images on which it is 1. The strength of a connection is
        the standard deviation of its contribution to the neuron's sum.
        """
        deviations = np.sqrt(activity * (1 - activity))
        strengths = np.abs(self._weights) * deviations[self._sources]
        weakest = np.argsort(strengths, axis=None, kind="stable")[: int(self._rule.prune * strengths.size)]
        neurons = weakest // self._sources.shape[1]
        others = self._sources[neurons, generator.integers(self._sources.shape[1], size=len(weakest))]
        rows, columns, channels = self._map
        row, column = np.divmod(others // channels, columns)
        row = self._near(row, rows, generator)
        column = self._near(column, columns, generator)
        channel = generator.integers(channels, size=len(weakest))
        self._sources.flat[weakest] = (row * columns + column) * channels + channel
        self._weights.flat[weakest] = 0

    def _near(self, places: np.ndarray, side: int, generator: np.random.Generator) -> np.ndarray:
        """Draw for each place along a side of the map another place in a window of `spread` around it."""
        spread = self._columns.spread
        return np.clip(places - spread // 2, 0, side - spread) + generator.integers(spread, size=len(places))


def _votes(sums: np.ndarray, classes: int) -> np.ndarray:
    """How many neurons of each column fire: float32 (classes, images)."""
    return (sums > 0).reshape(classes, -1, sums.shape[1]).sum(axis=1, dtype=np.float32)


def _leads(votes: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The votes by which the true column leads the best other column, and that column: both (images,)."""
    images = np.arange(len(labels))
    others = votes.copy()
    others[labels, images] = -1
    rivals = others.argmax(axis=0)
    return votes[labels, images] - others[rivals, images], rivals


def _cross_entropies(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """For each image, −log of the probability that softmax gives its label; logits: (classes, images)."""
    shifted = (logits - logits.max(axis=0)).astype(np.float64)
    return np.log(np.exp(shifted).sum(axis=0)) - shifted[labels, np.arange(len(labels))]


build = SonnEngine


def libraries() -> str:
    """The versions of the libraries that compute, besides NumPy."""
    return f"SciPy {scipy.__version__}"


def device() -> str:
    """The processor with its widest instructions."""
    return processor()


def has_fast_bfloat16() -> bool:
    """Always False: this engine computes in float32 only."""
    return False
