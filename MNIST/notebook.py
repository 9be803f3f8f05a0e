"""For notebooks: a dataset as four arrays, a network that is trained batch by batch, and networks of `train`.

`NeuralNetwork` uses the same engines and initial weights as `train`, without the epochs, checkpoints and
records of `MNIST.training`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from MNIST import data, engines, training
from MNIST.data.idx import IMAGE_SIDE
from MNIST.engines import Arrays
from MNIST.engines.metrics import accuracy, cross_entropy, mean_logits, softmax
from MNIST.engines.processor import cores
from MNIST.language import (
    CONSTANT,
    ModelSpec,
    Problem,
    SpecError,
    Standardize,
    lay_out,
    parse_spec,
)
from MNIST.paths import TOGETHER, checked_name, members
from MNIST.training.draws import epoch_seed, initial_weights
from MNIST.training.rates import epoch_rates
from MNIST.words import counted

LARGEST_BATCH = 1_000_000  # the limit of the model language


def load(folder: Path | str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Read the dataset in a folder: x_train, t_train, x_test, t_test.

    Images: uint8 (n, 28, 28), 0 is the background, 255 the ink; labels: unsigned (n,), each in
    [0, classes).
    All arrays are read-only. Raises DataError, saying what to `download`, if a file is missing or damaged.
    """
    dataset = data.load(Path(folder))
    return dataset.train_images, dataset.train_labels, dataset.test_images, dataset.test_labels


class NeuralNetwork:
    """A network of layers as in a model file, with an optimizer, trained one batch at a time.

        network = NeuralNetwork(["Flatten", "Dense,128,sigmoid", "Dense,10,softmax"])
        for start in range(0, len(x_train), 100):
            network.train_batch(x_train[start : start + 100], t_train[start : start + 100])
        errors = (network.apply(x_test).argmax(axis=1) != t_test).sum()

    layers: lines of the model language; the last one ends in softmax over the classes, and the lines of a
    block are indented. optimizer: its line. input: the line of `Input:`, `Scale` or `Threshold`.
    engine: the name of the engine, which computes in float32; by default numpy, or the one that the layers
    need. seed: decides the initial weights and what Dropout drops, so that the same calls give the same
    numbers.
    Raises SpecError, with line and caret, for a mistake in a line.
    """

    def __init__(
        self,
        layers: Sequence[str],
        optimizer: str = "Adam,0.001",
        input: str = "Scale",
        engine: str | None = None,
        seed: int = 0,
    ) -> None:
        self._network = lay_out(_read(layers, optimizer, input))
        self._seed = seed
        self._steps = 0
        self._engine = engines.create(
            engine or self._network.only_engine or "numpy",
            self._network,
            precision="float32",
            threads=cores(),
            pixel_statistics=(0.0, 1.0),  # for `Standardize`, which is refused
            weights=initial_weights(self._network, seed),
        )

    @property
    def weights(self) -> Arrays:
        """The weights by names like `dense_2/kernel`; a kernel is (rows, columns, in, out) or (in, out)."""
        return self._engine.get_weights()

    def apply(self, images: np.ndarray) -> np.ndarray:
        """The probability of each class, float64 (n, classes), for images, uint8 (n, 28, 28)."""
        return softmax(self._engine.logits(_checked(images)))

    def train_batch(self, images: np.ndarray, labels: np.ndarray) -> float:
        """Take one step of the optimizer; return the batch's mean loss before it, in nats.

        images: uint8 (n, 28, 28), at least one; labels: integer (n,), each in [0, classes).
        """
        images, labels = _checked(images), _checked_labels(labels, len(images), self._network.classes)
        self._steps += 1
        rates = epoch_rates(self._network.spec, self._steps, 1)
        seed = epoch_seed(self._seed, self._steps)
        return self._engine.train_epoch(images, labels, rates, seed, lambda *_: None).loss


class _Answering(ABC):
    """A network or an ensemble: it answers to images."""

    @property
    @abstractmethod
    def classes(self) -> tuple[str, ...]:
        """What each answer means."""

    @abstractmethod
    def logits(self, images: np.ndarray) -> np.ndarray:
        """The logits, (n, classes), for images, uint8 (n, 28, 28): before the last softmax."""

    def predict(self, images: np.ndarray) -> np.ndarray:
        """The probability of each class, float64 (n, classes), for images, uint8 (n, 28, 28)."""
        return softmax(self.logits(images))

    def evaluate(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        """The mean cross-entropy in nats, and the accuracy.

        images: uint8 (n, 28, 28), at least one; labels: integer (n,), each in [0, classes).
        """
        images, labels = _checked(images), _checked_labels(labels, len(images), len(self.classes))
        logits = self.logits(images)
        return cross_entropy(logits, labels), accuracy(logits, labels)


class TrainedNetwork(_Answering):
    """A network that `train` has trained, that `explore` has kept or that came from a laboratory.

    name: what it is called. text: its model file. history: an EpochResult for each epoch.
    """

    def __init__(self, name: str) -> None:
        self._trained = training.load_trained(checked_name(name, "model name"))
        self.name = name
        self.text = training.read_model_text(name)
        self.history = training.read_history(name)

    @property
    def spec(self) -> ModelSpec:
        """What the text says, simplified."""
        return self._trained.spec

    @property
    def classes(self) -> tuple[str, ...]:
        """What each answer means."""
        return self._trained.record.about.classes

    @property
    def weights(self) -> Arrays:
        """The weights by names like `dense_2/kernel`; a kernel is (rows, columns, in, out) or (in, out)."""
        return self._trained.engine.get_weights()

    def logits(self, images: np.ndarray) -> np.ndarray:
        """The logits, (n, classes), for images, uint8 (n, 28, 28): before the last softmax."""
        return self._trained.engine.logits(_checked(images))

    def __repr__(self) -> str:
        record = self._trained.record
        kept = record.kept(self.history)
        validated = kept.val_accuracy == kept.val_accuracy
        reached = kept.val_accuracy if validated else kept.accuracy
        return (
            f"<{self.name}: {counted(record.parameters, 'parameter')},"
            f" {counted(len(self.history), 'epoch')} on {counted(record.training_images, 'image')}"
            f" of {record.dataset}, {reached:.2%} of the {'validation' if validated else 'training'} images>"
        )


class Ensemble(_Answering):
    """Several networks that answer as one: its probabilities are the mean of theirs.

    networks: TrainedNetworks that tell the same classes apart. name: their names, joined by "+".
    """

    def __init__(self, networks: Sequence[TrainedNetwork]) -> None:
        if len({network.classes for network in networks}) != 1:
            raise ValueError("expected networks that tell the same classes apart")
        self.networks = tuple(networks)
        self.name = TOGETHER.join(network.name for network in networks)

    @property
    def classes(self) -> tuple[str, ...]:
        """What each answer means."""
        return self.networks[0].classes

    def logits(self, images: np.ndarray) -> np.ndarray:
        """The logarithms of the probabilities, float64 (n, classes), for images, uint8 (n, 28, 28)."""
        return mean_logits([network.logits(images) for network in self.networks])

    def __repr__(self) -> str:
        return f"<{self.name}: the mean of {counted(len(self.networks), 'network')}>"


def load_network(name: str) -> TrainedNetwork | Ensemble:
    """Read a trained network from `Model_Output/`, or several as an ensemble, for "A+B".

    Raises ModelError if there is none of this name, or if it is damaged; ValueError if the networks of an
    ensemble tell different classes apart.
    """
    networks = [TrainedNetwork(member) for member in members(name)]
    return networks[0] if len(networks) == 1 else Ensemble(networks)


def _read(layers: Sequence[str], optimizer: str, input: str) -> ModelSpec:
    """The spec of some layers, an optimizer and an input, with a batch size that no batch exceeds."""
    for source, line in (("input", input), ("optimizer", optimizer)):
        if "\n" in line or "\r" in line:
            raise SpecError([Problem(0, 0, 0, "expected one line", source)])
    body = "\n".join([layers] if isinstance(layers, str) else layers)
    sections = f"Input:\n{input}\nOptimizer:\nepochs=1\nbatch={LARGEST_BATCH}\n{optimizer}\nLayers:\n{body}\n"
    try:
        spec = parse_spec(sections, "layers")
    except SpecError as error:
        raise SpecError(map(_counted_anew, error.problems)) from None
    if Standardize() in spec.input:
        message = "Standardize needs all training images, and here they come batch by batch; take Scale"
        raise SpecError([Problem(0, 0, 0, message, "input")])
    if (spec.schedule, spec.augment, spec.stop) != (CONSTANT, (), None):
        message = "Schedule:, Augment: and Stop: go by epochs, and here come single batches; leave them out"
        raise SpecError([Problem(0, 0, 0, message, "layers")])
    return spec


def _counted_anew(problem: Problem) -> Problem:
    """A mistake with its line number among the caller's own lines, which have no section headings."""
    source, before = "layers", 7  # lines before the caller's own, in the text that `_read` makes
    if 3 <= problem.line <= 6:
        source, before = "optimizer", 5
    elif 1 <= problem.line <= 2:
        source, before = "input", 1
    return replace(problem, source=source, line=max(0, problem.line - before))


def _checked(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE):
        raise ValueError(
            f"expected images as `load` gives them, uint8 (n, {IMAGE_SIDE}, {IMAGE_SIDE}), "
            f"found {images.dtype} {images.shape}"
        )
    return images


def _checked_labels(labels: np.ndarray, count: int, classes: int) -> np.ndarray:
    labels = np.asarray(labels)
    if not np.issubdtype(labels.dtype, np.integer) or labels.shape != (count,) or count == 0:
        expected = count or "at least 1"
        raise ValueError(f"expected {expected} whole numbers as labels, found {labels.dtype} {labels.shape}")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"expected labels from 0 to {classes - 1}, found {labels.min()} to {labels.max()}")
    return labels.astype(np.min_scalar_type(classes - 1))
