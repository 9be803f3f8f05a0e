"""The data room: fetching datasets, reading them strictly, dividing and augmenting them for training."""

from MNIST.data.augmentation import augment
from MNIST.data.datasets import DATASETS, Dataset, load
from MNIST.data.download import download
from MNIST.data.split import TrainingData, split

__all__ = ["DATASETS", "Dataset", "TrainingData", "augment", "download", "load", "split"]
