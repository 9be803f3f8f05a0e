"""Fetch a dataset's four files into a folder; each is verified before it gets its final name.

A file's identity is the SHA-256 of its uncompressed bytes. So a mirror may have recompressed the file, and a
server may compress it once more on the way. A file stays in memory, where its known size limits it, until
it is verified: every file in the folder with a final name is complete and correct.
"""

import gzip
import hashlib
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from MNIST import files
from MNIST.data import idx
from MNIST.data.about import ABOUT_FILE, CLASSES_FILE, read_about
from MNIST.data.catalogue import (
    COLLECTIONS,
    DATASETS,
    Collection,
    PublishedDataset,
    PublishedFile,
    owner,
)
from MNIST.data.datasets import data_of_others, find_file
from MNIST.data.transfer import path_of, receive
from MNIST.errors import DataError, DownloadError, UsageError, did_you_mean, quoted
from MNIST.program import program

TIMEOUT = 30.0  # seconds


@dataclass(frozen=True)
class Progress:
    """How much of a file has arrived: `received` of `expected` bytes (None: the mirror did not say).

    outcome: once the file is there, where it came from. problem: a mirror that was given up, and why. Both
    are mostly empty.
    """

    file: str
    received: int = 0
    expected: int | None = None
    outcome: str = ""
    problem: str = ""


Report = Callable[[Progress], None]
Result = TypeVar("Result")


def download(
    folder: Path,
    dataset: str = "mnist",
    mirrors: Sequence[str] = (),
    replace: bool = False,
    report: Report = lambda progress: None,
    timeout: float = TIMEOUT,
) -> None:
    """Put a dataset's four files, verified, into a folder. Files that are there already are not requested.

    mirrors: URLs of folders (http, https or file), tried in order, before those of MNIST_MIRROR (comma
    separated) and the published ones. replace: overwrite files of another one of `DATASETS`, and remove what
    describes other data.
    timeout: seconds without a byte until the next mirror is tried.
    Raises UsageError for an unknown dataset or mirror, DataError if the folder holds another dataset,
    DownloadError, with every URL and its reason, if no mirror gave a file.
    """
    folder, published = Path(folder), _find_dataset(dataset)
    sources = [*_checked_mirrors(mirrors), *mirrors_of_environment(), *_checked_mirrors(published.mirrors)]
    if isinstance(published, Collection):
        from MNIST.data.importing.collection import collect  # it uses this module

        return collect(folder, dataset, published, sources, timeout, report)
    if not (_missing(folder, dataset, replace) or _other_descriptions(folder, dataset, replace)):
        for file in published.files:
            report(Progress(file.gz_name, outcome="already there"))
        return
    with files.only_one(folder / ".download.lock"):
        missing = _missing(folder, dataset, replace)  # another process may just have fetched some
        for path in _other_descriptions(folder, dataset, replace):
            path.unlink()
        made = _make_digits() if dataset == "digits" else {}
        for file in published.files:
            outcome = "already there"
            if file in missing:
                packed, outcome = made.get(file) or _fetch(file, sources, timeout, report)
                files.write_atomically(missing[file], packed, alone=True)
            report(Progress(file.gz_name, outcome=outcome))


def mirrors_of_environment() -> list[str]:
    """The mirrors that MNIST_MIRROR names, as URLs. Raises UsageError for what is none."""
    return _checked_mirrors(os.environ.get("MNIST_MIRROR", "").split(","))


def _missing(folder: Path, dataset: str, replace: bool) -> dict[PublishedFile, Path]:
    """The dataset's files that the folder lacks, or has damaged, and where each belongs.

    A file that is there keeps its spelling, because a second one beside it would be one too many.
    Raises DataError for an intact file of another published dataset, unless `replace` is set; then it will be
    overwritten. Raises it for a user's own data in any case.
    """
    missing = {}
    wanted = DATASETS[dataset].files
    paths = [find_file(folder, file.name) for file in wanted]
    contents = [
        _sha256_of(path, file.rank) if path else None for path, file in zip(paths, wanted, strict=True)
    ]
    known = {file.sha256 for file in wanted}
    if any(content and content not in known and owner(content) == "custom" for content in contents):
        raise DataError(f"{folder} has data of your own; take another folder for {dataset}")
    if others := data_of_others(folder):
        raise DataError(
            f"{folder} has other data ({', '.join(others[:3])}); take another folder for {dataset}"
        )
    for file, path, content in zip(wanted, paths, contents, strict=True):
        if content == file.sha256:
            continue
        if content and not replace:
            found = f"expected {dataset} data, found {owner(content)} data"
            raise DataError(f"{path}: {found}; to overwrite it, add --replace")
        missing[file] = folder / (f"{path.name.removesuffix('.gz')}.gz" if path else file.gz_name)
    return missing


def _other_descriptions(folder: Path, dataset: str, replace: bool) -> list[Path]:
    """The files that say what a folder's data are, `dataset.json` and `classes.txt`, if it is other data.

    Raises DataError for them unless `replace` is set; then they will be removed.
    """
    published = DATASETS[dataset]
    try:
        about, digest = read_about(folder)
        fits = digest in (None, published.digest) and len(about.classes) == len(published.classes)
    except DataError:
        fits = False
    paths = [] if fits else [path for name in (ABOUT_FILE, CLASSES_FILE) if (path := folder / name).exists()]
    if paths and not replace:
        names = " and ".join(path.name for path in paths)
        raise DataError(
            f"{folder} has {names} of other data; take another folder for {dataset},"
            " or add --replace to remove this"
        )
    return paths


def _sha256_of(path: Path, rank: int) -> str | None:
    try:
        return idx.sha256(idx.read_idx(path, rank))
    except DataError:
        return None  # damaged


def _fetch(file: PublishedFile, sources: list[str], timeout: float, report: Report) -> tuple[bytes, str]:
    """One file, gzipped and verified, and "from" its mirror, which is asked first for the next file."""

    def get(url: str) -> bytes:
        if url.startswith("file:"):
            here = path_of(url).parent
            name = (find_file(here, file.name) or here / file.gz_name).name  # it may be plain
            url = f"{url.rpartition('/')[0]}/{name}"
        on_bytes = partial(report_bytes, file.gz_name, report)
        return _verified(receive(url, max(file.largest_gz, file.size), timeout, on_bytes), file)

    return from_a_mirror(file.gz_name, sources, get, report)


def report_bytes(name: str, report: Report, received: int, expected: int | None) -> None:
    """Tell how much of a file has come. expected: its bytes, if the mirror says how many."""
    report(Progress(name, received, expected))


def from_a_mirror(
    name: str, sources: list[str], get: Callable[[str], Result], report: Report
) -> tuple[Result, str]:
    """What `get` makes of a file's URL at the first mirror that has it, and "from" that mirror.

    That mirror is asked first for the next file. Raises DownloadError, with each mirror's reason.
    """
    failures = []
    for mirror in sources:
        url = mirror + name
        try:
            result = get(url)
        except (DownloadError, DataError) as error:
            failures.append(_without_password(f"{url}: {error}"))
            report(Progress(name, problem=failures[-1]))
        else:
            sources.remove(mirror)
            sources.insert(0, mirror)
            return result, f"from {_without_password(mirror)}"
    raise DownloadError(
        "\n    ".join([f"no mirror could give {name}:", *failures])
        + f"\nWithout a network: {program()} download <dataset-dir> --dataset digits"
        "\nWith a copy of the files: MNIST_MIRROR=/folder/with/them before the command"
    )


def _verified(content: bytes, file: PublishedFile) -> bytes:
    """The file as one gzip member, from content that is uncompressed, compressed, or compressed twice.

    Raises DataError if it is not that file.
    """
    packed, data = b"", content
    for _ in range(2):
        if data.startswith(idx.GZIP):
            packed, data = data, idx.gunzip(data, file.largest_gz)
    found = hashlib.sha256(data).hexdigest()
    if found != file.sha256:
        raise DataError(
            f"expected {file.size:,} bytes with SHA-256 {file.sha256[:12]}…, "
            f"found {len(data):,} with {found[:12]}…, beginning with {data[:16]!r}"
        )
    return packed or gzip.compress(data, mtime=0)


def _make_digits() -> dict[PublishedFile, tuple[bytes, str]]:
    from MNIST.data.digits import make_digits

    arrays = zip(DATASETS["digits"].files, make_digits(), strict=True)
    return {file: (_verified(idx.encode(array), file), "from scikit-learn") for file, array in arrays}


def _find_dataset(dataset: str) -> PublishedDataset | Collection:
    known: dict[str, PublishedDataset | Collection] = {**DATASETS, **COLLECTIONS}
    if dataset not in known:
        hint = did_you_mean(dataset, known) or f"; there are: {', '.join(known)}"
        raise UsageError(f"unknown dataset {quoted(dataset)}{hint}")
    return known[dataset]


def _checked_mirrors(urls: Sequence[str]) -> list[str]:
    return [_checked_mirror(url.strip()) for url in urls if url.strip()]


def _checked_mirror(url: str) -> str:
    """The URL of a folder, or of a folder's name, ending in a slash. Raises UsageError for anything else."""
    if "://" not in url and Path(url).is_dir():  # E:\\data is one as well
        return Path(url).resolve().as_uri().rstrip("/") + "/"
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "file" or (parts.scheme in ("http", "https") and parts.hostname)
    except ValueError:
        usable = False
    if not usable or "?" in url or "#" in url:
        shown = _without_password(re.split("[?#]", url)[0])[:200]
        raise UsageError(f"mirror {shown!r}: expected a folder, or an http, https or file URL of one")
    return url.rstrip("/") + "/"


def _without_password(text: str) -> str:
    return re.sub(r"//[^/\s]*@", "//", text)
