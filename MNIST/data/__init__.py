"""The data room: fetching datasets, reading them strictly, dividing and augmenting them for training."""

from MNIST.data.augmentation import augment
from MNIST.data.datasets import DATASETS, Dataset, class_names, load
from MNIST.data.download import download
from MNIST.data.selection import select
from MNIST.data.split import TrainingData, split

__all__ = [
    "DATASETS",
    "Dataset",
    "TrainingData",
    "augment",
    "class_names",
    "download",
    "load",
    "select",
    "split",
]
