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
from MNIST.data.importing.source import Found, refuse_other_sides
from MNIST.errors import DataError

NAME = re.compile(
    r"(?P<prefix>.*?)(?P<set>train|t10k|test)[-_.](?P<what>images|labels)[-_.]idx(?P<rank>[1-4])[-_.](ubyte|int)"
    r"(\.gz)?",
    re.IGNORECASE,
)
DEEPEST = 3  # folders below the source that are looked into
EMNIST = {"letters": LETTERS, "balanced": BALANCED, "bymerge": BALANCED}  # others have digits, or all letters

Role = tuple[str, str]  # of a file in its dataset: "train" or "test", and "images" or "labels"
Files = dict[Role, Path]


def idx_sources(folder: Path) -> list[tuple[str, Files]]:
    """The datasets in a folder and the folders below it, each with what stands before `train` in its names.

    Files that have this in common are one dataset, in whatever folders they lie, as long as no two folders
    have the same of its files; else each folder has a dataset of its own.
    """
    found: dict[str, list[Files]] = {}
    for (prefix, _), files in _by_place(folder).items():
        found.setdefault(prefix, []).append(files)
    return [(prefix, files) for prefix, each in found.items() for files in _joined(each) if _trains(files)]


def read_idx_files(source: Path, preparation: Preparation) -> Found:
    """The dataset in a folder, or of a file and those beside it. Raises DataError if there are several."""
    prefix, files = _source(source)
    if "emnist" in prefix and "qmnist" not in prefix and not preparation.transpose:
        preparation = Preparation(preparation.form, transpose=True)
        notes = ["rows and columns are exchanged, because EMNIST's files have their images on their side"]
    else:
        notes = []
    pairs = []
    for kind in ("train", "test"):
        if {(kind, "images"), (kind, "labels")} <= files.keys():
            path = files[kind, "images"]
            images = idx.read_idx(path, rank=3)
            refuse_other_sides(images.shape[1:], str(path))
            pairs.append((images, _labels(files[kind, "labels"]), path))
    names = next((names for part, names in EMNIST.items() if part in prefix and "emnist" in prefix), None)
    labelled = numbered([labels for _, labels, _ in pairs], str(source), names)
    parts, problems = [], []
    preparation = preparation.for_all(images.shape[1:] for images, _, _ in pairs)
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


def _source(source: Path) -> tuple[str, Files]:
    match = NAME.fullmatch(source.name)
    if source.is_dir():
        sources = idx_sources(source)
    elif match:
        prefix, place = match["prefix"].lower(), _place(source)
        files = _by_place(place)[prefix, place] | {_role(match): source}
        sources = [(prefix, files)] if _trains(files) else []
    else:
        sources = []
    if not sources:
        raise DataError(f"{source}: expected a file of images and one of their labels, both named alike")
    if len(sources) > 1:
        first = ", ".join(str(files["train", "images"].relative_to(source)) for _, files in sources)
        raise DataError(f"{source}: there are several datasets; say which by one of its files: {first}")
    return sources[0]


def _by_place(folder: Path) -> dict[tuple[str, Path], Files]:
    """The files in a folder and those below it, by what stands before `train` in their names and by place."""
    found: dict[tuple[str, Path], Files] = {}
    for path in sorted(_files(folder, DEEPEST)):
        if match := NAME.fullmatch(path.name):
            files = found.setdefault((match["prefix"].lower(), _place(path)), {})
            files.setdefault(_role(match), path)
    return found


def _place(path: Path) -> Path:
    """The folder that a file belongs to. Kaggle's archives have each file in a folder of its own name."""
    return path.parent.parent if NAME.fullmatch(path.parent.name) else path.parent


def _role(match: re.Match[str]) -> Role:
    return "train" if match["set"].lower() == "train" else "test", match["what"].lower()


def _joined(places: list[Files]) -> list[Files]:
    roles = [role for files in places for role in files]
    if len(roles) > len(set(roles)):
        return places
    return [{role: path for files in places for role, path in files.items()}]


def _trains(files: Files) -> bool:
    return {("train", "images"), ("train", "labels")} <= files.keys()


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
