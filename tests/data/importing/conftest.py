"""The datasets that the tests of import begin with."""

from pathlib import Path

import pytest

from MNIST.data import Dataset, load


@pytest.fixture(scope="module")
def digits(digits_folder: Path) -> Dataset:
    return load(digits_folder)
