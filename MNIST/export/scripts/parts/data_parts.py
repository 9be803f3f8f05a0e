"""What all scripts begin with: reading the data."""

import gzip
import struct
from pathlib import Path

import numpy as np


def read_idx(path):
    """Read one of MNIST's files: images, (n, 28, 28), or their labels, (n,)."""
    with gzip.open(path) as file:
        _, _, kind, dimensions = file.read(4)
        shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
        dtype = ">i4" if kind == 12 else np.uint8
        return np.frombuffer(file.read(), dtype).reshape(shape)


def load_data(folder):
    """The images and labels to train with, and those to test with."""
    kinds = "train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1"
    return [read_idx(Path(folder) / f"{kind}-ubyte.gz") for kind in kinds.split()]
