"""Shared by the tests of tracking: runs that were never trained."""

from pathlib import Path
from typing import Any

from MNIST.tracking import TrackedRun
from MNIST.training import EpochResult

NAN = float("nan")


def epoch(number: int, val_loss: float = 0.25) -> EpochResult:
    return EpochResult(number, 1 / number, 0.5, val_loss, 0.75, 0.001 / number, NAN, NAN, 2.0, 4096)


def run_of(folder: Path, epochs: int, **changes: Any) -> TrackedRun:
    values = {"name": "net", "text": "Layers:\n# <script>\n", "identity": "ab12", "settings": {"seed": 3}}
    history = [epoch(number) for number in range(1, epochs + 1)]
    return TrackedRun(**{**values, "history": history, "folder": folder / "Model_Output" / "net", **changes})
