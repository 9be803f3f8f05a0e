import gzip
from pathlib import Path

import numpy as np
import pytest

from MNIST.data import DATASETS, Dataset, download, idx, load
from MNIST.data.digits import enlarge, make_digits


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("digits")
    download(folder, "digits")
    return load(folder)


def test_the_same_bytes_on_every_machine(digits: Dataset) -> None:
    assert digits.name == "digits"
    assert [idx.sha256(array) for array in make_digits()] == [f.sha256 for f in DATASETS["digits"].files]


def test_the_gzip_files_carry_no_time(tmp_path: Path) -> None:
    download(tmp_path, "digits")
    for path in tmp_path.iterdir():
        assert path.read_bytes()[4:8] == bytes(4)  # RFC 1952: MTIME
        assert gzip.compress(gzip.decompress(path.read_bytes()), mtime=0) == path.read_bytes()


def test_digits_look_like_mnist(digits: Dataset) -> None:
    ink = digits.train_images.astype(float)
    assert digits.train_images.max(axis=(1, 2)).min() == 255
    assert (np.bincount(digits.train_labels) > 130).all()
    rows = np.arange(28) + 0.5
    centre = (ink.sum(axis=2) @ rows) / ink.sum(axis=(1, 2))
    assert np.abs(centre - 14).max() <= 1
    height = ink.any(axis=2).sum(axis=1)
    assert height.max() <= 20


def test_a_simple_rule_reads_them(digits: Dataset) -> None:
    # Each image gets the label of the nearest mean image. On MNIST itself 82 % are then correct.
    train, test = (
        images.reshape(len(images), -1) / 255 for images in (digits.train_images, digits.test_images)
    )
    means = np.stack([train[digits.train_labels == label].mean(axis=0) for label in range(10)])
    nearest = np.linalg.norm(test[:, None] - means, axis=2).argmin(axis=1)
    assert (nearest == digits.test_labels).mean() > 0.85


def test_one_pixel_of_ink_is_enlarged_to_the_box() -> None:
    image = np.zeros((8, 8), np.int64)
    image[5, 2] = 16
    enlarged = enlarge(image)
    assert enlarged.sum() == 20 * 20 * 255
    assert (enlarged[4:24, 4:24] == 255).all()
