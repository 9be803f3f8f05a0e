"""A small real dataset, short runs on it, and a small trained network."""

import os
import shutil
from pathlib import Path

import pytest
from small_model import TEXT

from MNIST.data import About, TrainingData, load, split
from MNIST.language import parse_spec
from MNIST.training import Run, RunSettings, resolve_settings, save_trained


@pytest.fixture(scope="session")
def digits(digits_folder: Path) -> TrainingData:
    """600 of scikit-learn's digits: 540 to train on, 60 to validate."""
    return split(load(digits_folder), 0.9, seed=0, images=600)


@pytest.fixture(scope="session")
def settings() -> RunSettings:
    """Settings for those digits, in float32, with the engine that starts fastest."""
    return _settings("numpy")


@pytest.fixture(scope="session")
def keras_settings() -> RunSettings:
    """Those settings, for Keras."""
    return _settings("keras")


@pytest.fixture
def settings_of(engine) -> RunSettings:
    """Those settings, for each engine in turn."""
    return _settings(engine)


def _settings(engine: str) -> RunSettings:
    return resolve_settings("digits", images=600, split=0.9, seed=0, engine=engine, precision="float32")


@pytest.fixture(scope="session")
def trained(digits, keras_settings, tmp_path_factory):
    """A folder in which Keras trained `small`, and the run. Tests read them and change neither."""
    folder = tmp_path_factory.mktemp("trained")
    here = Path.cwd()
    os.chdir(folder)
    try:
        run = Run(
            parse_spec(TEXT),
            digits,
            keras_settings,
            epochs=1,
            checkpoint=Path("Model_Output/small/checkpoint"),
        )
        run.train()
        save_trained("small", run, TEXT, About("digits"), ["train", "a", "b"])
    finally:
        os.chdir(here)
    return folder, run


@pytest.fixture
def small(trained, tmp_path, monkeypatch) -> Path:
    """A copy of the trained network's folder in the current directory, which tests may tamper with."""
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Path("Model_Output/small")
