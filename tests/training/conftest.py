"""A small real dataset, and short runs on it."""

from pathlib import Path

import pytest

from MNIST.data import TrainingData, load, split
from MNIST.training import RunSettings, resolve_settings


@pytest.fixture(scope="session")
def digits(digits_folder: Path) -> TrainingData:
    """600 of scikit-learn's digits: 540 to train on, 60 to validate."""
    return split(load(digits_folder), 0.9, seed=0, images=600)


@pytest.fixture(scope="session")
def settings() -> RunSettings:
    """Settings for those digits, in float32."""
    return resolve_settings("digits", images=600, split=0.9, seed=0, precision="float32")
