"""What all scripts begin with: reading the data."""

import gzip
import struct
from pathlib import Path

import numpy as np


def read_idx(path):
    """Read one of MNIST's files: images, (n, 28, 28), or their labels, (n,)."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        _, _, kind, dimensions = file.read(4)
        shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
        if kind == 12:
            return np.frombuffer(file.read(), ">i4").astype(np.int32)
        return np.frombuffer(file.read(), np.uint8).reshape(shape)


def load_data(folder):
    """The images and labels to train with, and those to test with."""
    kinds = "train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1"
    files = [Path(folder) / f"{kind}-ubyte" for kind in kinds.split()]
    packed = [file.with_name(f"{file.name}.gz") for file in files]
    return [read_idx(file if file.exists() else gz) for file, gz in zip(files, packed)]
