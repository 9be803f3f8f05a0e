"""Datasets: download, strict reading, split and augmentation. Also a user's own pictures."""

from MNIST.data.about import DIGITS, About, class_count
from MNIST.data.augmentation import augment
from MNIST.data.catalogue import DATASETS
from MNIST.data.datasets import Dataset, load
from MNIST.data.download import download
from MNIST.data.picture_files import read_picture
from MNIST.data.pictures import Prepared, in_form, like_mnist, lines_in_form
from MNIST.data.selection import select
from MNIST.data.split import TrainingData, split
from MNIST.data.suspicions import suspicions

__all__ = [
    "DATASETS",
    "DIGITS",
    "About",
    "Dataset",
    "Prepared",
    "TrainingData",
    "augment",
    "class_count",
    "download",
    "in_form",
    "like_mnist",
    "lines_in_form",
    "load",
    "read_picture",
    "select",
    "split",
    "suspicions",
]
