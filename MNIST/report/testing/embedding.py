"""Some of the test images as points in space: what a network's last layer sees of them, in 3-D."""

from dataclasses import dataclass

import numpy as np

from MNIST.report.testing.metrics import surest_errors

MOST_IMAGES = 1500  # in one network's space
MOST_ERRORS = 0.3  # of them


@dataclass(frozen=True)
class Space:
    """images: int64 (n,), which of the test set; points: float32 (n, 3), where they lie.

    explained: the part of the variance between these images that the three dimensions keep.
    """

    images: np.ndarray
    points: np.ndarray
    explained: float


def choose_images(labels: np.ndarray, probabilities: np.ndarray, most: int = MOST_IMAGES) -> np.ndarray:
    """Which test images to show of a network: its errors, the surest first, and others drawn at random.

    They are drawn in the same order for every network, so that the same images can be found again.
    Returns at most `most` indices, int64, ascending; of more errors than MOST_ERRORS · most, the surest.
    """
    errors = surest_errors(labels, probabilities)[: int(MOST_ERRORS * most)]
    drawn = np.random.default_rng(0).permutation(len(labels))
    others = drawn[~np.isin(drawn, errors)]
    return np.sort(np.concatenate([errors, others[: most - len(errors)]]))


def reduce_to_space(images: np.ndarray, features: np.ndarray) -> Space:
    """Turn the features so that the first three directions keep as much of their variance as three can.

    images: int64 (n,); features: float (n, units), of these images. No label is looked at: groups that are
    seen are the network's own. (LDA looks at the labels. t-SNE parts the groups more clearly, but its
    distances mean little, and 2,500 images took 45 s on two cores, not 0.1 s.)
    Source: Pearson, On lines and planes of closest fit to systems of points in space (1901).
    """
    from sklearn.decomposition import PCA

    features = features.astype(np.float64)
    dimensions = min(3, *features.shape)
    points, explained = np.zeros((len(features), 3)), 1.0
    if len(features) > 1 and np.ptp(features, axis=0).any():  # else they are all one point
        solver = "arpack" if min(features.shape) > 3 else "full"  # a tenth of the time, where it can be had
        analysis = PCA(dimensions, svd_solver=solver, random_state=0)
        points[:, :dimensions] = analysis.fit_transform(features)
        explained = float(analysis.explained_variance_ratio_.sum())
    return Space(images, points.astype(np.float32), explained)
