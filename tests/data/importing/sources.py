"""Sources to import, and whether a dataset is what they hold."""

from pathlib import Path

import numpy as np

from MNIST.data import Dataset, idx


def as_sorted(images: np.ndarray, labels: np.ndarray) -> list[tuple[int, bytes]]:
    return sorted(zip(labels.tolist(), map(np.ndarray.tobytes, images), strict=True))


def same_images(one: Dataset, other: Dataset) -> bool:
    """Whether two datasets have the same images with the same labels, in whatever order."""
    return all(
        as_sorted(*pair(one)) == as_sorted(*pair(other))
        for pair in (
            lambda dataset: (dataset.train_images, dataset.train_labels),
            lambda dataset: (dataset.test_images, dataset.test_labels),
        )
    )


def first(dataset: Dataset, most: int) -> Dataset:
    return Dataset(
        dataset.about,
        dataset.train_images[:most],
        dataset.train_labels[:most],
        dataset.test_images[:most],
        dataset.test_labels[:most],
        "",
    )


def table_of(labels: list[str], between: str = ",") -> str:
    """A table of images of 2×2 pixels, with these labels."""
    rows = [f"{label},0,9,{20 * row},{200 - row}" for row, label in enumerate(labels)]
    return "\n".join(["label,a,b,c,d", *rows]).replace(",", between)


def write_idx(folder: Path, prefix: str, sets: dict[str, tuple[np.ndarray, np.ndarray]], labels="idx1-ubyte"):
    folder.mkdir(exist_ok=True)
    for kind, (images, numbers) in sets.items():
        (folder / f"{prefix}-{kind}-images-idx3-ubyte").write_bytes(idx.encode(images))
        (folder / f"{prefix}-{kind}-labels-{labels}").write_bytes(idx.encode(numbers))
