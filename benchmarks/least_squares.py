"""How long `LeastSquares` takes to find a last layer, against scikit-learn's Ridge.

    python -m benchmarks.least_squares [<rounds> [<images> [<inputs>]]]

Both get the same features of 20,000 images, 2,000 numbers each, in float32, and find the weights for ten
classes. Ours gets them in batches of 1,000, as in training. The features are random, for their values change
nothing. The answers of both must agree to a thousandth. It prints the medians of 5 rounds, taken in turn in
one process with all cores, and their ratio, which must stay below 1.
"""

import statistics
import time

import numpy as np
from sklearn.linear_model import Ridge

from benchmarks.arguments import read_arguments
from MNIST.engines.least_squares import NormalEquations

CLASSES = 10
BATCH = 1_000
RIDGE = 1e-5  # of the mean variance of the features, as in Models/random_features.txt


def ours(features: np.ndarray, labels: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """What the rule does with the features: its kernel and bias. It finds the penalty by itself."""
    equations = NormalEquations(features.shape[1], CLASSES)
    for begin in range(0, len(labels), BATCH):
        equations.add(features[begin : begin + BATCH], labels[begin : begin + BATCH])
    return equations.solve(RIDGE)


def peer(features: np.ndarray, labels: np.ndarray, penalty: float) -> tuple[np.ndarray, np.ndarray]:
    """The same by scikit-learn, in float64 as ours."""
    model = Ridge(penalty, solver="cholesky")
    model.fit(features.astype(np.float64), np.eye(CLASSES)[labels])
    return model.coef_.T, model.intercept_


def main(rounds: int, images: int, inputs: int) -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CLASSES, images)
    hidden = generator.normal(size=(CLASSES, inputs))[labels] + 3 * generator.normal(size=(images, inputs))
    features = np.maximum(hidden, 0).astype(np.float32)
    penalty = float(RIDGE * features.var(axis=0).mean() * len(features))
    times: dict[str, list[float]] = {"LeastSquares": [], "scikit-learn": []}
    for _ in range(rounds):
        answers = []
        for name, work in zip(times, (ours, peer), strict=True):
            begun = time.perf_counter()
            kernel, bias = work(features, labels, penalty)
            times[name].append(time.perf_counter() - begun)
            answers.append(features @ kernel + bias)
        assert np.abs(answers[0] - answers[1]).max() < 1e-3
    mine, theirs = map(statistics.median, times.values())
    print(f"LeastSquares: {mine:.2f} s; scikit-learn: {theirs:.2f} s; ratio {mine / theirs:.2f}")


if __name__ == "__main__":
    given = read_arguments(__doc__, rounds=5, images=20_000, inputs=2_000)
    main(given.rounds, given.images, given.inputs)
