"""Weights & Biases: a run in the project `mnist`, on its server or, with WANDB_MODE=offline, in `wandb/`.

Its own switches decide where and how (WANDB_PROJECT, WANDB_ENTITY, WANDB_DIR, WANDB_RUN_ID and so on). The
id follows from the run's name and identity: a run that goes on after an interruption is the same run there,
and is told the epochs that it lacks.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from MNIST.tracking.tracker import TrackedRun, numbers_of
from MNIST.training import EpochResult

PROJECT = "mnist"
PATIENCE = 300.0  # seconds that a run's end waits for a network that is gone; `wandb sync` sends the rest


class WandbRun:
    """A run of Weights & Biases, open. See `Tracker` for what each method promises."""

    def __init__(self, run: TrackedRun) -> None:
        import wandb

        self._finished = False
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=os.environ.get("WANDB_NAME", run.name),
            id=os.environ.get("WANDB_RUN_ID", run_id(run)),
            resume="allow",
            config={**run.settings, "model": run.text},
            settings=wandb.Settings(console="off", quiet=True, finish_timeout=PATIENCE),
        )
        for result in run.history:
            if result.epoch >= self._run.starting_step:  # that of a new run is 0; else it has those before
                self.epoch(result)

    def epoch(self, result: EpochResult) -> None:
        self._run.log({"epoch": result.epoch, **numbers_of(result)}, step=result.epoch, commit=True)

    def finish(self, record: Mapping[str, object], confusion: np.ndarray | None) -> None:
        import wandb

        self._run.config.update({"run": dict(record)}, allow_val_change=True)
        if confusion is not None:  # in the summary: it is no step, so that the run may have more epochs later
            digits = [str(digit) for digit in range(len(confusion))]
            rows = [[true, *counts] for true, counts in zip(digits, confusion.tolist(), strict=True)]
            self._run.summary["confusion"] = wandb.Table(columns=["true", *digits], data=rows)
        self._finished = True

    def close(self) -> str:
        how = f"wandb sync {Path(self._run.dir).parent}" if self._run.offline else self._run.url
        self._run.finish(exit_code=0 if self._finished else 1)
        return how or ""  # W&B is switched off: WANDB_MODE=disabled


def start(run: TrackedRun) -> WandbRun:
    """Begin a run there, or go on with it, and log the epochs that it lacks."""
    return WandbRun(run)


def run_id(run: TrackedRun) -> str:
    """The same 16 letters for the same run under the same name, wherever it is trained."""
    return hashlib.sha256(f"{run.name} {run.identity}".encode()).hexdigest()[:16]
