"""Data that look wrong are said at once; data that look right are not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from MNIST.data import About, Dataset, load, suspicions


@pytest.fixture(scope="module")
def digits(digits_folder: Path) -> Dataset:
    return load(digits_folder)


def test_good_data_are_not_suspected(digits, mnist_folder):
    assert list(suspicions(digits)) == []
    assert list(suspicions(load(mnist_folder))) == []


def test_each_suspicion_is_said(digits):
    def said(**changes: object) -> str:
        return "\n".join(suspicions(replace(digits, **changes)))

    images = digits.train_images
    assert "all pixels of the training images are 7" in said(train_images=np.full_like(images, 7))
    assert "the brightest pixel is 1" in said(train_images=images // 255, test_images=images[:9] // 255)
    assert "the brightest pixel is 15, and" in said(train_images=images // 17, test_images=images[:9] // 17)
    assert "dark ink on bright paper" in said(about=About(ink="dark"), train_images=255 - images)
    assert "lie on their side" in said(train_images=images.transpose(0, 2, 1))
    blank = images.copy()
    blank[[3, 5]] = 9
    assert "2 training images are blank" in said(train_images=blank)
    labels = np.where(digits.train_labels == 3, 4, digits.train_labels)
    assert "1 class without training images: 3" in said(train_labels=labels)
    assert "9 classes without test images: 0, 2, 3, 4, 5, …" in said(
        test_labels=np.ones_like(digits.test_labels)
    )


def test_other_classes_than_digits_are_not_asked_how_they_lie(digits):
    letters = replace(digits, about=About(classes=tuple("abcdefghij")))
    turned = replace(letters, train_images=digits.train_images.transpose(0, 2, 1))
    assert list(suspicions(turned)) == []


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("02_inverted", "dark ink on bright paper"),
        ("03_zeros", "all pixels of the training images are 0"),
        ("03_zero_one", "the brightest pixel is 1"),
        ("04_transposed", "lie on their side"),
    ],
)
def test_public_cases_are_suspected(case, words, public_cases):
    (said,) = suspicions(load(public_cases / case))
    assert words in said
