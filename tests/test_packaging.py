"""The distributions: they declare what they need, nothing is missing in them, and they work alone."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from MNIST import __version__

packaging = pytest.importorskip("packaging.requirements", reason="needs packaging, which pytest brings")

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["setuptools"]["packages"]


def requirements(texts: list[str]) -> dict:
    return {needed.name: needed for needed in map(packaging.Requirement, texts)}


@pytest.fixture(scope="module")
def pins() -> dict[str, str]:
    """The exact version of each package of requirements.txt."""
    text = (ROOT / "requirements.txt").read_text()
    found = dict(re.findall(r"^([\w-]+)==([\d.]+)(?:\s+#.+)?$", text, re.MULTILINE))
    assert len(found) == sum(bool(line) and not line.startswith("#") for line in text.splitlines())
    return found


def test_each_pin_lies_in_the_range_of_the_package(pins):
    ranges = requirements(PROJECT["project"]["dependencies"])
    assert ranges.keys() == pins.keys()
    for name, version in pins.items():
        assert ranges[name].specifier.contains(version), f"{name}=={version} is not in {ranges[name]}"
        assert {each.operator for each in ranges[name].specifier} == {">=", "<"}


def test_each_version_that_tests_need_lies_in_the_range_of_its_extra(pins):
    extras = PROJECT["project"]["optional-dependencies"]
    exact = requirements(extras["dev"])
    ranges = requirements([needed for extra in extras if extra != "dev" for needed in extras[extra]])
    shared = ranges.keys() & exact.keys()
    assert shared >= {"torch", "ray", "onnx", "onnxruntime", "tensorboard", "wandb"}
    for name in shared:
        (version,) = exact[name].specifier
        assert ranges[name].specifier.contains(version.version), f"{exact[name]} is not in {ranges[name]}"


def test_make_leaves_no_environment_without_pip(tmp_path):
    """Without python3-venv, Debian's Python makes the folder and fails at pip. `make` must begin anew."""
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\ncase "$2" in venv) {sys.executable} -m venv --without-pip .venv; exit 1;; esac\n'
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    make = ["make", "-f", ROOT / "Makefile", ".venv/bin/python", f"PYTHON={python}"]
    result = subprocess.run(make, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 2
    assert f"{python} -m venv .venv" in result.stdout
    assert not (tmp_path / ".venv").exists()


def test_every_package_and_every_file_in_one_is_listed():
    folders = {path.parent for path in (ROOT / "MNIST").rglob("*.py")}
    names = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert sorted(PACKAGES) == sorted(names | {"MNIST.shipped_models"})
    data = PROJECT["tool"]["setuptools"]["package-data"]
    for path in (ROOT / "MNIST").rglob("*.*"):
        if path.is_file() and path.suffix not in {".py", ".pyc"}:
            package = next(folder for folder in path.parents if (folder / "__init__.py").exists())
            place = path.relative_to(package)
            patterns = data.get(".".join(package.relative_to(ROOT).parts), [])
            listed = [one for one in patterns if place.match(one) and one.count("/") == len(place.parts) - 1]
            assert listed, f"{path} is not listed"


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """The files that git tracks, as they are in this checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def build(kind: str, source: Path, folder: Path) -> Path:
    """Build a distribution of a folder in a process of its own; the build backend needs no network."""
    program = f"from setuptools import build_meta; print(build_meta.build_{kind}({str(folder)!r}))"
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], cwd=source, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return folder / result.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(tracked, tmp_path_factory) -> Path:
    """The source distribution, built from a copy of the tracked files."""
    pytest.importorskip("setuptools", minversion="77", reason="needs setuptools, which builds the package")
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("sdist")
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    return build("sdist", source, folder)


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory) -> Path:
    """The wheel, built only from the files in the source distribution."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return build("wheel", folder / f"mnist_text_networks-{__version__}", folder)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The programs of an environment with the wheel installed; it uses this environment's libraries."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    scheme = {"base": str(folder), "platbase": str(folder)}
    place = Path(sysconfig.get_path("purelib", "venv", scheme))
    # Python reads no .pth file of that folder, such as the one by which this checkout is installed.
    (place / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    programs = Path(sysconfig.get_path("scripts", "venv", scheme))
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", "--ignore-installed", str(wheel)], check=True)
    return programs


def test_the_source_distribution_is_the_whole_repository(sdist, tracked):
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert not set(tracked) - held


def test_the_wheel_holds_the_package_and_the_model_files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith(".dist-info/METADATA"))
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "MNIST").rglob("*.*") if path.is_file()}
    files = {name for name in files if not name.endswith(".pyc")}
    models = {f"MNIST/shipped_models/{path.name}" for path in (ROOT / "Models").glob("*.txt")}
    assert {name for name in names if ".dist-info/" not in name} == files | models
    assert f"Version: {__version__}\n" in metadata
    assert "Requires-Dist: numpy<3,>=" in metadata


def mnist(programs: Path, folder: Path, *words: str, by: str = "mnist") -> subprocess.CompletedProcess:
    """What a command prints in an empty folder, where nothing of this checkout can be found."""
    start = [str(programs / "python"), "-m", "MNIST"] if by == "python -m MNIST" else [str(programs / by)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run([*start, *words], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["mnist", "python -m MNIST"])
def test_an_installed_wheel_says_what_to_type(name, installed, tmp_path):
    result = mnist(installed, tmp_path, "--help", by=name)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"    {name} <command> [<arguments>...]\n" in result.stdout
    (models,) = re.findall(r"one line for each layer; see (.+)/\.$", result.stdout, re.MULTILINE)
    assert (Path(models) / "optimized_model.txt").is_file()


def test_an_installed_wheel_checks_its_own_models_in_an_empty_folder(installed, tmp_path):
    result = mnist(installed, tmp_path, "check", "optimized_model")
    assert (result.returncode, result.stderr) == (0, "")
    assert "227,754" in result.stdout
    (tmp_path / "my_net.txt").write_text((ROOT / "Models" / "example_model.txt").read_text())
    assert mnist(installed, tmp_path, "check", "my_net").returncode == 0


def test_an_installed_wheel_points_to_nothing_that_is_not_there(installed, tmp_path):
    missing = mnist(installed, tmp_path, "check", "my_net")
    assert missing.returncode == 2
    assert missing.stderr.startswith("no model file 'my_net'; there are: alexnet, ")
    no_data = mnist(installed, tmp_path, "show", "Data")
    assert no_data.returncode == 1
    assert "    mnist download Data\n" in no_data.stderr
    assert not list(tmp_path.iterdir())
