"""The laboratory as one file: markup, style and scripts, dataset, language, engine and texts."""

import gzip
import struct
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from MNIST import __version__
from MNIST.browser import bundle, kernels_in_base64, language_table
from MNIST.data import Dataset, idx, split
from MNIST.errors import UsageError
from MNIST.report.templates import MOST_BYTES, fill, has_title

TITLE = "Neural networks as text files"
PAGE, WORKER = "lab/lab.js", "browser/training/worker.js"  # the modules with which page and workers begin
SEED = 0  # of the shuffle whose first images a smaller laboratory holds
LEVEL = 6  # of gzip: level 9 saves 2 % of MNIST and takes fifteen times as long

_INT16 = 0x0B  # IDX's type of labels that do not fit a byte


@dataclass(frozen=True)
class LabModel:
    """A model text that the laboratory offers, and its name."""

    name: str
    text: str


def lab_page(dataset: Dataset, models: Sequence[LabModel], images: int | None = None) -> str:
    """The HTML of a laboratory with this dataset and these model texts, the first one in the editor.

    images: how many training images it holds, the first of the shuffle by SEED; None: all. It holds all test
    images.
    Raises UsageError if there are not that many images, or if the page would be larger than MOST_BYTES.
    """
    train = np.arange(len(dataset.train_images))
    if images is not None:
        train = split(dataset, 1.0, SEED, images).train
    arrays = {
        "train-labels": _labels(dataset.train_labels[train]),
        "test-labels": _labels(dataset.test_labels),
        "train-images": idx.encode(dataset.train_images[train]),
        "test-images": idx.encode(dataset.test_images),
    }
    texts = {id: b64encode(gzip.compress(content, LEVEL, mtime=0)).decode() for id, content in arrays.items()}
    kernels = kernels_in_base64()
    texts |= {"kernels": kernels["simd"], "kernels-plain": kernels["plain"]}
    page = fill(
        "lab/lab.html",
        title=TITLE,
        style=files(__package__).joinpath("lab.css").read_text(encoding="utf-8"),
        script=bundle(PAGE),
        table=language_table(),
        models=[{"name": model.name, "text": model.text} for model in models],
        about=_about(dataset, len(train)),
        texts={**texts, "worker": bundle(WORKER)},
    )
    if len(page) > MOST_BYTES:
        raise UsageError(
            f"a laboratory with {len(train):,} training images of {dataset.name} would take"
            f" {len(page) / 1e6:,.0f} MB, and {MOST_BYTES / 1e6:,.0f} are the most: take fewer (--images)"
        )
    return page


def is_lab_page(path: Path) -> bool:
    """Whether a file begins like a page of `lab_page`."""
    return has_title(path, [TITLE])


def _about(dataset: Dataset, training: int) -> dict[str, Any]:
    """What the page says of its dataset. digest: of the whole dataset, of which the page may hold a part."""
    everything = len(dataset.train_images)
    note = ""
    if training < everything:
        note = (
            f"{training:,} of the {everything:,} training images are here: those that"
            f" `train --images {training}` takes with seed {SEED}. All test images are here."
        )
    return {
        "name": dataset.name,
        "digest": dataset.digest,
        "classes": list(dataset.classes),
        "ink": dataset.about.ink,
        "form": dataset.about.form,
        "counts": {"training": training, "test": len(dataset.test_images), "allTraining": everything},
        "note": note,
        "version": __version__,
    }


def _labels(labels: np.ndarray) -> bytes:
    """Labels as an IDX file of bytes, or of two bytes each if there are more than 256 classes."""
    if labels.dtype == np.uint8:
        return idx.encode(labels)
    return struct.pack(">BBBBI", 0, 0, _INT16, 1, len(labels)) + labels.astype(">i2").tobytes()
