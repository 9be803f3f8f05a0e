"""A dataset: images and labels of a training and a test set; `load` reads one from its four files."""

import hashlib
import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MNIST.data import idx
from MNIST.data.about import ABOUT_FILE, About, read_about, read_classes
from MNIST.data.catalogue import FILE_NAMES, about_published, owner
from MNIST.data.suspicions import form_of, has_dark_ink
from MNIST.errors import DataError
from MNIST.program import as_typed, program

Labels = NDArray[np.unsignedinteger]

_LIKE_DATA = re.compile(r"ubyte|idx[13]|(images|labels)[^/]*\.(gz|npy|npz|bin)$", re.IGNORECASE)


@dataclass(frozen=True)
class Dataset:
    """Images and labels of a training and a test set, and what they show; the arrays are read-only.

    Images: uint8 (n, 28, 28). Labels: (n,), each in [0, classes), in the smallest unsigned type.
    digest: the SHA-256, in hex, of the four files' SHA-256s in hex, in the order of the fields.
    """

    about: About
    train_images: NDArray[np.uint8]
    train_labels: Labels
    test_images: NDArray[np.uint8]
    test_labels: Labels
    digest: str

    @property
    def name(self) -> str:
        """One of `DATASETS`, or the user's own."""
        return self.about.name

    @property
    def classes(self) -> tuple[str, ...]:
        """What each label means, from 0."""
        return self.about.classes


def load(folder: Path) -> Dataset:
    """Read the dataset in a folder, from `.gz` or plain files, and verify it.

    Raises DataError if a file is missing (it says what to run), is damaged, or does not fit the others.
    """
    folder = Path(folder)
    files = [_existing(folder, name) for name in FILE_NAMES]
    about, expected = read_about(folder)
    train_images, train_labels = _read_pair(files[0], files[1], len(about.classes))
    test_images, test_labels = _read_pair(files[2], files[3], len(about.classes))
    arrays = train_images, train_labels, test_images, test_labels
    sums = [idx.sha256(array) for array in arrays]
    digest = hashlib.sha256("".join(sums).encode()).hexdigest()
    if expected is None:
        about = _recognised(folder, about, sums, train_images)
    elif digest != expected:
        raise DataError(
            f"{folder}: the files are not those that {ABOUT_FILE} describes; if you have changed them,"
            f" remove {ABOUT_FILE}"
        )
    return Dataset(about, *arrays, digest)


def find_file(folder: Path, name: str) -> Path | None:
    """The file in a folder that has that name of `FILE_NAMES`, or another spelling of it; None without one.

    Raises DataError for files under two spellings, because one of them would silently be out of use.
    """
    stems = spellings(name)
    there = [stem for stem in stems if any((folder / f"{stem}{ending}").exists() for ending in (".gz", ""))]
    if len(there) > 1:
        raise DataError(f"{folder}: expected one file, found {there[0]} and {there[1]}: remove one of them")
    candidates = (folder / f"{stem}{ending}" for stem in there for ending in (".gz", ""))
    return next((path for path in candidates if path.exists()), None)


def spellings(name: str) -> tuple[str, ...]:
    """The names under which a file of `FILE_NAMES` is in use: with a dot, or with `test` for `t10k`."""
    others = [name, name.replace("t10k", "test")]
    return tuple(dict.fromkeys(other.replace("-idx", dot) for dot in ("-idx", ".idx") for other in others))


def _existing(folder: Path, name: str) -> Path:
    path = find_file(folder, name)
    if path is None:
        raise DataError(f"{folder}: {_why_missing(folder, name)}")
    return path


def _why_missing(folder: Path, name: str) -> str:
    """Say what is there in place of a file, or how to get it."""
    others = data_of_others(folder)
    near = get_close_matches(name, others, n=1, cutoff=0.7)
    if near:
        ending = ".gz" if near[0].endswith(".gz") else ""
        return f"no {name}.gz, but {near[0]}: if this is the file, rename it to {name}{ending}"
    if others:
        return (
            f"no {name}.gz, but {', '.join(others[:3])}: a dataset has four files with the names of MNIST's"
        )
    if (folder / ABOUT_FILE).exists():
        return f"no {name}.gz: what made this dataset was interrupted; repeat that command to complete it"
    if known := [one for one in sorted(Path().glob("*/")) if _has_all_files(one)]:
        return f"no {name}.gz in this folder; there is a dataset in {known[0]}"
    fetch = f"{program()} download {as_typed(str(folder))}"
    return f"no {name}.gz in this folder; to fetch the data:\n    {fetch}"


def _has_all_files(folder: Path) -> bool:
    try:
        return all(find_file(folder, name) for name in FILE_NAMES)
    except (DataError, OSError):  # it has a file twice, or belongs to somebody else
        return False


def data_of_others(folder: Path) -> list[str]:
    """The files in a folder that look like data, by their names, and are not called as a dataset's files."""
    ours = {f"{stem}{end}" for name in FILE_NAMES for stem in spellings(name) for end in ("", ".gz")}
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return [name for name in there if name not in ours and name[0] != "." and _LIKE_DATA.search(name)]


def _read_pair(images_file: Path, labels_file: Path, classes: int) -> tuple[NDArray[np.uint8], Labels]:
    images, labels = idx.read_images(images_file), idx.read_labels(labels_file, classes)
    if len(images) != len(labels):
        raise DataError(
            f"{labels_file}: expected {len(images):,} labels, one for each image of {images_file.name}, "
            f"found {len(labels):,}"
        )
    return images, labels


def _recognised(folder: Path, about: About, sums: list[str], images: NDArray[np.uint8]) -> About:
    """What is known of a dataset without a `dataset.json`: by its content, or by looking at its images."""
    names = [owner(content) for content in sums]
    known = sorted({name for name in names if name != "custom"})
    if len(known) > 1:  # a replacement that was interrupted
        raise DataError(
            f"{folder}: expected one dataset, found files of {' and '.join(known)}; to have one of them:\n"
            f"    {program()} download {as_typed(str(folder))} --replace --dataset {known[0]}"
        )
    if "custom" in names:
        ink = "dark" if has_dark_ink(images) else "bright"
        return replace(about, ink=ink, form=form_of(images, ink))
    named, published = read_classes(folder), about_published(names[0])
    return published if named is None else replace(published, classes=named)
