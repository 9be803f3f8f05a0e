"""Weights & Biases: a run in the project `mnist`, on its server or, with WANDB_MODE=offline, in `wandb/`.

Its environment variables decide where and how (WANDB_PROJECT, WANDB_ENTITY, WANDB_DIR, WANDB_RUN_ID and so
on). The id follows from the run's name and identity. So a run that goes on after an interruption is the same
run there, and only gets the epochs that are missing.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from MNIST.tracking.tracker import Confusion, TrackedRun, numbers_of
from MNIST.training import EpochResult

PROJECT = "mnist"
PATIENCE = 300.0  # seconds to wait for a lost connection at the end; `wandb sync` can send the rest later


class WandbRun:
    """An open run of Weights & Biases. See `Tracker` for what each method promises."""

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
            if result.epoch >= self._run.starting_step:  # the server has the epochs before this step
                self.epoch(result)

    def epoch(self, result: EpochResult) -> None:
        self._run.log({"epoch": result.epoch, **numbers_of(result)}, step=result.epoch, commit=True)

    def finish(self, record: Mapping[str, object], confusion: Confusion | None) -> None:
        import wandb

        self._run.config.update({"run": dict(record)}, allow_val_change=True)
        if confusion is not None:  # in the summary: as a step, it would take the number of a later epoch
            classes = list(confusion.classes)
            rows = [[true, *row] for true, row in zip(classes, confusion.counts.tolist(), strict=True)]
            self._run.summary["confusion"] = wandb.Table(columns=["true", *classes], data=rows)
        self._finished = True

    def close(self) -> str:
        how = f"wandb sync {Path(self._run.dir).parent}" if self._run.offline else self._run.url
        self._run.finish(exit_code=0 if self._finished else 1)
        return how or ""  # W&B is switched off: WANDB_MODE=disabled


def start(run: TrackedRun) -> WandbRun:
    """Begin or continue the run on Weights & Biases, and log the epochs that are missing there."""
    return WandbRun(run)


def run_id(run: TrackedRun) -> str:
    """An id of 16 hex digits, always the same for the same run under the same name."""
    return hashlib.sha256(f"{run.name} {run.identity}".encode()).hexdigest()[:16]
