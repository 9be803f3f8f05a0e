"""A folder with a subfolder of pictures for each class; or with folders `train` and `test` of that kind."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from MNIST.data.about import checked_classes
from MNIST.data.centring import SIDE
from MNIST.data.importing.labels import refuse_names_equal_but_for_case
from MNIST.data.importing.shapes import Preparation
from MNIST.data.importing.source import MOST_IMAGES, Found, Part, Progress, image_key
from MNIST.data.picture_files import pages, read_picture, size_of
from MNIST.errors import DataError, MNISTError, quoted
from MNIST.words import counted

SETS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
IGNORED = re.compile(r"\..*|thumbs\.db|desktop\.ini", re.IGNORECASE)  # what is hidden, or left by systems
ALONE = 400  # pictures; for more, further processes help, which take a second to start
SHOWN = 5  # names of what is not read
CHUNK = 50  # pictures that a process gets at a time

Read = tuple[bytes | None, str]  # the pixels of the image, or of those on a sheet; or None and what is wrong


def is_of_pictures(folder: Path) -> bool:
    """Whether a folder has subfolders with files in them."""
    return any(any(below.iterdir()) for below in _subfolders(folder))


def read_folders(folder: Path, preparation: Preparation, workers: int, progress: Progress) -> Found:
    """The pictures in a folder's subfolders; each subfolder's name is a class.

    workers: how many processes read pictures. Raises DataError if there are fewer than two classes, or two
    whose names differ in capital letters alone.
    """
    roots = _sets(folder)
    unread = _unread(folder, roots)
    there = [below for root in roots.values() for below in _subfolders(root)]
    names = {below.name for below in there if any(_files(below))}
    empty = sorted({below.name for below in there} - names)
    classes = checked_classes(sorted(names, key=_by_number), str(folder))
    refuse_names_equal_but_for_case(classes, str(folder))
    files = {kind: _pictures(root, classes) for kind, root in roots.items()}
    count = sum(map(len, files.values()))
    if count > MOST_IMAGES:
        raise DataError(f"{folder}: {count:,} pictures, and {MOST_IMAGES:,} are the most")
    everything = [path for pictures in files.values() for path, _ in pictures]
    preparation = preparation.for_all(size for size in map(size_of, everything) if size)
    results = _counted(_read_all(everything, preparation, workers), count, progress)
    sets = {kind: _read_set(pictures, results, folder) for kind, pictures in files.items()}
    unreadable = [problem for one in sets.values() for problem in one.problems]
    problems = [f"{name}: there is no picture in it" for name in empty] + unreadable
    train = sets["train"].part
    notes = [f"not read: {unread}"] if unread else []
    if several := [str(path.relative_to(folder)) for path in everything if pages(path) > 1]:
        notes.append(f"of a file with several pages, the first one is read: {_listed(several)}")
    if preparation.sheets:
        found = sum(len(one.part) for one in sets.values())
        notes.append(f"{found:,} images found on {counted(count - len(unreadable), 'sheet')}")
    test = None
    if "test" in sets:
        test, repeated = _without_copies(sets["test"], train)
        problems += repeated
    return Found(train, test, classes, preparation.form, problems, notes)


@dataclass(frozen=True)
class _Set:
    """The images of one set. origins: the file of each, below the source."""

    part: Part
    origins: list[Path]
    problems: list[str]


def _read_set(pictures: Sequence[tuple[Path, int]], results: Iterator[Read], folder: Path) -> _Set:
    """The images of some files with their labels. results: what was read, from the first of them on."""
    images, labels, origins, problems = bytearray(), [], [], []
    for path, label in pictures:
        pixels, problem = next(results)
        origin = path.relative_to(folder)
        if pixels is None:
            problems.append(f"{origin}: {problem}")
            continue
        images += pixels
        each = len(pixels) // SIDE**2
        labels += [label] * each
        origins += [origin] * each
    part = Part(np.frombuffer(images, np.uint8).reshape(-1, SIDE, SIDE), np.array(labels, np.int64))
    return _Set(part, origins, problems)


def _without_copies(test: _Set, train: Part) -> tuple[Part, list[str]]:
    """The images of a test set that are not in the training set, and a line for each other one."""
    trained = {image_key(image) for image in train.images}
    is_new = np.array([image_key(image) not in trained for image in test.part.images], bool)
    repeated = [f"{test.origins[place]}: it is a training image too" for place in np.flatnonzero(~is_new)]
    return Part(test.part.images[is_new], test.part.labels[is_new]), repeated


def _counted(results: Iterator[Read], count: int, progress: Progress) -> Iterator[Read]:
    for done, result in enumerate(results, start=1):
        progress(done, count)
        yield result


def _sets(folder: Path) -> dict[str, Path]:
    """The folders with the classes, by set: `train`, perhaps with `test`; or the folder itself."""
    roots: dict[str, Path] = {}
    for below in _subfolders(folder):
        kind = SETS.get(below.name.lower())
        if kind and _subfolders(below):  # else it is a class of that name
            roots.setdefault(kind, below)
    return roots if "train" in roots else {"train": folder}


def _unread(folder: Path, roots: Mapping[str, Path]) -> str:
    """What lies in a folder and belongs to no class of these sets, or is a link to a folder, in words."""
    if roots["train"] == folder:
        others = [path.name for path in sorted(folder.iterdir()) if not path.is_dir()]
    else:
        others = [path.name for path in sorted(folder.iterdir()) if path not in roots.values()]
    others = [name for name in others if not IGNORED.fullmatch(name)]
    classes = [below for root in roots.values() for below in _subfolders(root)]
    links = [path for below in classes for path in _below(below) if path.is_symlink() and path.is_dir()]
    others += [str(path.relative_to(folder)) for path in sorted(links)]
    return _listed(others)


def _listed(names: Sequence[str]) -> str:
    """The first of these names, and how many more there are; "" if there is none."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(map(quoted, names[:SHOWN])) + more


def _read_all(files: Sequence[Path], preparation: Preparation, workers: int) -> Iterator[Read]:
    if len(files) <= ALONE or workers == 1:
        yield from map(_read, files, repeat(preparation))
        return
    try:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            yield from pool.map(_read, files, repeat(preparation), chunksize=CHUNK)
    except BrokenProcessPool:
        raise MNISTError(
            "a process that read pictures was killed, perhaps because memory ran out; run the command again"
        ) from None


def _read(file: Path, preparation: Preparation) -> Read:
    try:
        picture = read_picture(file, preparation.form or "whole")
        images = preparation.each(picture) if preparation.sheets else [preparation.one(picture)]
        return b"".join(image.tobytes() for image in images), ""
    except DataError as error:
        return None, str(error)


def _pictures(root: Path, classes: Sequence[str]) -> list[tuple[Path, int]]:
    """The files in the folders of classes, and in the folders below these, each with its label."""
    found = []
    for below in _subfolders(root):
        if files := sorted(_files(below)):
            label = classes.index(unicodedata.normalize("NFC", below.name))
            found += [(path, label) for path in files]
    return found


def _files(folder: Path) -> Iterator[Path]:
    """The files in a folder and in those below it, as `_below` finds them."""
    return (path for path in _below(folder) if not path.is_dir())


def _below(folder: Path) -> Iterator[Path]:
    """What is in a folder and in those below it, without what is hidden or left by systems.

    Links to folders are not followed.
    """
    for path in folder.rglob("*"):
        if not any(map(IGNORED.fullmatch, path.relative_to(folder).parts)):
            yield path


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and not IGNORED.fullmatch(path.name)]


def _by_number(name: str) -> tuple[int, str]:
    """Numbers in their order, words after them."""
    return (int(name), name) if name.isdecimal() and len(name) < 10 else (10**10, name)
