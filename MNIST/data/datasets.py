"""The datasets that this project recognises by their content; `load` reads one from its four files."""

import hashlib
import re
import shlex
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MNIST.data import idx
from MNIST.errors import DataError
from MNIST.program import program


@dataclass(frozen=True)
class PublishedFile:
    """A file of a dataset: its name without `.gz`; size and SHA-256 of its uncompressed bytes."""

    name: str
    size: int
    sha256: str

    @property
    def gz_name(self) -> str:
        return f"{self.name}.gz"

    @property
    def largest_gz(self) -> int:
        """The most bytes that the file can have as gzip, when compression does not help."""
        return self.size + self.size // 1000 + 1024

    @property
    def rank(self) -> int:
        return 3 if "images" in self.name else 1


@dataclass(frozen=True)
class PublishedDataset:
    """A dataset's four files, in the order of `FILE_NAMES`, and the URLs of folders that hold them."""

    files: tuple[PublishedFile, ...]
    mirrors: tuple[str, ...]

    @property
    def train_count(self) -> int:
        return self.files[1].size - 8  # a label is a byte; the header has 8

    @property
    def test_count(self) -> int:
        return self.files[3].size - 8


@dataclass(frozen=True)
class Dataset:
    """Images and labels of a training and a test set; the arrays are read-only.

    name: one of `DATASETS`, or "custom". Images: uint8 (n, 28, 28), 0 is the background, 255 the ink.
    Labels: uint8 (n,), each in [0, 10). digest: the SHA-256, in hex, of the four files' SHA-256s in hex,
    in the order of the fields.
    """

    name: str
    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]
    digest: str


FILE_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def _published(mirrors: tuple[str, ...], *sizes_and_sums: tuple[int, str]) -> PublishedDataset:
    named = zip(FILE_NAMES, sizes_and_sums, strict=True)
    return PublishedDataset(tuple(PublishedFile(name, size, sha) for name, (size, sha) in named), mirrors)


DATASETS = {
    "mnist": _published(
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "http://yann.lecun.com/exdb/mnist/",  # the origin; has refused downloads for years
        ),
        (47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        (60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        (7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        (10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
    "fashion": _published(
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),  # published without https
        (47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        (60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        (7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        (10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ),
    "digits": _published(
        (),  # made here, by digits.py
        (1176016, "e7f605191abd945177ef1ec9bfd420634f2b67399274993251710dc3b075eaf8"),
        (1508, "a51cb50022cf64ff873fdb947f9cc76fe899e4361beeaff6a249e68c626d1b23"),
        (232864, "8416cddb19d5cc15d99dab59ad5f1184f9347f476bc8397ec2d78181fa3a4a7c"),
        (305, "0f3e23c9b80c28d5bf0cc56b1bf9310e3312621d07a5bd82b95d0a05c4a89fa7"),
    ),
}

_LIKE_DATA = re.compile(r"ubyte|idx[13]|(images|labels)[^/]*\.(gz|npy|npz|bin)$", re.IGNORECASE)
DIGITS = tuple("0123456789")
_CLASSES = {  # if they are not digits
    "fashion": (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )
}

_OWNERS = {file.sha256: name for name, published in DATASETS.items() for file in published.files}


def owner(sha256: str) -> str:
    """The name of the dataset that a file of that content belongs to, or "custom"."""
    return _OWNERS.get(sha256, "custom")


def class_names(dataset: str) -> tuple[str, ...]:
    """What each label of the dataset means, from 0. The labels of an unknown dataset mean digits."""
    return _CLASSES.get(dataset, DIGITS)


def load(folder: Path) -> Dataset:
    """Read the dataset in a folder, from `.gz` or plain files, and verify it.

    Raises DataError if a file is missing (it says what to run), is damaged, or does not fit the others.
    """
    folder = Path(folder)
    train_images_file, train_labels_file, test_images_file, test_labels_file = (
        _existing(folder, name) for name in FILE_NAMES
    )
    train_images, train_labels = _read_pair(train_images_file, train_labels_file)
    test_images, test_labels = _read_pair(test_images_file, test_labels_file)
    sums = [idx.sha256(array) for array in (train_images, train_labels, test_images, test_labels)]
    digest = hashlib.sha256("".join(sums).encode()).hexdigest()
    return Dataset(_name_of(folder, sums), train_images, train_labels, test_images, test_labels, digest)


def find_file(folder: Path, name: str) -> Path | None:
    """The file with that name in a folder, with or without `.gz`; None if there is none."""
    candidates = (folder / f"{name}.gz", folder / name)
    return next((path for path in candidates if path.exists()), None)


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
    known = [one for one in sorted(Path().glob("*/")) if all(find_file(one, file) for file in FILE_NAMES)]
    if known:
        return f"no {name}.gz in this folder; there is a dataset in {known[0]}"
    fetch = f"{program()} download {shlex.quote(str(folder))}"
    return f"no {name}.gz in this folder; to fetch the data:\n    {fetch}"


def data_of_others(folder: Path) -> list[str]:
    """The files in a folder that look like data, by their names, and are not called as a dataset's files."""
    ours = {f"{name}{ending}" for name in FILE_NAMES for ending in ("", ".gz")}
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return [name for name in there if name not in ours and name[0] != "." and _LIKE_DATA.search(name)]


def _read_pair(images_file: Path, labels_file: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    images, labels = idx.read_images(images_file), idx.read_labels(labels_file)
    if len(images) != len(labels):
        raise DataError(
            f"{labels_file}: expected {len(images):,} labels, one for each image of {images_file.name}, "
            f"found {len(labels):,}"
        )
    return images, labels


def _name_of(folder: Path, sums: list[str]) -> str:
    names = [owner(content) for content in sums]
    known = sorted({name for name in names if name != "custom"})
    if len(known) > 1:  # a replacement that was interrupted
        raise DataError(
            f"{folder}: expected one dataset, found files of {' and '.join(known)}; to have one of them:\n"
            f"    {program()} download {shlex.quote(str(folder))} --replace --dataset {known[0]}"
        )
    return names[0] if "custom" not in names else "custom"
