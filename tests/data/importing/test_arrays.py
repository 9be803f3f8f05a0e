"""Files of NumPy's arrays become the dataset that they hold, or are refused, whatever the libraries raise."""

import errno
import io
import zipfile

import numpy as np
import pytest

from MNIST.data import load
from MNIST.data.importing import Wishes, import_dataset
from MNIST.errors import DataError

TWO = {"x_train": np.ones((2, 28, 28)), "y_train": np.arange(2)}


def test_the_array_file_that_keras_has(digits, tmp_path):
    arrays = {"x_train": digits.train_images, "y_train": digits.train_labels}
    arrays |= {"x_test": digits.test_images, "y_test": digits.test_labels.astype(np.int64)}
    np.savez(tmp_path / "mnist.npz", **arrays)
    import_dataset(tmp_path / "mnist.npz", tmp_path / "data")
    assert load(tmp_path / "data").digest == digits.digest


def test_labels_beyond_a_byte_and_numbers_that_are_no_digits(tmp_path):
    labels = np.arange(900) % 300
    images = np.random.default_rng(0).integers(0, 256, (900, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "many.npz", x_train=images, y_train=labels)
    imported = import_dataset(tmp_path / "many.npz", tmp_path / "many").dataset
    dataset = load(tmp_path / "many")
    assert dataset.digest == imported.digest
    assert (len(dataset.classes), dataset.classes[-1]) == (300, "299")
    assert max(dataset.train_labels) == 299
    np.savez(tmp_path / "few.npz", x_train=images, y_train=labels % 3)
    assert import_dataset(tmp_path / "few.npz", tmp_path / "few").dataset.classes == ("0", "1", "2")


def test_pixels_from_0_to_1_become_grey_levels(digits, tmp_path):
    grey = digits.train_images[:100] / np.float32(255)
    np.savez(tmp_path / "some.npz", x_train=grey[..., None], y_train=digits.train_labels[:100, None])
    dataset = import_dataset(tmp_path / "some.npz", tmp_path / "data").dataset
    images = np.concatenate([dataset.train_images, dataset.test_images])
    assert sorted(map(bytes, images)) == sorted(map(bytes, digits.train_images[:100]))


def test_both_sets_have_one_white(digits, tmp_path):
    """Whatever the kinds of their numbers: a set in black and white has none between 0 and 1."""
    grey, test = digits.train_images[:100] / 255, digits.test_images[:100] // 255
    labels = digits.train_labels[:100]
    np.savez(tmp_path / "a.npz", x_train=grey, y_train=labels, x_test=test, y_test=digits.test_labels[:100])
    dataset = import_dataset(tmp_path / "a.npz", tmp_path / "data").dataset
    assert np.array_equal(dataset.train_images, digits.train_images[:100])
    assert np.array_equal(dataset.test_images, test * 255)


@pytest.mark.parametrize(
    ("wishes", "form", "ink"),
    [
        (Wishes(), "whole", "dark"),
        (Wishes(invert="yes"), "whole", "bright"),
        (Wishes(form="digit"), "digit", "bright"),
    ],
)
def test_a_file_says_how_its_images_are_but_wishes_go_first(digits, tmp_path, wishes, form, ink):
    said = {"form": np.array("whole"), "ink": np.array(["dark"])}
    images, labels = 255 - digits.train_images[:40], digits.train_labels[:40] % 2
    np.savez(tmp_path / "a.npz", x_train=images, y_train=labels, **said)
    about = import_dataset(tmp_path / "a.npz", tmp_path / "data", wishes).dataset.about
    assert (about.form, about.ink) == (form, ink)


def test_an_image_that_cannot_be_read_is_named_with_its_set(tmp_path):
    blank = np.zeros((2, 20, 20), np.uint8)
    of_both = {"x_train": blank, "y_train": np.arange(2), "x_test": blank, "y_test": np.arange(2)}
    np.savez(tmp_path / "a.npz", **of_both)
    with pytest.raises(DataError) as raised:
        import_dataset(tmp_path / "a.npz", tmp_path / "data")
    named = [line.strip().partition(":")[0] for line in str(raised.value).splitlines()[1:]]
    assert named == [f"a.npz, x_{kind}, image {place}" for kind in ("train", "test") for place in (0, 1)]


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"x_train": np.zeros((0, 28, 28), np.uint8), "y_train": np.zeros(0, int)}, "a set has no images"),
        ({"x_train": np.float32(1), "y_train": np.zeros(1, int)}, "expected a label for each image"),
        (
            {"x_train": np.append(np.full(1567, 0.5), 1.5).reshape(2, 28, 28), "y_train": np.arange(2)},
            "from 0 to 1, or from 0 to 255, found 0.5 to 1.5",
        ),
        (
            {
                **{"x_train": np.full((2, 28, 28), 0.5), "y_train": np.arange(2)},
                **{"x_test": np.append(np.ones(783), 1.5).reshape(1, 28, 28), "y_test": np.arange(1)},
            },
            "from 0 to 1, or from 0 to 255, found 1 to 1.5",
        ),
        ({**TWO, "y_train": np.array([b"\xff", b"a"])}, "labels in UTF-8"),
        (
            {"x_train": np.ones((2, 28, 28)), "y_train": np.arange(2)},
            "found 2 and 0: a class needs two different",
        ),
        ({"x_train": np.ones((2, 0, 28)), "y_train": np.arange(2)}, "sides of 1 to 4,096 pixels, found 0×28"),
        ({"x_train": np.ones((2, 1, 5000)), "y_train": np.arange(2)}, "4,096 pixels, found 1×5000"),
        ({**TWO, "ink": np.array("red")}, "expected bright or dark as ink, found 'red'"),
        ({**TWO, "form": np.zeros((2, 2))}, r"expected digit or whole as form, found 'float64 \(2, 2\)'"),
    ],
)
def test_arrays_of_another_kind_are_refused(tmp_path, arrays, reason):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=reason):
        import_dataset(tmp_path / "a.npz", tmp_path / "data")


@pytest.mark.parametrize(
    ("record", "place", "value"),
    [(b"PK\3\4", 61, 255), (b"PK\1\2", 8, 1), (b"PK\1\2", 10, 99)],
    ids=["damaged", "encrypted", "compressed in another way"],
)
def test_an_archive_of_arrays_that_cannot_be_unpacked_is_refused(tmp_path, record, place, value):
    np.savez_compressed(tmp_path / "a.npz", x_train=np.zeros((2, 28, 28)), y_train=np.arange(2))
    content = bytearray((tmp_path / "a.npz").read_bytes())
    content[content.index(record) + place] = value
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match="not a file of NumPy's arrays"):
        import_dataset(tmp_path / "a.npz", tmp_path / "data")


def test_one_array_under_the_name_of_several_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    with pytest.raises(DataError, match="not a file of NumPy's arrays"):
        import_dataset(tmp_path / "a.npz", tmp_path / "data")


def test_an_array_that_claims_more_than_there_is_asks_for_no_memory(tmp_path, monkeypatch):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (2**31,)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x_train.npy", header.getvalue() + bytes(9))
    monkeypatch.setattr(np, "load", None)
    with pytest.raises(DataError, match="an array is larger than its member of the archive"):
        import_dataset(tmp_path / "a.npz", tmp_path / "data")


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.EMFILE, "Too many open files")])
def test_what_the_system_lacks_is_no_damage(tmp_path, monkeypatch, error):
    np.savez(tmp_path / "a.npz", x_train=np.zeros((2, 28, 28)), y_train=np.arange(2))

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(np, "load", fail)
    with pytest.raises(type(error)):
        import_dataset(tmp_path / "a.npz", tmp_path / "data")


def test_arrays_that_need_pickle_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=np.array([{"a": 1}], dtype=object), y_train=np.zeros(1))
    with pytest.raises(DataError, match="not a file of NumPy's arrays"):
        import_dataset(tmp_path / "a.npz", tmp_path / "data")
