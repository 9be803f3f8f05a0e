import gzip
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from MNIST.data import DATASETS, Dataset, idx, load
from MNIST.data.datasets import FILE_NAMES
from MNIST.errors import DataError


@pytest.fixture
def custom(tmp_path: Path) -> Path:
    """A folder with a space in its name; its 20 training and 10 test images belong to no known dataset."""
    folder = tmp_path / "my digits"
    folder.mkdir()
    for name, count in zip(FILE_NAMES, (20, 20, 10, 10), strict=True):
        shape = (count, 28, 28) if "images" in name else (count,)
        array = np.arange(np.prod(shape)).reshape(shape) % 10
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx.encode(array.astype(np.uint8))))
    return folder


def test_real_mnist_is_known_by_content(mnist_folder: Path) -> None:
    dataset = load(mnist_folder)
    assert dataset.name == "mnist"
    assert dataset.train_images.shape == (60000, 28, 28)
    assert dataset.test_images.shape == (10000, 28, 28)
    assert dataset.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert dataset.test_labels[:5].tolist() == [7, 2, 1, 0, 4]
    sums = "".join(file.sha256 for file in DATASETS["mnist"].files)
    assert dataset.digest == hashlib.sha256(sums.encode()).hexdigest()
    assert not dataset.train_images.flags.writeable


def test_the_catalogue_counts_images() -> None:
    counts = {name: (entry.train_count, entry.test_count) for name, entry in DATASETS.items()}
    assert counts == {"mnist": (60000, 10000), "fashion": (60000, 10000), "digits": (1500, 297)}


def test_plain_files_are_the_same_dataset(custom: Path) -> None:
    before = load(custom)
    for path in list(custom.iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    after = load(custom)
    assert isinstance(after, Dataset)
    assert (after.name, after.digest) == ("custom", before.digest)


def test_missing_data_says_what_to_run(custom: Path) -> None:
    (custom / f"{FILE_NAMES[2]}.gz").unlink()
    with pytest.raises(DataError) as caught:
        load(custom)
    assert "no t10k-images-idx3-ubyte.gz" in str(caught.value)
    assert f"python MNIST download '{custom}'" in str(caught.value)


def test_counts_must_agree(custom: Path) -> None:
    shutil.copyfile(custom / f"{FILE_NAMES[3]}.gz", custom / f"{FILE_NAMES[1]}.gz")
    with pytest.raises(DataError, match=r"train-labels.*expected 20 labels.*found 10"):
        load(custom)


def test_files_of_two_datasets_are_refused(custom: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = load(custom), idx.sha256(load(custom).test_labels)
    owners = {idx.sha256(first.train_images): "mnist", second: "fashion"}
    monkeypatch.setattr("MNIST.data.catalogue._OWNERS", owners)
    with pytest.raises(DataError, match="expected one dataset, found files of fashion and mnist"):
        load(custom)
