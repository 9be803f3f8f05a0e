"""The engine of this room: it cuts batches into pieces, finds their gradients and does the optimizer's steps.

A batch's gradient is the sum of its pieces' gradients. The pieces are independent, so that each thread can
take one. BatchNorm needs the whole batch: with it, the pieces go in step and add up what they find. Neither
the pieces nor the results depend on the number of threads.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np

from MNIST.engines.draws import draw
from MNIST.engines.protocol import Arrays, EpochMetrics, OnStep, refuse_other_arrays
from MNIST.engines.saved_arrays import load_weights, save_weights
from MNIST.engines.scratch.blocks import Chain
from MNIST.engines.scratch.layer import Array, Gradients, Pass, Total, add_up, namespace, own
from MNIST.engines.scratch.library import Library
from MNIST.engines.scratch.loss import cross_entropy
from MNIST.engines.scratch.network import build_network
from MNIST.engines.scratch.optimizers import UPDATES, initial_slots
from MNIST.engines.scratch.pixels import prepare
from MNIST.language import Network

INFERENCE_BATCH = 1000
PIECES_AT_ONCE = 8  # of a batch, unless there are more threads: so few keep all their gradients
EDITION = "edition 2"  # part of a run's identity: raise it if a bit of this room's numbers changes
STEPS = "optimizer/steps"  # the name in a state for the number of steps since the first epoch

Differentiate = Callable[
    [Chain, dict[str, Array], Array, Array, int, float, Pass], tuple[Array, Array, Gradients]
]
"""A function that finds the gradients of a piece, like `backpropagate`."""

Part = tuple[str, slice]
"""Some of a weight's values: its name, and their place in it when it is flat."""


@dataclass(frozen=True)
class Piece:
    """The results for one piece of a batch.

    loss: the sum over its images; correct: how many answers are correct; gradients: flat, and none once the
    first piece's include them; moving: see `Pass`.
    """

    loss: float
    correct: int
    gradients: Gradients
    moving: dict[str, Array]


class Build(Protocol):
    """Makes an engine for a network. The weights must be set before they are used."""

    def __call__(
        self,
        network: Network,
        *,
        precision: str,
        threads: int,
        pixel_statistics: tuple[float, float],
        draws: Arrays | None = None,
    ) -> "ScratchEngine": ...


def engine_on(library: Callable[[str, int], Library], differentiate: Differentiate) -> Build:
    """Return the function that builds an engine on one library.

    library: makes the library's arrays from a precision and a number of threads; differentiate: finds the
    gradients.
    """

    def build(
        network: Network,
        *,
        precision: str,
        threads: int,
        pixel_statistics: tuple[float, float],
        draws: Arrays | None = None,
    ) -> ScratchEngine:
        return ScratchEngine(network, library(precision, threads), differentiate, pixel_statistics, draws)

    return build


class ScratchEngine:
    """One network from scratch. See `GradientEngine` for what each method promises."""

    save, load = save_weights, load_weights

    def __init__(
        self,
        network: Network,
        library: Library,
        differentiate: Differentiate,
        pixel_statistics: tuple[float, float],
        draws: Arrays | None,
    ) -> None:
        spec = network.spec
        parameters = {f"{node.path}/{each.name}": each for node in network.walk() for each in node.parameters}
        self._spec, self._library, self._differentiate = spec, library, differentiate
        self._pixel_statistics, self._given = pixel_statistics, draws
        self._weights = {name: library.array(np.zeros(each.shape)) for name, each in parameters.items()}
        self._trainable = [name for name, each in parameters.items() if each.trainable]
        self._chain = build_network(network, self._weights)
        self._in_step = _needs_whole_batch(network)
        self._images_at_once = images_at_once(network, library)
        self._drawing = [node for node in network.walk() if node.layer.draws]
        self._slots = {
            name: [
                library.array(np.full(parameters[name].shape, value))
                for value in initial_slots(spec.optimizer)
            ]
            for name in self._trainable
        }
        self._flat = {  # the same memory, flat
            name: [_flat(each) for each in (self._weights[name], *self._slots[name])]
            for name in self._trainable
        }
        self._shares = _shares({name: w.shape[0] for name, (w, *_) in self._flat.items()}, library)
        self._steps = 0  # since the first epoch

    def train_epoch(
        self, images: np.ndarray, labels: np.ndarray, rates: np.ndarray, seed: int, on_step: OnStep
    ) -> EpochMetrics:
        size, seen, loss, correct = self._spec.batch_size, 0, 0.0, 0
        norms = np.zeros(len(rates))
        with self._library.computing():
            for step, learning_rate in enumerate(rates[: math.ceil(len(images) / size)]):
                batch = slice(step * size, (step + 1) * size)
                pieces = self._pieces(images[batch], labels[batch], (seed, step))
                norms[step] = self._update(pieces, float(learning_rate))
                for name, average in pieces[0].moving.items():
                    self._weights[name][...] = average
                seen += len(labels[batch])
                loss += sum(piece.loss for piece in pieces)
                correct += sum(piece.correct for piece in pieces)
                del pieces  # else their gradients would stay until the next step has all of its own
                on_step(step + 1, loss / seen, correct / seen)
        return EpochMetrics.of(loss / seen, correct / seen, norms)

    def gradients(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, Arrays]:
        with self._library.computing():
            pieces = self._pieces(images, labels, (0, 0))
            self._gather(pieces)
        loss = sum(piece.loss for piece in pieces) / len(labels)
        flat = {name: self._library.to_numpy(pieces[0].gradients[name]) for name in self._trainable}
        return loss, {name: gradient.reshape(self._weights[name].shape) for name, gradient in flat.items()}

    def logits(self, images: np.ndarray) -> np.ndarray:
        return self._outputs(self._chain, images)

    def features(self, images: np.ndarray) -> np.ndarray:
        return self._outputs(Chain(self._chain.layers[:-1]), images)

    def _outputs(self, chain: Chain, images: np.ndarray) -> np.ndarray:
        """What a chain makes of the images, outside training."""

        def of_piece(piece: slice) -> np.ndarray:
            x = prepare(self._library.array(images[piece]), self._spec.input, self._pixel_statistics)
            return self._library.to_numpy(chain.forward(x, Pass())[0])

        with self._library.computing():
            size = min(self._images_at_once, INFERENCE_BATCH)
            pieces = [slice(begin, begin + size) for begin in range(0, max(len(images), 1), size)]
            return np.concatenate(self._library.map(of_piece, pieces))

    def get_weights(self) -> Arrays:
        return {name: self._library.to_numpy(weight) for name, weight in self._weights.items()}

    def set_weights(self, weights: Arrays) -> None:
        self._assign(self._weights, weights)

    def get_state(self) -> Arrays:
        slots = {name: self._library.to_numpy(slot) for name, slot in self._named_slots().items()}
        return {**self.get_weights(), **slots, STEPS: np.array(self._steps)}

    def set_state(self, state: Arrays) -> None:
        arrays = {name: array for name, array in state.items() if name != STEPS}
        self._assign({**self._weights, **self._named_slots()}, arrays)
        self._steps = int(state[STEPS])

    def close(self) -> None:
        self._library.close()

    def _pieces(self, images: np.ndarray, labels: np.ndarray, stream: tuple[int, int]) -> list[Piece]:
        """Loss and gradients of a batch, piece by piece. stream: seeds the batch's random draws."""
        count = len(labels)
        size = images_in_piece(count, self._images_at_once, self._in_step, self._library)
        draws = self._draw(count, stream) if self._given is None else self._given
        trainable = {name: self._weights[name] for name in self._trainable}
        smoothing = self._spec.label_smoothing

        def of_piece(begin: int, total: Total = own) -> Piece:
            piece = slice(begin, min(begin + size, count))
            drawn = {path: self._library.array(numbers[piece]) for path, numbers in draws.items()}
            this_pass = Pass(training=True, draws=drawn, total=total, batch=count)
            x = prepare(self._library.array(images[piece]), self._spec.input, self._pixel_statistics)
            expected = self._library.integers(labels[piece])
            found = self._differentiate(self._chain, trainable, x, expected, count, smoothing, this_pass)
            loss, correct, gradients = found
            flat = {name: _flat(gradient) for name, gradient in gradients.items()}
            return Piece(float(loss), int(correct), flat, this_pass.moving)

        begins = range(0, count, size)
        if self._in_step:
            return self._library.map_in_step(of_piece, begins)
        at_once = max(PIECES_AT_ONCE, self._library.threads)
        pieces = self._library.map(of_piece, begins[:at_once])
        for done in range(at_once, len(begins), at_once):
            self._gather(pieces)
            pieces += self._library.map(of_piece, begins[done : done + at_once])
        return pieces

    def _gather(self, pieces: Sequence[Piece]) -> None:
        """Add the gradients of all pieces to the first's, in their order, and let go of the others."""

        def of_share(share: Sequence[Part]) -> None:
            for part in share:
                _sum(pieces, part)

        self._library.map(of_share, self._shares)
        for piece in pieces[1:]:
            piece.gradients.clear()

    def _draw(self, count: int, stream: tuple[int, int]) -> Arrays:
        """The layers' random numbers for a batch, drawn by NumPy so that all engines here agree."""
        drawn = {}
        for index, node in enumerate(self._drawing):
            assert node.layer.draws is not None
            generator = np.random.default_rng([*stream, index])
            shape = count, *node.input_shape
            drawn[node.path] = draw(node.layer.draws, shape, generator, np.float32)
        return drawn

    def _update(self, pieces: Sequence[Piece], learning_rate: float) -> float:
        """Do a step of the optimizer with the gradients of a batch's pieces; return the L2 norm of their sum.

        It goes element by element, in parts, so that each thread can take some.
        """
        self._steps += 1
        optimizer, update = self._spec.optimizer, UPDATES[type(self._spec.optimizer)]

        def of_share(share: Sequence[Part]) -> list[float]:
            squares = []
            for name, part in share:
                g = _sum(pieces, (name, part))
                squares.append(float(namespace(g).vecdot(g, g)))
                w, *slots = (array[part] for array in self._flat[name])
                update(optimizer, w, g, slots, learning_rate, self._steps)
            return squares

        squares = self._library.map(of_share, self._shares)
        try:
            return math.sqrt(math.fsum(chain(*squares)))  # rounded once: whose share a part is changes no bit
        except OverflowError:  # each is finite, and their sum is not
            return math.inf

    def _named_slots(self) -> dict[str, Array]:
        return {
            f"optimizer/{name}/{index}": slot
            for name, slots in self._slots.items()
            for index, slot in enumerate(slots)
        }

    def _assign(self, arrays: dict[str, Array], values: Arrays) -> None:
        """Give each array its values. Raises ValueError for other names or shapes, before any change."""
        refuse_other_arrays({name: tuple(array.shape) for name, array in arrays.items()}, values)
        with self._library.computing():
            for name, array in arrays.items():
                array[...] = self._library.array(values[name])


def backpropagate(
    chain: Chain,
    trainable: dict[str, Array],
    x: Array,
    labels: Array,
    count: int,
    smoothing: float,
    this_pass: Pass,
) -> tuple[Array, Array, Gradients]:
    """The summed loss of some images, the number of correct answers, and the gradients of the batch's loss.

    The loss of a batch is the mean over its `count` images; the given images may be a part of them.
    trainable: the weights whose gradients are wanted, unused here because layers know their own weights.
    smoothing: of the labels.
    """
    logits, cache = chain.forward(x, this_pass)
    losses, dlogits = cross_entropy(logits, labels, smoothing)
    gradients: Gradients = {}
    chain.backward(dlogits / count, cache, gradients)
    return *measured(logits, losses, labels), gradients


def measured(logits: Array, losses: Array, labels: Array) -> tuple[Array, Array]:
    """The summed loss and the number of correct answers."""
    xp = namespace(logits)
    correct = xp.argmax(logits, axis=1) == labels
    return xp.sum(losses), xp.sum(xp.astype(correct, xp.int64))


def kept_at_once_on(library: type[Library]) -> Callable[[Network, int], tuple[int, int]]:
    """Return the function `kept_at_once` for the engines on this library; see the registry."""

    def kept(network: Network, batch_size: int) -> tuple[int, int]:
        in_step, at_once = _needs_whole_batch(network), images_at_once(network, library)
        pieces = math.ceil(batch_size / images_in_piece(batch_size, at_once, in_step, library))
        if in_step:
            return batch_size, pieces
        return min(batch_size, at_once), min(pieces, 1 + PIECES_AT_ONCE)  # one is the sum of those before

    return kept


def _needs_whole_batch(network: Network) -> bool:
    return any(node.layer.needs_whole_batch for node in network.walk())


def images_at_once(network: Network, library: Library | type[Library]) -> int:
    """The number of images in a piece, such that no array between two layers exceeds the library's limit."""
    widest = max(math.prod(network.input_shape), *(node.most_values for node in network.walk()))
    return max(1, min(library.values_at_once // widest, library.images_at_once))


def images_in_piece(count: int, at_once: int, in_step: bool, library: Library | type[Library]) -> int:
    """How many images of a batch of `count` a piece has; the last one may have fewer.

    at_once: see `images_at_once`; in_step: whether the pieces go in step.
    """
    apart = max(library.fewest_images, math.ceil(count / library.fewest_pieces))
    size = min(at_once, apart)
    return max(size, math.ceil(count / library.pieces_in_step)) if in_step else size


def _shares(sizes: dict[str, int], library: Library) -> list[list[Part]]:
    """The parts of all weights, shared out among the threads. sizes: how many values each weight has."""
    most = library.weights_at_once
    parts = [
        (name, slice(begin, min(begin + most, n))) for name, n in sizes.items() for begin in range(0, n, most)
    ]
    parts.sort(key=lambda part: part[1].start - part[1].stop)  # the longest first
    return [parts[thread :: library.threads] for thread in range(library.threads)]


def _sum(pieces: Sequence[Piece], part: Part) -> Array:
    """The sum of a part of the pieces' gradients, in their order. It takes the place of the first's."""
    name, place = part
    return add_up(piece.gradients[name][place] for piece in pieces if piece.gradients)


def _flat(array: Array) -> Array:
    return namespace(array).reshape(array, (-1,))
