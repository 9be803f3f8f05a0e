"""IDX files become a dataset under all names in use, and are not mixed with others."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from sources import first, same_images, write_idx

from MNIST.data import Dataset, idx, load
from MNIST.data.importing import Wishes, import_dataset
from MNIST.errors import DataError

IDX_NAMES = {
    "unzipped": "{set}-{what}.idx{rank}-ubyte",
    "torchvision": "MNIST/raw/{set}-{what}-idx{rank}-ubyte",
    "kaggle": "{set}-{what}-idx{rank}-ubyte/{set}-{what}-idx{rank}-ubyte",
    "converted": "{set}-{what}-idx{rank}-ubyte.gz",
    "apart": "{set}/{what}/{set}-{what}-idx{rank}-ubyte",
}


@pytest.mark.parametrize("layout", IDX_NAMES)
def test_idx_files_of_all_names_in_use(digits, tmp_path, layout):
    test = "test" if layout == "converted" else "t10k"
    sets = {
        "train": (digits.train_images, digits.train_labels),
        test: (digits.test_images, digits.test_labels),
    }
    for kind, arrays in sets.items():
        for what, array in zip(("images", "labels"), arrays, strict=True):
            path = tmp_path / "source" / IDX_NAMES[layout].format(set=kind, what=what, rank=array.ndim)
            path.parent.mkdir(parents=True, exist_ok=True)
            content = idx.encode(array)
            path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    import_dataset(tmp_path / "source", tmp_path / "data")
    assert load(tmp_path / "data").digest == digits.digest


def test_emnist_lies_on_its_side_and_counts_from_1(digits, tmp_path):
    on_side = digits.train_images[:200].transpose(0, 2, 1).copy()
    letters = (np.arange(200) % 26 + 1).astype(np.uint8)
    write_idx(tmp_path / "gzip", "emnist-letters", {"train": (on_side, letters), "test": (on_side, letters)})
    imported = import_dataset(tmp_path / "gzip", tmp_path / "data")
    dataset = imported.dataset
    assert np.array_equal(dataset.train_images, digits.train_images[:200])
    assert dataset.classes == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert np.array_equal(dataset.train_labels, letters - 1)
    said = " ".join(imported.notes)
    assert "rows and columns are exchanged" in said
    assert "labels from 1 to 26 became 0 to 25" in said
    assert "200 of the test images are also among the training images" in said


def test_of_several_datasets_one_is_named_by_its_file(digits, tmp_path):
    some = {"train": (digits.train_images[:20], digits.train_labels[:20])}
    for prefix in ("one", "two"):
        write_idx(tmp_path / "both", prefix, some)
    with pytest.raises(DataError, match="several datasets; say which by one of its files: one-train-images"):
        import_dataset(tmp_path / "both", tmp_path / "data")
    import_dataset(tmp_path / "both" / "two-train-images-idx3-ubyte", tmp_path / "data")
    assert len(load(tmp_path / "data").train_images) + len(load(tmp_path / "data").test_images) == 20


def write_raw(folder: Path, dataset: Dataset, test: bool = True) -> Path:
    """Unzipped files under MNIST's names; return that of the training images."""
    folder.mkdir(parents=True)
    sets = {"train": (dataset.train_images, dataset.train_labels)}
    sets |= {"t10k": (dataset.test_images, dataset.test_labels)} if test else {}
    for kind, (images, labels) in sets.items():
        (folder / f"{kind}-images-idx3-ubyte").write_bytes(idx.encode(images))
        (folder / f"{kind}-labels-idx1-ubyte").write_bytes(idx.encode(labels))
    return folder / "train-images-idx3-ubyte"


@pytest.mark.parametrize("whole", [True, False])
def test_datasets_of_different_folders_are_not_mixed(digits, tmp_path, whole):
    ours = write_raw(tmp_path / "tv" / "MNIST" / "raw", first(digits, 20))
    write_raw(tmp_path / "tv" / "Fashion" / "raw", first(digits, 30), whole)
    with pytest.raises(DataError, match=rf"several datasets; .*: Fashion.*, MNIST\{os.sep}raw\{os.sep}train"):
        import_dataset(tmp_path / "tv", tmp_path / "data")
    import_dataset(ours, tmp_path / "data")
    assert same_images(load(tmp_path / "data"), first(digits, 20))


def test_a_file_that_is_named_is_the_one_that_is_read(digits, tmp_path):
    named = write_raw(tmp_path / "n", first(digits, 20))
    write_raw(tmp_path / "n" / "Fashion" / "raw", first(digits, 30))
    twin = named.with_name(f"{named.name}.gz")
    twin.write_bytes(gzip.compress(idx.encode(255 - digits.train_images[:20])))
    import_dataset(named, tmp_path / "data")
    assert same_images(load(tmp_path / "data"), first(digits, 20))
    dataset = import_dataset(twin, tmp_path / "turned", Wishes(invert="no")).dataset
    assert np.array_equal(dataset.train_images, 255 - digits.train_images[:20])
    (tmp_path / "n" / "an-idx-file").touch()
    with pytest.raises(DataError, match="expected a file of images and one of their labels"):
        import_dataset(tmp_path / "n" / "an-idx-file", tmp_path / "other")


def test_a_file_in_a_folder_of_its_name_is_read_with_the_others(digits, tmp_path):
    whole = write_raw(tmp_path / "archive", first(digits, 20))
    for path in list(whole.parent.iterdir()):
        path.rename(tmp_path / "moved")
        path.mkdir()
        (tmp_path / "moved").rename(path / path.name)
    import_dataset(whole / whole.name, tmp_path / "data")
    assert same_images(load(tmp_path / "data"), first(digits, 20))


def test_qmnists_labels_are_the_first_of_eight_numbers(digits, tmp_path):
    labels = np.zeros((100, 8), np.int32)
    labels[:, 0] = digits.train_labels[:100]
    labels[:, 1:] = 7_000_000
    write_idx(tmp_path / "qmnist", "qmnist", {"train": (digits.train_images[:100], labels)}, "idx2-int")
    dataset = import_dataset(tmp_path / "qmnist", tmp_path / "data").dataset
    assert sorted([*dataset.train_labels, *dataset.test_labels]) == sorted(digits.train_labels[:100])


@pytest.mark.parametrize("case", ["01_converted", "01_dotted", "01_plain_mirror", "05_labels_int32"])
def test_public_cases_are_read_as_they_are(case, public_cases, tmp_path):
    dataset = load(public_cases / case)
    assert dataset.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    imported = import_dataset(public_cases / case, tmp_path / "data").dataset
    assert imported.digest == dataset.digest
