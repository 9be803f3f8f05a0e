"""From what was found in a source to a dataset's files: polarity, a test set, equal images, writing."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from MNIST import files
from MNIST.data import idx
from MNIST.data.about import ABOUT_FILE, LONGEST_TEXT, About, about_files
from MNIST.data.catalogue import FILE_NAMES
from MNIST.data.datasets import Dataset, data_of_others, find_file
from MNIST.data.importing.arrays import read_npz
from MNIST.data.importing.folders import is_of_pictures, read_folders
from MNIST.data.importing.idx_files import idx_sources, read_idx_files
from MNIST.data.importing.shapes import Preparation
from MNIST.data.importing.source import Found, Part, Progress, image_key
from MNIST.data.importing.tables import read_csv
from MNIST.data.suspicions import dimness, form_of, has_dark_ink
from MNIST.errors import DataError

TEST_PROPORTION = 0.15  # of each class, where a source has no test set
SHOWN = 100  # problems that a message lists


@dataclass(frozen=True)
class Wishes:
    """How a source becomes a dataset.

    form: "digit", "whole" or None, as in `Preparation`; or "sheet", for folders of pictures that hold several
    images each. transpose: as in `Preparation`. invert: "yes" exchanges black and white, "no" does not,
    "auto" does if the ink is dark, unless the source says that it is. test: the proportion of each class that
    becomes the test set if the source has none. skip: leave out what cannot be read. seed: decides which
    images test. workers: how many processes read.
    """

    form: str | None = None
    invert: str = "auto"
    transpose: bool = False
    test: float = TEST_PROPORTION
    skip: bool = False
    seed: int = 0
    workers: int = 1


@dataclass(frozen=True)
class Imported:
    """A dataset that was written. left_out: what could not be read. notes: what was done, or looks odd."""

    dataset: Dataset
    left_out: list[str]
    notes: list[str]


def import_dataset(
    source: Path, folder: Path, wishes: Wishes = Wishes(), progress: Progress = lambda done, count: None
) -> Imported:
    """Make a dataset in a folder out of pictures in folders, a CSV, an .npz, or IDX files of any name.

    Raises DataError, and writes nothing, if the folder has data already, if the source is none of these, or
    if something in it cannot be read and `skip` is not set.
    """
    source, folder = Path(source), Path(folder)
    refuse_other_data(folder)
    found = _read(source, wishes, progress)
    if found.problems and not wishes.skip:
        listed = "\n".join(f"    {problem}" for problem in found.problems[:SHOWN])
        more = f"\n    and {len(found.problems) - SHOWN:,} more" if len(found.problems) > SHOWN else ""
        why = "nothing is written, because of what follows; --skip leaves it out"
        raise DataError(f"{source}: {why}:\n{listed}{more}")
    found, dark, notes = _turned(found, wishes.invert)
    train, test = found.train, found.test
    if test is None:
        train, test = divided(train, len(found.classes), wishes.test, wishes.seed)
        share = len(test) / max(1, len(train) + len(test))
        exact = f"{share:.0%}" == f"{wishes.test:.0%}"
        notes.append(
            f"{wishes.test:.0%} of each class, drawn by seed {wishes.seed}, are the test set"
            + ("" if exact else f"; in all, it has {share:.0%} of the images")
        )
    elif equal := equal_images(train.images, test.images):
        notes.append(f"{equal:,} of the test images are also among the training images, pixel by pixel")
    if not (len(train) and len(test)):
        found_both = f"{len(train)} and {len(test)}: a class needs two different ones"
        found_both += f"; {dim}" if (dim := dimness(found.train.images)) else ""
        raise DataError(f"{source}: expected images to train on and to test with, found {found_both}")
    name, ink = _shown(folder.resolve().name), "dark" if dark else "bright"
    form = found.form or form_of(train.images, ink)
    about = About(name, found.classes, ink, form, _shown(str(source)))
    return Imported(write_dataset(folder, about, train, test), found.problems, found.notes + notes)


def write_dataset(folder: Path, about: About, train: Part, test: Part) -> Dataset:
    """Write the files of a dataset. The images come last: a folder without them is no dataset yet.

    A dataset of which a killed process wrote some files is completed. Raises DataError if there are other
    data.
    """
    kind = np.min_scalar_type(len(about.classes) - 1)
    arrays = train.images, train.labels.astype(kind), test.images, test.labels.astype(kind)
    digest = hashlib.sha256("".join(map(idx.sha256, arrays)).encode()).hexdigest()
    in_order = sorted(zip(FILE_NAMES, arrays, strict=True), key=lambda one: "images" in one[0])
    packed = {f"{name}.gz": gzip.compress(idx.encode(array), 6, mtime=0) for name, array in in_order}
    with files.only_one(folder / ".download.lock"):
        refuse_other_data(folder, packed)
        for name, content in (about_files(about, digest) | packed).items():
            files.write_atomically(folder / name, content, alone=True)
    return Dataset(about, *arrays, digest)


def divided(part: Part, classes: int, proportion: float, seed: int) -> tuple[Part, Part]:
    """Images to train on, and to test with: of each class, `proportion` tests, and at least one image.

    Equal images are drawn together, so that none tests what another one trains.
    """
    generator = np.random.default_rng(seed)
    numbers: dict[bytes, int] = {}  # of the distinct images, in the order of their first copies
    which = np.array([numbers.setdefault(image_key(image), len(numbers)) for image in part.images], np.int64)
    first_copies, copies = np.unique(which, return_index=True, return_counts=True)[1:]
    drawn: list[int] = []
    for label in range(classes):
        those = generator.permutation(np.flatnonzero(part.labels[first_copies] == label))
        drawn += _drawn(those.tolist(), copies[those].tolist(), proportion)
    tests = np.isin(which, drawn)
    return (
        Part(part.images[~tests], part.labels[~tests]),
        Part(part.images[tests], part.labels[tests]),
    )


def _drawn(those: list[int], copies: list[int], proportion: float) -> list[int]:
    """Of a class's distinct images, in a random order, the first that fit into its part of the test set.

    copies: how often each of them is there.
    """
    room = max(min(copies, default=0), round(proportion * sum(copies)))
    drawn = []
    for one, times in zip(those, copies, strict=True):
        if times <= room:
            drawn.append(one)
            room -= times
    return drawn if len(drawn) < len(those) else drawn[:-1]  # one trains


def equal_images(train: NDArray[np.uint8], test: NDArray[np.uint8]) -> int:
    """How many of the test images are among the training images too."""
    there = {image_key(image) for image in train}
    return sum(image_key(image) in there for image in test)


def _read(source: Path, wishes: Wishes, progress: Progress) -> Found:
    sheets = wishes.form == "sheet"
    preparation = Preparation("digit" if sheets else wishes.form, wishes.transpose, sheets)
    if not source.exists():
        raise DataError(f"{source}: there is no such file or folder")
    if sheets and not (source.is_dir() and is_of_pictures(source)):
        raise DataError(f"{source}: sheets are pictures in a folder with a subfolder for each class")
    if source.is_dir():
        if idx_sources(source):
            return read_idx_files(source, preparation)
        if is_of_pictures(source):
            return read_folders(source, preparation, wishes.workers, progress)
        raise DataError(
            f"{source}: expected a subfolder of pictures for each class, or IDX files, found neither"
        )
    ending = source.suffix.lower()
    if ending == ".npz":
        return read_npz(source, preparation)
    if ending in (".csv", ".txt", ".tsv"):
        return read_csv(source, preparation, progress)
    if "idx" in source.name.lower():
        return read_idx_files(source, preparation)
    expected = "a folder of pictures, a .csv, an .npz or IDX files; an archive must be unpacked first"
    raise DataError(f"{source}: expected {expected}")


def _shown(text: str) -> str:
    """A name or a path as `dataset.json` can hold it; paths may have any character and any length."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[-LONGEST_TEXT:]


def _turned(found: Found, invert: str) -> tuple[Found, bool, list[str]]:
    """The images as `invert` wishes, whether their ink is dark now, and what was done."""
    if found.ink:
        dark = found.ink == "dark"
    else:
        dark = len(found.train) > 0 and has_dark_ink(found.train.images)
        if invert == "no" and found.form == "digit":
            return found, dark, ["the form of digits has bright ink; --invert yes makes it dark"]
    if invert == "no" or (invert == "auto" and (found.ink or not dark)):
        return found, dark, []
    train = Part(255 - found.train.images, found.train.labels)
    test = None if found.test is None else Part(255 - found.test.images, found.test.labels)
    turned = replace(found, train=train, test=test)
    if dark:
        return turned, False, ["black and white are exchanged, so that the ink is bright, as MNIST's"]
    note = "black and white are exchanged: the ink was bright, as MNIST's is, and is dark now"
    return turned, True, [note]


def refuse_other_data(folder: Path, ours: Mapping[str, bytes] | None = None) -> None:
    """Raise DataError if a folder has a dataset, or files that look like one.

    ours: what will be written; files that are the same already are no others. Without it, it is not known
    yet, and some files of a dataset whose other files are missing may prove to be ours.
    """
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder}: expected a folder, found something else")
    there = [path for name in FILE_NAMES if (path := find_file(folder, name))]
    if ours is not None:
        there = [path for path in there if not _holds(path, ours.get(path.name))]
    elif len(there) < len(FILE_NAMES) and (folder / ABOUT_FILE).exists():
        there = []
    names = [path.name for path in there] + data_of_others(folder)
    if names:
        raise DataError(f"{folder} has data already ({', '.join(names[:3])}); take another folder")


def _holds(path: Path, content: bytes | None) -> bool:
    """Whether a file has that content; a pipe or a folder in its place has none."""
    try:
        return content is not None and files.read_whole(path, len(content)) == content
    except files.NotAFileError:
        return False
