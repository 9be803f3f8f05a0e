"""Some of the test images as points in space: the input of a network's last layer, reduced to 3-D."""

from dataclasses import dataclass

import numpy as np

from MNIST.report.testing.metrics import surest_errors

MOST_IMAGES = 1500  # in one network's space
MOST_ERRORS = 0.3  # of them


@dataclass(frozen=True)
class Space:
    """Images as points. images: int64 (n,), indices in the test set; points: float32 (n, 3).

    explained: the part of the variance between these images that the three dimensions keep.
    """

    images: np.ndarray
    points: np.ndarray
    explained: float


def choose_images(labels: np.ndarray, probabilities: np.ndarray, most: int = MOST_IMAGES) -> np.ndarray:
    """Which test images to show for a network: its errors, and others drawn at random.

    The others are drawn in the same order for every network, so that the same images appear for each.
    Returns at most `most` indices, int64, ascending: the surest errors, up to MOST_ERRORS · most, and others.
    """
    errors = surest_errors(labels, probabilities)[: int(MOST_ERRORS * most)]
    drawn = np.random.default_rng(0).permutation(len(labels))
    others = drawn[~np.isin(drawn, errors)]
    return np.sort(np.concatenate([errors, others[: most - len(errors)]]))


def reduce_to_space(images: np.ndarray, features: np.ndarray) -> Space:
    """Reduce the features to the three directions that keep the most of their variance (PCA).

    images: int64 (n,); features: float (n, units), of these images. No label is used, so that visible groups
    are the network's own. (LDA uses the labels. t-SNE separates the groups more clearly, but its distances
    mean little, and 2,500 images took 45 s on two cores instead of 0.1 s.)
    Source: Pearson, On lines and planes of closest fit to systems of points in space (1901).
    """
    dimensions = min(3, *features.shape)
    points, explained = np.zeros((len(features), 3)), 1.0
    if len(features) > 1 and np.ptp(features, axis=0).any():  # otherwise all are one point
        centred = features - features.mean(axis=0, dtype=np.float64)
        directions, squares = _widest(centred, dimensions)
        points[:, :dimensions] = centred @ directions.T
        explained = float(squares.sum() / (centred**2).sum())
    return Space(images, points.astype(np.float32), explained)


def _widest(centred: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The directions (count, units) in which these images vary most, and their sums of squares (count,).

    They are eigenvectors, of the smaller of XᵀX and XXᵀ. A direction's largest part is positive, so that a
    picture does not depend on the sign that a solver finds. scikit-learn's PCA gives the same, but its import
    takes a third as long as Keras's.
    """
    images, units = centred.shape
    smaller = centred.T @ centred if units <= images else centred @ centred.T
    squares, vectors = np.linalg.eigh(smaller)  # the largest comes last
    directions = vectors.T[: -count - 1 : -1]
    if units > images:
        directions = directions @ centred
        directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), np.finfo(float).tiny)
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return directions * np.where(largest < 0, -1, 1), np.maximum(squares[: -count - 1 : -1], 0)
