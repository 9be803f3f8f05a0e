"""Every benchmark starts as its docstring says and prints its ratios, at the smallest size that it takes."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from another_process import another_process, run_benchmark
from examples import slowly

from MNIST import cli

ROOT = Path(__file__).resolve().parent.parent
SHARED = {
    "__init__",
    "arguments",
    "own_process",
    "in_chromium",
    "peers",
    "simulated_workers",
    "recorded_runs",
    "all",
}  # not benchmarks, but what they share, and what runs them all
RATIO = r"ratio \d+\.\d\d"

# The words after the name, and what is printed. DATA is a folder with digits; NET a network trained on them.
QUICK = {
    "threshold": ("1 100", RATIO),
    "least_squares": ("1 200 20", RATIO),
    "read_data": ("DATA 1", RATIO),
    "pictures": ("DATA NET 2", r"photo, thin pen +\d+\.\d\d%"),
}
SLOW = {
    "dispatch": ("10 2", rf"10 workers, +20 trials: efficiency {RATIO}"),
    "tpe": ("1", rf"tpe: .*{RATIO}(.|\n)*tpe with halving: .*{RATIO}"),
    "search_peers": ("DATA 100 1 optuna", rf"optuna .*{RATIO}"),
    "bookkeeping": ("50", r"\d\.\d\d times as long a point as plain Talos"),
    "explore": ("DATA 1 100 1", r"\d\.\d\d of the time"),
    "plan": ("DATA 1 50 1", rf"promised \d+\.\d s, .*{RATIO}\nbetween 0\.75 and 1\.25: \d of 1 cases"),
    "start_up": ("DATA 1 100", r"medians: train -?\d+\.\d\d s \(at most 1\.3\), test -?\d"),
}
# Each of these starts process after process, and so Keras or PyTorch, which takes most of its time. Here they
# share one process. That a measurement finds its way into a process of its own, `bookkeeping` proves.
IN_ONE_PROCESS = {
    "augmentation": (
        "DATA 1 20",
        rf"all five: .*at most 25\).*{RATIO}(.|\n)*{RATIO} \(target: at most 1\.20\)\nfastest .*{RATIO}",
    ),
    "engines": ("DATA 1 256", r"fast99, numpy / numpy, no BatchNorm: \d+\.\d\d of the medians"),
    "fast99": ("DATA 1 100", r"seed 0: Keras's convnet .*: \d+\.\d{3}"),
    "onednn": ("DATA 1 100 1", rf"example_model: an epoch takes .*{RATIO}; answers .*{RATIO}"),
    "train_optimal": (
        "DATA 1 100",
        r"float32 / plain .*\(target: below 1\.05\)\nbfloat16 / plain Keras: \d+\.\d\d of the medians",
    ),
}
EVERY = QUICK | SLOW | IN_ONE_PROCESS
IN_CHROMIUM = ("browser", "browser_peers")


@pytest.fixture(scope="module")
def here(digits_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network NET, trained on a few digits."""
    folder = tmp_path_factory.mktemp("benchmarks")
    (folder / "small.txt").write_text("Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.01\n1\n100\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert cli.main(["train", str(digits_folder), "NET", "small.txt", "--engine", "numpy"]) == 0
    return folder


def start(name: str, *words: str, cwd: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", f"benchmarks.{name}", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def start_in_one() -> Iterator[Callable[..., subprocess.CompletedProcess]]:
    """What `start` does, but always in the same process."""
    with another_process() as process:
        yield lambda name, *words, cwd: process.submit(run_benchmark, name, words, cwd).result()


def test_each_benchmark_is_started_here():
    assert {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - SHARED == {*EVERY, *IN_CHROMIUM}


@pytest.mark.parametrize("name", [*QUICK, *slowly(SLOW)])
def test_it_prints_its_ratio(name, here, digits_folder):
    _prints_its_ratio(name, start, here, digits_folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_ONE_PROCESS)
def test_with_others_in_one_process_it_prints_its_ratio(name, start_in_one, here, digits_folder):
    _prints_its_ratio(name, start_in_one, here, digits_folder)


def _prints_its_ratio(name, start, here, digits_folder):
    words, printed = EVERY[name]
    result = start(name, *words.replace("DATA", str(digits_folder)).split(), cwd=here)
    assert "Traceback" not in result.stderr, result.stderr
    assert result.returncode in (0, 1)  # 1: it misses a target, which is normal with so few images
    assert re.search(printed, result.stdout), result.stdout


@pytest.mark.slow
def test_the_laboratory_is_measured_in_a_browser(chromium, here, digits_folder):
    result = start("browser", str(digits_folder), "1", "50", cwd=here)
    assert result.returncode in (0, 1), result.stderr
    assert len(re.findall(rf"{RATIO}; \d+ GFLOP/s of NumPy's \d+", result.stdout)) == 3


@pytest.mark.parametrize("name", ["engines", "search_peers"])
def test_without_a_peer_nothing_is_measured(name, monkeypatch, tmp_path, capsys):
    module = import_module(f"benchmarks.{name}")
    package = list(module.PEERS)[-1]
    monkeypatch.setitem(module.PEERS, package, "no_such_module")
    assert module.main(tmp_path, 1, 1) == 2
    output, errors = capsys.readouterr()
    assert (output, errors.splitlines()[-1].endswith(f" {package}")) == ("", True)


def test_peers_in_the_browser_that_are_not_there_are_asked_for(here, digits_folder):
    result = start("browser_peers", str(digits_folder), "node_modules", cwd=here)
    assert result.returncode == 2
    assert "node_modules lacks TensorFlow.js and its backend wasm and ConvNetJS" in result.stderr


@pytest.mark.parametrize("name", [*EVERY, *IN_CHROMIUM])
def test_it_says_how_to_start_it_and_what_it_prints(name):
    module = import_module(f"benchmarks.{name}")
    assert re.search(rf"^    python -m benchmarks\.{name}\b[^\n]*$", module.__doc__, re.MULTILINE)
    assert re.search(r"\bratios?\b|\bpart\b", module.__doc__)


def test_a_wrong_command_line_is_refused(here):
    result = start("threshold", "none", cwd=here)
    assert result.returncode == 2
    assert "usage: python -m benchmarks.threshold [-h] [rounds] [images]" in result.stderr
    assert "expected a whole number from 1, found 'none'" in result.stderr
