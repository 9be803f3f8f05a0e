"""Shared by the tests of commands."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from MNIST import cli


@pytest.fixture
def train(tmp_path, monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """A function that does in this process what `start_and_finish` does in one of its own."""
    monkeypatch.chdir(tmp_path)

    def command(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main(["train", *map(str, words)])
        return code, *capsys.readouterr()

    return command


@pytest.fixture
def here(trained, tmp_path, monkeypatch) -> Path:
    """A copy, to change, of the folder that the test file's own fixture `trained` has made."""
    shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return Path.cwd()


@pytest.fixture
def run(capsys) -> Callable[..., tuple[int, str, str]]:
    """A function that runs a command; returns its exit code, its output and its errors."""

    def command(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        return cli.main([*map(str, words)]), *capsys.readouterr()

    return command
