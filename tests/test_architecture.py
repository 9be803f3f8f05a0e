"""The order of the rooms: imports go one way, and heavy libraries are imported only when needed."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "MNIST"
BASE = {"errors", "files", "paths"}

FREE = {"__init__", "__main__", "cli", "commands"}  # the command line may use all rooms
# Which rooms a room may import, beside `words`.
ARROWS = {
    "errors": set(),
    "words": set(),
    "engine_names": set(),
    "live_file": {"files"},
    "program": set(),
    "interrupts": set(),
    "output": set(),
    "files": {"errors", "paths"},
    "paths": {"errors"},
    "language": {"errors"},
    "architecture": {"errors", "language", "report"},
    "data": BASE | {"program", "language"},
    "engines": {"errors", "program", "engine_names", "language"},
    "training": BASE | {"live_file", "language", "data", "engines"},
    "explore": BASE | {"program", "live_file", "language", "data", "engines", "training", "report"},
    "certify": BASE | {"language", "data", "engines", "training"},
    "export": BASE | {"program", "language", "engines", "training"},
    "tracking": {"errors", "files", "program", "training"},
    "report": {"files"},
    "browser": {"errors", "language"},
    "page": {"errors", "language", "report", "browser"},
    "lab": {"errors", "language", "data", "report", "browser"},
    "explaining": {"errors", "language", "data", "engines", "training", "report"},
    "completion": {"paths", "engine_names"},
    "pruning": BASE | {"live_file", "training", "explore"},
    "notebook": {"errors", "paths", "language", "data", "engines", "training"},
}

# Which rooms import each heavy library; mostly it is one. (All rooms but language import NumPy.)
HOMES = {
    "tensorflow": {"engines"},
    "keras": {"engines", "export"},  # in export/scripts/parts, which is copied, never imported
    "torch": {"engines", "export"},
    "h5py": {"engines"},
    "talos": {"explore"},
    "sqlite3": {"explore"},
    "sklearn": {"data", "report"},
    "jinja2": {"report", "export"},
    "psutil": {"training"},
    "requests": {"data"},
    "PIL": {"data", "report"},
    "matplotlib": {"report"},
    "plotly": {"report"},
    "pebble": {"explore"},
    "ray": {"explore"},
    "tensorboard": {"tracking"},
    "wandb": {"tracking"},
    "onnx": {"export"},
    "onnxruntime": {"export"},
}


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: import from MNIST, not from '.'"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_room(name: str) -> bool:
    """Whether a name below MNIST is a room: a folder, or a file by itself."""
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


def _room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


REPORTS = ("testing", "exploring", "explaining", "training", "terminal")  # the subrooms of report
FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_room_has_its_rule():
    assert {*map(_room, FILES)} == FREE | ARROWS.keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_one_way(file):
    room = _room(file)
    for module in _imports(file):
        top, *rest = module.split(".")
        if top == "MNIST" and rest and room in ARROWS and _is_room(rest[0]):
            assert rest[0] in {room, "words", *ARROWS[room]}, f"{room} must not import {module}"
        assert room in HOMES.get(top, {room}), f"{top} belongs to {HOMES.get(top)}, not to {room}"
        if room == "language":
            assert top in sys.stdlib_module_names | {"MNIST"}, f"language imports {module}"


def _engine(module: str) -> str | None:
    """The engine that a module of the room `engines` belongs to; None if all engines may use it."""
    folder = module.removeprefix("MNIST.engines.").split(".")[0]
    return folder if (PACKAGE / "engines" / folder).is_dir() else None


@pytest.mark.parametrize("file", sorted((PACKAGE / "engines").rglob("*.py")), ids=lambda file: file.name)
def test_an_engine_does_not_know_another(file):
    module = ".".join(["MNIST", *file.relative_to(PACKAGE).with_suffix("").parts])
    own = _engine(module)
    others = {_engine(name) for name in _imports(file) if name.startswith("MNIST.engines.")} - {None, own}
    assert not others, f"{module} imports from the engine {others}"


@pytest.mark.parametrize("file", sorted((PACKAGE / "report").rglob("*.py")), ids=lambda file: file.name)
def test_a_report_does_not_know_another(file):
    own = file.parent.name
    imported = {name.split(".")[2] for name in _imports(file) if name.startswith("MNIST.report.")}
    assert not imported & {*REPORTS} - {own}, f"{file} imports from {imported}"


@pytest.mark.parametrize(
    "words",
    [
        *(["--help"], ["train", "--help"], ["check", "optimized_model"], ["draw", "--help"]),
        ["completion", "bash", "--", "train", "Data", "net", "opti"],
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(words):
    heavy = {*HOMES, "numpy", "pandas", "rich", "asyncio", "multiprocessing"}
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "MNIST", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    imported = {line.rsplit("|", 1)[-1].strip() for line in result.stderr.splitlines()}
    assert not {module for module in imported if module.split(".")[0] in heavy}
