import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from MNIST.data import About, Dataset, split
from MNIST.errors import UsageError


def dataset_of(count: int) -> Dataset:
    images, labels = np.zeros((count, 28, 28), np.uint8), np.zeros(count, np.uint8)
    return Dataset(About(), images, labels, images[:1], labels[:1], "digest")


@given(st.integers(1, 200), st.floats(0, 1, exclude_min=True), st.integers(0, 2**32))
def test_every_image_is_in_one_part_once(count: int, proportion: float, seed: int) -> None:
    assume(round(proportion * count) >= 1)
    data = split(dataset_of(count), proportion, seed)
    assert len(data.train) == round(proportion * count)
    assert sorted([*data.train, *data.validation]) == list(range(count))
    assert data.train.dtype == data.validation.dtype == np.int64


def test_a_seed_gives_one_split_and_fewer_images_its_beginning() -> None:
    dataset = dataset_of(100)
    first, again, other = (split(dataset, 0.9, seed).train.tolist() for seed in (1, 1, 2))
    assert first == again != other
    few = split(dataset, 0.5, 1, images=10)
    assert [*few.train, *few.validation] == first[:10]
    assert few.images is dataset.train_images  # not a copy
    assert few.labels is dataset.train_labels


def test_the_stream_of_numpy_has_not_changed() -> None:
    # Published runs can be repeated from their seed, so another version of NumPy must not change a split.
    assert split(dataset_of(60000), 0.9, 0).train[:5].tolist() == [4013, 23840, 29603, 43011, 58703]


@pytest.mark.parametrize(
    ("proportion", "images", "message"),
    [
        (0.9, 0, "expected 1 to 100, which the dataset has, found 0"),
        (0.9, 101, "expected 1 to 100, which the dataset has, found 101"),
        (0.1, 4, "a split of 0.1 of 4 images leaves none to train on"),
    ],
)
def test_splits_without_training_images_are_refused(proportion: float, images: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        split(dataset_of(100), proportion, 0, images)


@pytest.mark.parametrize("proportion", [0.0, -0.1, 1.1, float("nan")])
def test_a_proportion_is_in_0_to_1(proportion: float) -> None:
    with pytest.raises(ValueError, match="proportion"):
        split(dataset_of(10), proportion, 0)


def test_training_data_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        split(dataset_of(10), 0.5, 0).train = np.arange(3)  # type: ignore[misc]
