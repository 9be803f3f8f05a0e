"""Divide a dataset's training images into those that train and those that validate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from MNIST.data.datasets import Dataset, Labels
from MNIST.errors import UsageError


@dataclass(frozen=True)
class TrainingData:
    """A dataset's training images, and which of them train and which validate.

    images: uint8 (n, 28, 28); labels: unsigned (n,); both are the dataset's own arrays.
    paper: the value of a pixel without ink, 0 or 255.
    train, validation: int64 indices into them, shuffled; no index is in both.
    """

    images: NDArray[np.uint8]
    labels: Labels
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    paper: int = 0


def split(dataset: Dataset, proportion: float, seed: int, images: int | None = None) -> TrainingData:
    """Shuffle the training images by `seed`; the first round(proportion · n) train, the others validate.

    proportion: in (0, 1]. images: keep only this many of the shuffled images; None keeps all.
    Raises ValueError if the proportion is out of range, UsageError if there are not that many images
    or none is left to train on.
    """
    if not 0 < proportion <= 1:
        raise ValueError(f"proportion must be in (0, 1], not {proportion}")
    available = len(dataset.train_images)
    count = available if images is None else images
    if not 1 <= count <= available:
        raise UsageError(f"images: expected 1 to {available:,}, which the dataset has, found {count:,}")
    boundary = round(proportion * count)
    if boundary == 0:
        raise UsageError(f"a split of {proportion} of {count:,} images leaves none to train on")
    order = np.random.default_rng(seed).permutation(available)[:count]
    train, validation = order[:boundary], order[boundary:]
    return TrainingData(dataset.train_images, dataset.train_labels, train, validation, dataset.about.paper)
