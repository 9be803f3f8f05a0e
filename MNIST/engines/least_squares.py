"""`LeastSquares`: the last layer is computed at once; the layers before it stay as they are.

`MNIST.language.optimizers.LeastSquares` has the formula. Any engine may compute the layers: this rule only
asks it for what the last layer gets, and gives it that layer's weights.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np
from threadpoolctl import threadpool_limits

from MNIST.engines.metrics import cross_entropies, softmax
from MNIST.engines.protocol import Arrays, EpochMetrics, GradientEngine, OnStep
from MNIST.language import LeastSquares, Network

IMAGES_AT_ONCE = 4_000  # in one product, so that adding it to the others takes little of the time
FEATURES_AT_ONCE = 2_048  # rows of one product; OpenBLAS may crash if it computes 16,000 rows at once
ROUNDING = 1e-10  # of a mean square: more than float64 loses in solving
HELD_OUT = 10  # one image in so many is held out to find the scale
LARGEST_SCALE = 100.0
HALVINGS = 40  # of the interval in which the scale is looked for


class NormalEquations:
    """The sums over images from which the weights of the last layer follow.

    A feature is one of the `inputs` numbers that the last layer gets of an image; the number 1, for the bias,
    is the last one. All is float64: of features that are much alike, float32 would leave little but rounding.
    """

    def __init__(self, inputs: int, classes: int) -> None:
        self._products = np.zeros((inputs + 1, inputs + 1))  # of features with features: the lower half
        self._with_targets = np.zeros((inputs + 1, classes))  # a target is 1 for the true class, else 0

    def add(self, features: np.ndarray, labels: np.ndarray) -> None:
        """Add some images. features: (n, inputs); labels: integer (n,)."""
        for begin in range(0, len(labels), IMAGES_AT_ONCE):
            part = slice(begin, begin + IMAGES_AT_ONCE)
            x = np.ones((len(labels[part]), len(self._products)))
            x[:, :-1] = features[part]
            for rows in self._rows():
                self._products[rows, : rows.stop] += x[:, rows].T @ x[:, : rows.stop]
            self._with_targets += x.T @ (labels[part, None] == np.arange(self._with_targets.shape[1]))

    def solve(self, ridge: float) -> tuple[np.ndarray, np.ndarray]:
        """The weights (inputs, classes) and the bias (classes,). At least one image must have been added."""
        for rows in self._rows():
            self._products[: rows.start, rows] = self._products[rows, : rows.start].T
        squares = np.einsum("ii->i", self._products)[:-1]  # a view of the diagonal
        without = squares.copy()
        *sums, images = self._products[-1]
        variances = squares - np.square(sums) / images  # times the number of images
        # Below ROUNDING a penalty is lost. If all features are 0, any keeps their weights at 0.
        squares += max(ridge * variances.mean(), ROUNDING * squares.mean()) or 1.0
        solution = np.linalg.solve(self._products, self._with_targets)
        squares[:] = without
        return solution[:-1], solution[-1]

    def _rows(self) -> list[slice]:
        """The rows of the products, some at a time."""
        count, most = len(self._products), FEATURES_AT_ONCE
        return [slice(begin, min(begin + most, count)) for begin in range(0, count, most)]


class LeastSquaresEngine:
    """A network whose last layer is computed at once. See `GradientEngine` for what each method promises.

    engine: it computes the layers. An epoch goes through its images twice, once to find the weights and once
    to measure what they answer. Nothing but the weights is kept from one epoch to the next.
    """

    def __init__(self, engine: GradientEngine, network: Network, threads: int) -> None:
        assert isinstance(network.spec.optimizer, LeastSquares)
        self._engine, self._rule, self._threads = engine, network.spec.optimizer, threads
        self._batch_size, self._classes = network.spec.batch_size, network.classes
        last = network.to_logits()[-1]
        (self._inputs,) = last.input_shape
        self._names = f"{last.path}/kernel", f"{last.path}/bias"

    @np.errstate(over="ignore", invalid="ignore")  # numbers that are not finite show in the loss
    def train_epoch(
        self, images: np.ndarray, labels: np.ndarray, rates: np.ndarray, seed: int, on_step: OnStep
    ) -> EpochMetrics:
        progress = _Progress(len(labels), ceil(len(labels) / self._batch_size), on_step)
        before = self._last_layer()
        with threadpool_limits(self._threads, "blas"):
            found = self._solution(images, labels, progress)
        rate = float(rates[-1])
        self._set_last_layer([old + rate * (new - old) for old, new in zip(before, found, strict=True)])
        return self._measured(images, labels, progress)

    def _solution(
        self, images: np.ndarray, labels: np.ndarray, progress: "_Progress"
    ) -> Sequence[np.ndarray]:
        """The kernel and the bias that follow from these images, scaled to logits."""
        equations = NormalEquations(self._inputs, self._classes)
        edge, scale = len(labels) - len(labels) // HELD_OUT, 1.0
        self._add(equations, images[:edge], labels[:edge], progress)
        if edge < len(labels):
            self._set_last_layer(equations.solve(self._rule.ridge))
            scale = best_scale(self._engine.logits(images[edge:]), labels[edge:])
            self._add(equations, images[edge:], labels[edge:], progress)
        return [scale * weight for weight in equations.solve(self._rule.ridge)]

    def _add(
        self, equations: NormalEquations, images: np.ndarray, labels: np.ndarray, progress: "_Progress"
    ) -> None:
        for batch in self._batches(labels):
            equations.add(self._engine.features(images[batch]), labels[batch])
            progress.add(len(labels[batch]))

    def _measured(self, images: np.ndarray, labels: np.ndarray, progress: "_Progress") -> EpochMetrics:
        """The loss and accuracy of the epoch's images, with the new weights."""
        loss, correct, done = 0.0, 0, 0
        for batch in self._batches(labels):
            logits, expected = self._engine.logits(images[batch]), labels[batch]
            loss += float(cross_entropies(logits, expected).sum())
            correct += int((logits.argmax(axis=1) == expected).sum())
            done += len(expected)
            progress.add(len(expected), loss / done, correct / done)
        return EpochMetrics(loss / done, correct / done, float("nan"), float("nan"))

    def _batches(self, labels: np.ndarray) -> list[slice]:
        return [slice(begin, begin + self._batch_size) for begin in range(0, len(labels), self._batch_size)]

    def _last_layer(self) -> list[np.ndarray]:
        weights = self._engine.get_weights()
        return [weights[name] for name in self._names]

    def _set_last_layer(self, arrays: Sequence[np.ndarray]) -> None:
        weights = self._engine.get_weights()
        for name, array in zip(self._names, arrays, strict=True):
            weights[name] = array.astype(weights[name].dtype)
        self._engine.set_weights(weights)

    def gradients(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, Arrays]:
        return self._engine.gradients(images, labels)

    def features(self, images: np.ndarray) -> np.ndarray:
        return self._engine.features(images)

    def logits(self, images: np.ndarray) -> np.ndarray:
        return self._engine.logits(images)

    def get_weights(self) -> Arrays:
        return self._engine.get_weights()

    def set_weights(self, weights: Arrays) -> None:
        self._engine.set_weights(weights)

    def get_state(self) -> Arrays:
        return self._engine.get_weights()

    def set_state(self, state: Arrays) -> None:
        self._engine.set_weights(state)

    def save(self) -> tuple[str, bytes]:
        return self._engine.save()

    def load(self, content: bytes) -> None:
        self._engine.load(content)

    def close(self) -> None:
        self._engine.close()


class _Progress:
    """Reports the steps of an epoch that goes through its images twice: half of them each time."""

    def __init__(self, images: int, steps: int, on_step: OnStep) -> None:
        self._images, self._steps, self._on_step = images, steps, on_step
        self._seen = 0

    def add(self, images: int, loss: float = float("nan"), accuracy: float = float("nan")) -> None:
        """Note that so many more images are done. loss, accuracy: of the epoch so far, once known."""
        before, self._seen = self._done, self._seen + images
        if self._done > before:
            self._on_step(self._done, loss, accuracy)

    @property
    def _done(self) -> int:
        return self._steps * self._seen // (2 * self._images)


def best_scale(outputs: np.ndarray, labels: np.ndarray) -> float:
    """The s in [0, LARGEST_SCALE] for which softmax(s · outputs) has the least cross-entropy with the labels.

    outputs: (n, classes); labels: integer (n,). The loss is convex in s, and its slope is the mean over the
    images of Σ p · outputs − the output of the true class, so that halving the interval finds its zero.
    """
    low, high = 0.0, LARGEST_SCALE
    outputs = outputs.astype(np.float64)
    true = outputs[np.arange(len(labels)), labels]
    for _ in range(HALVINGS):
        scale = (low + high) / 2
        slope = ((softmax(scale * outputs) * outputs).sum(axis=1) - true).mean()
        low, high = (low, scale) if slope > 0 else (scale, high)
    return high
