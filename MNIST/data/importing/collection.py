"""Datasets that are published in another form than MNIST's four files: fetched, verified and imported."""

import hashlib
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from MNIST.data import idx
from MNIST.data.about import About, read_about
from MNIST.data.catalogue import FILE_NAMES, Collection, SourceFile
from MNIST.data.datasets import find_file, load
from MNIST.data.download import Progress, Report, from_a_mirror, report_bytes
from MNIST.data.importing.dataset import refuse_other_data, write_dataset
from MNIST.data.importing.idx_files import read_idx_files
from MNIST.data.importing.shapes import Preparation
from MNIST.data.importing.source import Part
from MNIST.data.transfer import OnDisk, receive_into
from MNIST.errors import DataError
from MNIST.files import only_one


def collect(
    folder: Path, name: str, collection: Collection, sources: list[str], timeout: float, report: Report
) -> None:
    """Put a collection's dataset into a folder; if it is there, nothing is requested.

    sources: URLs of mirrors' folders, in the order in which they are asked. Raises DataError if the folder
    has other data, DownloadError if no mirror gave a file.
    """
    about = About(name, collection.classes, form=collection.form, source=collection.mirrors[0])
    if not _is_there(folder, about):
        with _only_place(folder) as place:
            if not _is_there(folder, about):  # another process may just have fetched it
                damaged = _damaged(folder, about)
                if not damaged:
                    refuse_other_data(folder)
                train, test = _fetch(place, name, collection, sources, timeout, report)
                for path in damaged:
                    path.unlink()
                write_dataset(folder, about, train, test)
                return
    for file in collection.files:
        report(Progress(file.name, outcome="already there"))


def _fetch(
    place: Path, name: str, collection: Collection, sources: list[str], timeout: float, report: Report
) -> tuple[Part, Part]:
    """The images of a collection, for training and for testing, from its files, which come to a place."""
    for file in collection.files:
        get = partial(_received, place / file.name, file, timeout, report)
        _, outcome = from_a_mirror(file.name, sources, get, report)
        report(Progress(file.name, outcome=outcome))
    if collection.prefix:
        _unpack(place / collection.files[0].name, collection.prefix, place)
    found = read_idx_files(place, Preparation())
    test = found.test
    if test is None or found.problems:
        raise DataError(f"{name}: the files that were fetched hold no test set")
    return found.train, Part(test.images[collection.first_test :], test.labels[collection.first_test :])


@contextmanager
def _only_place(folder: Path) -> Iterator[Path]:
    """A place for what is fetched, for one process at a time; what a killed one has left there is removed."""
    place = folder / ".fetched"
    with only_one(folder / ".fetched.lock"):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        try:
            yield place
        finally:
            shutil.rmtree(place)


def _is_there(folder: Path, about: About) -> bool:
    """Whether a folder has the dataset that is described so, undamaged."""
    try:
        return read_about(folder)[0] == about == load(folder).about
    except DataError:
        return False


def _damaged(folder: Path, about: About) -> list[Path]:
    """The files that cannot be read, of the dataset that is described so; none of another one."""
    try:
        if read_about(folder)[0] != about:
            return []
    except DataError:
        return []
    paths = [path for name in FILE_NAMES if (path := find_file(folder, name))]
    return [path for path in paths if not _is_sound(path)]


def _is_sound(path: Path) -> bool:
    try:
        idx.read_idx(path, 3 if "images" in path.name else 1)
    except DataError:
        return False
    return True


def _received(path: Path, file: SourceFile, timeout: float, report: Report, url: str) -> None:
    """Fetch a file. Raises DataError if its MD5 is another one."""
    on_bytes = partial(report_bytes, file.name, report)
    content = OnDisk(path)
    try:
        receive_into(content, url, file.size, timeout, on_bytes)
    finally:
        content.close()
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
    if found != file.md5:
        size = path.stat().st_size
        raise DataError(f"expected a file with MD5 {file.md5[:12]}…, found {size:,} bytes with {found[:12]}…")


def _unpack(archive: Path, prefix: str, place: Path) -> None:
    """Unpack the files with a prefix from a zip archive, whatever folders they are in; then remove it."""
    with zipfile.ZipFile(archive) as members:
        for member in members.infolist():
            name = member.filename.rpartition("/")[2]
            if name.startswith(prefix):
                with members.open(member) as source, (place / name).open("wb") as target:
                    shutil.copyfileobj(source, target)
    archive.unlink()
