"""Datasets that are published in another form than MNIST's four files: fetched, verified and imported."""

import hashlib
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from MNIST.data.about import About, read_about
from MNIST.data.catalogue import Collection, SourceFile
from MNIST.data.datasets import load
from MNIST.data.download import Progress, Report, from_a_mirror
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
    if is_there(folder, name):
        for file in collection.files:
            report(Progress(file.name, outcome="already there"))
        return
    refuse_other_data(folder)
    with _only_place(folder) as place:
        for file in collection.files:
            get = partial(_received, place / file.name, file, timeout, report)
            _, outcome = from_a_mirror(file.name, sources, get, report)
            report(Progress(file.name, outcome=outcome))
        if collection.prefix:
            _unpack(place / collection.files[0].name, collection.prefix, place)
        found = read_idx_files(place, Preparation())
    train, test = found.train, found.test
    if test is None or found.problems:
        raise DataError(f"{name}: the files that were fetched hold no test set")
    test = Part(test.images[collection.first_test :], test.labels[collection.first_test :])
    about = About(name, collection.classes, form=collection.form, source=collection.mirrors[0])
    write_dataset(folder, about, train, test)


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


def is_there(folder: Path, name: str) -> bool:
    """Whether a folder has that dataset, undamaged."""
    try:
        return read_about(folder)[0].name == name and load(folder).name == name
    except DataError:
        return False


def _received(path: Path, file: SourceFile, timeout: float, report: Report, url: str) -> None:
    """Fetch a file. Raises DataError if its MD5 is another one."""
    on_bytes: Callable[[int, int | None], None] = lambda received, expected: report(  # noqa: E731
        Progress(file.name, received, expected)
    )
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
