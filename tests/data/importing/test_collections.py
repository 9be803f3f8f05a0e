"""KMNIST, QMNIST and EMNIST, in small, from a server of the tests' own that has them as published."""

import gzip
import hashlib
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from MNIST.data import About, Dataset, download, idx, load
from MNIST.data.catalogue import COLLECTIONS
from MNIST.data.importing import import_dataset
from MNIST.errors import DataError, DownloadError


def labels_of(name: str, count: int) -> np.ndarray:
    """Labels as the publisher has them: QMNIST's in rows of eight, those of EMNIST's letters from 1."""
    classes = len(COLLECTIONS[name].classes)
    labels = np.arange(count) % classes
    if name == "qmnist":
        return np.stack([labels, *[labels + 1_000] * 7], axis=1).astype(np.int32)
    return (labels + (name == "emnist-letters")).astype(np.uint8)


def publish(folder: Path, name: str, digits: Dataset) -> None:
    """Put a small dataset into a folder, in the files of the collection with that name."""
    folder.mkdir()
    emnist = name.startswith("emnist")
    images = digits.train_images.transpose(0, 2, 1).copy() if emnist else digits.train_images
    sets = {"train": images[:90], "test": images[90:150]}
    contents = {}
    for kind, some in sets.items():
        other = "t10k" if name == "kmnist" and kind == "test" else kind
        start = "qmnist-" if name == "qmnist" else COLLECTIONS[name].prefix
        ending = "idx2-int" if name == "qmnist" else "idx1-ubyte"
        contents[f"{start}{other}-images-idx3-ubyte.gz"] = idx.encode(some)
        contents[f"{start}{other}-labels-{ending}.gz"] = idx.encode(labels_of(name, len(some)))
    packed = {file: gzip.compress(content) for file, content in contents.items()}
    if not emnist:
        for file, content in packed.items():
            (folder / file).write_bytes(content)
        return
    with zipfile.ZipFile(folder / "gzip.zip", "w") as archive:
        for file, content in packed.items():
            archive.writestr(f"gzip/{file}", content)
        archive.writestr("gzip/emnist-digits-train-images-idx3-ubyte.gz", b"of another dataset")


@pytest.fixture
def published(digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A function that publishes a small collection and puts its MD5 sums into the catalogue."""
    monkeypatch.delenv("MNIST_MIRROR", raising=False)

    def small(name: str) -> Path:
        folder = tmp_path / "published"
        publish(folder, name, digits)
        files = tuple(
            replace(file, md5=hashlib.md5((folder / file.name).read_bytes()).hexdigest())
            for file in COLLECTIONS[name].files
        )
        first = 10 if name == "qmnist" else 0
        mirrors = ("http://127.0.0.1:9/",)
        small_one = replace(COLLECTIONS[name], files=files, mirrors=mirrors, first_test=first)
        monkeypatch.setitem(COLLECTIONS, name, small_one)
        return folder

    return small


@pytest.mark.parametrize("name", COLLECTIONS)
def test_each_is_fetched_verified_and_read(name, published, serve, digits, tmp_path):
    mirror = serve(published(name))
    download(tmp_path / "data", name, [mirror.url])
    dataset = load(tmp_path / "data")
    collection = COLLECTIONS[name]
    assert dataset.about == About(name, collection.classes, "bright", collection.form, collection.mirrors[0])
    assert np.array_equal(dataset.train_images, digits.train_images[:90])
    first = collection.first_test
    assert np.array_equal(dataset.test_images, digits.train_images[90 + first : 150])
    classes = len(collection.classes)
    assert np.array_equal(dataset.test_labels, np.arange(first, 60) % classes)
    names = {path.name for path in (tmp_path / "data").iterdir()}
    assert len(names) == 6
    told: list[str] = []
    download(tmp_path / "data", name, report=lambda progress: told.append(progress.outcome))
    assert set(told) == {"already there"}  # nobody is asked


def test_a_file_with_another_md5_is_refused_and_nothing_stays(published, serve, tmp_path):
    (tmp_path / "data" / ".fetched").mkdir(parents=True)
    (tmp_path / "data" / ".fetched" / "left by a kill").write_text("much")
    folder = published("kmnist")
    path = folder / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(DownloadError, match="expected a file with MD5"):
        download(tmp_path / "data", "kmnist", [serve(folder).url])
    assert list((tmp_path / "data").iterdir()) == []


def test_data_that_are_there_are_left_alone(published, serve, digits, tmp_path):
    folder = published("kmnist")
    download(tmp_path / "data", "digits")
    with pytest.raises(DataError, match="has data already"):
        download(tmp_path / "data", "kmnist", [serve(folder).url])
    assert load(tmp_path / "data").digest == digits.digest


def test_what_is_damaged_is_fetched_again(published, serve, tmp_path):
    mirror = serve(published("kmnist"))
    download(tmp_path / "data", "kmnist", [mirror.url])
    digest = load(tmp_path / "data").digest
    path = tmp_path / "data" / "train-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DownloadError):
        download(tmp_path / "data", "kmnist", ["http://127.0.0.1:9/"])
    assert path.read_bytes() == content
    download(tmp_path / "data", "kmnist", [mirror.url])
    assert load(tmp_path / "data").digest == digest


def test_data_of_ones_own_are_no_published_ones(published, digits, tmp_path):
    published("kmnist")
    np.savez(tmp_path / "own.npz", x_train=digits.train_images[:50], y_train=digits.train_labels[:50])
    own = import_dataset(tmp_path / "own.npz", tmp_path / "kmnist").dataset
    with pytest.raises(DataError, match="has data already"):
        download(tmp_path / "kmnist", "kmnist")
    (tmp_path / "kmnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    with pytest.raises(DataError, match="has data already"):
        download(tmp_path / "kmnist", "kmnist")
    assert own.name == "kmnist"


def test_two_at_once_fetch_once(published, serve, tmp_path):
    mirror = serve(published("kmnist"))
    begin = threading.Barrier(2)

    def fetch() -> None:
        begin.wait()
        download(tmp_path / "data", "kmnist", [mirror.url])

    with ThreadPoolExecutor(2) as both:
        for one in [both.submit(fetch) for _ in range(2)]:
            one.result()
    assert len(mirror.requests) == 4


def test_what_is_published_is_as_the_catalogue_says():
    assert len(COLLECTIONS["emnist-balanced"].classes) == 47
    assert len(COLLECTIONS["emnist-letters"].classes) == 26
    assert all(len(file.md5) == 32 for one in COLLECTIONS.values() for file in one.files)
