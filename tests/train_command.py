"""`train` as the tests start it: in a process of its own, with what it prints and writes."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from MNIST.training import load_trained

ROOT = Path(__file__).parents[1]
MODEL = """
Layers:
Conv,8,3,3,linear
BatchNorm
Activation,relu
MaxPool,2,2
Dropout,0.25
Flatten
Dense,32,relu
Dropout,0.25
Dense,10,softmax
Optimizer:
0.002,1e-3
{epochs}
50
"""
COLUMNS = """
Input:
Threshold,1,128
Layers:
Columns,50,10
Optimizer:
ParallelDelta,0.05
{epochs}
50
"""
STOPS = f"{MODEL}Stop:\npatience=4\n".replace("0.002", "0.03")  # a high rate, so it soon stops improving
NUMPY = "--engine", "numpy", "--images", "300", "--threads", "1"
WIDE = "Layers:\nConv,{filters},3,3,relu\nGlobalAvgPool\nDense,10,softmax\nOptimizer:\n0.001,0\n1\n1000\n"


@contextmanager
def start(*words: object, cwd: Path, **options) -> Iterator[subprocess.Popen]:
    """Start `python MNIST train …` in a folder, with pipes; kill it at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, str(ROOT / "MNIST"), "train", *map(str, words)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def model_of(engine: str) -> str:
    """A model file that an engine can train, with the number of epochs left open."""
    return COLUMNS if engine == "sonn" else MODEL


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=600)
    return process.returncode, output, errors


def start_and_finish(*words: object, cwd: Path, **options) -> tuple[int, str, str]:
    with start(*words, cwd=cwd, **options) as process:
        return finish(process)


def wait_for_epoch(process: subprocess.Popen, epoch: int) -> None:
    """Read the output up to the line of this epoch."""
    for line in process.stdout:
        if line.strip().startswith(f"{epoch}/"):
            return
    pytest.fail(f"ended before epoch {epoch}: {process.stderr.read()}")


def history(folder: Path, name: str) -> list[list[str]]:
    """The history's rows without the columns that differ from run to run: seconds and peak memory."""
    rows = list(csv.DictReader((folder / "Model_Output" / name / "history.csv").open()))
    return [[value for key, value in row.items() if key not in ("seconds", "peak_memory")] for row in rows]


def weights(folder: Path, name: str, monkeypatch) -> dict[str, np.ndarray]:
    monkeypatch.chdir(folder)
    return load_trained(name).engine.get_weights()


def epochs_done(folder: Path) -> int:
    checkpoints = (folder / "Model_Output" / "net" / "checkpoint").glob("epoch_*.npz")
    return max((int(path.stem.removeprefix("epoch_")) for path in checkpoints), default=0)
