"""IDX files under all names in use: MNIST's with dots or `test`, EMNIST's, QMNIST's, unzipped or not.

EMNIST's images have their rows and columns exchanged. QMNIST's labels are rows of eight 32-bit numbers, of
which the first is the label.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MNIST.data import idx
from MNIST.data.catalogue import BALANCED, LETTERS
from MNIST.data.importing.labels import numbered
from MNIST.data.importing.shapes import Preparation
from MNIST.data.importing.source import Found
from MNIST.errors import DataError

NAME = re.compile(
    r"(?P<prefix>.*?)(?P<set>train|t10k|test)[-_.](?P<what>images|labels)[-_.]idx(?P<rank>[1-4])[-_.](ubyte|int)"
    r"(\.gz)?",
    re.IGNORECASE,
)
DEEPEST = 3  # folders below the source that are looked into
EMNIST = {"letters": LETTERS, "balanced": BALANCED, "bymerge": BALANCED}  # others have digits, or all letters

Sets = dict[str, dict[str, Path]]  # by set, "train" and "test": the files with images and labels


def idx_sources(folder: Path) -> dict[str, Sets]:
    """The datasets in a folder and the folders below it, by what stands before `train` in their names."""
    found: dict[str, Sets] = {}
    for path in sorted(_files(folder, DEEPEST)):
        if match := NAME.fullmatch(path.name):
            kind = "train" if match["set"].lower() == "train" else "test"
            place = found.setdefault(match["prefix"].lower(), {}).setdefault(kind, {})
            place.setdefault(match["what"].lower(), path)
    return {prefix: sets for prefix, sets in found.items() if len(sets.get("train", {})) == 2}


def read_idx_files(source: Path, preparation: Preparation) -> Found:
    """The dataset in a folder, or the one that a file belongs to. Raises DataError if there are several."""
    sources = idx_sources(source if source.is_dir() else source.parent)
    if source.is_file() and (match := NAME.fullmatch(source.name)):
        sources = {prefix: sets for prefix, sets in sources.items() if prefix == match["prefix"].lower()}
    if not sources:
        raise DataError(f"{source}: expected a file of images and one of their labels, both named alike")
    if len(sources) > 1:
        files = ", ".join(sets["train"]["images"].name for sets in sources.values())
        raise DataError(f"{source}: there are several datasets; say which by one of its files: {files}")
    ((prefix, sets),) = sources.items()
    if "emnist" in prefix and "qmnist" not in prefix and not preparation.transpose:
        preparation = Preparation(preparation.wanted, transpose=True)
        notes = ["rows and columns are exchanged, because EMNIST's files have their images on their side"]
    else:
        notes = []
    pairs = []
    for kind in ("train", "test"):
        if len(pair := sets.get(kind, {})) == 2:
            pairs.append((idx.read_idx(pair["images"], rank=3), _labels(pair["labels"]), pair["images"]))
    names = next((names for part, names in EMNIST.items() if part in prefix and "emnist" in prefix), None)
    labelled = numbered([labels for _, labels, _ in pairs], str(source), names)
    parts, problems = [], []
    for (images, _, file), labels in zip(pairs, labelled.labels, strict=True):
        if len(images) != len(labels):
            raise DataError(
                f"{file}: expected {len(labels):,} images, one for each label, found {len(images):,}"
            )
        part, wrong = preparation.part(images, labels, file.name)
        parts.append(part)
        problems += wrong
    test = parts[1] if len(parts) > 1 else None
    return Found(parts[0], test, labelled.classes, preparation.form, problems, notes + labelled.notes)


def _labels(path: Path) -> NDArray[np.generic]:
    rank = int(NAME.fullmatch(path.name)["rank"])  # type: ignore[index]  # found by it
    labels = idx.read_idx(path, rank, tuple(idx.TYPES))
    return labels[:, 0] if rank == 2 else labels


def _files(folder: Path, depth: int) -> list[Path]:
    found = []
    for path in folder.iterdir():
        if path.is_dir():
            found += _files(path, depth - 1) if depth else []
        else:
            found.append(path)
    return found
