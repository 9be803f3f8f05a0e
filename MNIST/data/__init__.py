"""Datasets: download, strict reading, split and augmentation. Also a user's own pictures."""

from MNIST.data.augmentation import augment
from MNIST.data.datasets import DATASETS, Dataset, class_names, load
from MNIST.data.download import download
from MNIST.data.picture_files import read_picture
from MNIST.data.pictures import Prepared, like_mnist
from MNIST.data.selection import select
from MNIST.data.split import TrainingData, split

__all__ = [
    "DATASETS",
    "Dataset",
    "Prepared",
    "TrainingData",
    "augment",
    "class_names",
    "download",
    "like_mnist",
    "load",
    "read_picture",
    "select",
    "split",
]
