"""What an exploration costs besides training: its trials take no time; with 1,000 and with 20,000 points.

    python -m benchmarks.bookkeeping [<points> [<more-points>]]

Everything but the training is real: the plan, the store on the disk, Talos with its log, results.csv.
The peer, in the same run, is plain Talos on the smallest of the grids, with a model function that answers at
once. It prints the time per point (at most 20 ms), by how much the process grew (libraries included), and two
ratios of times per point: ours to plain Talos on the smallest grid, and the largest grid to the smallest.
"""

import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from benchmarks.arguments import read_arguments
from benchmarks.own_process import in_own_process

POINTS = (1_000, 20_000)
LIMIT = 0.020  # seconds per point
TEMPLATE = """
Layers:
Flatten
Dense,{units},relu
Dropout,{dropout}
Dense,10,softmax
Optimizer:
{opt},{rate},decay={decay},momentum={mom}
epochs={epochs}
batch={batch}
"""


def main(counts: Sequence[int]) -> int:
    """Measure each grid in a process of its own, so that its memory is measured alone.

    Return 1 if a target is missed.
    """
    measured = {count: in_own_process(ours, count) for count in counts}
    theirs = in_own_process(plain, min(counts))
    for count, (seconds, start, megabytes) in measured.items():
        milliseconds = f"{1000 * seconds / count:5.1f} ms a point, the plan {start:4.1f} s of it"
        print(f"{count:7,} points: {milliseconds}; the process grew by {megabytes:.0f} MB")
    print(f"{min(counts):7,} points: {1000 * theirs / min(counts):5.1f} ms a point, plain Talos")
    ratio = measured[min(counts)][0] / theirs
    print(f"{ratio:.2f} times as long a point as plain Talos at {min(counts):,}")
    slowest = max(seconds / count for count, (seconds, *_) in measured.items())
    first, last = (measured[count][0] / count for count in (min(counts), max(counts)))
    print(f"{last / first:.2f} times as long a point at {max(counts):,} as at {min(counts):,}")
    return 0 if slowest <= LIMIT else 1


def domains_of(count: int) -> dict[str, list]:
    """A grid of so many points: at most 2 numbers of epochs, 10 units, 5 dropouts; the rest are rates."""
    epochs = math.gcd(count, 2)
    units = math.gcd(count // epochs, 10)
    dropouts = math.gcd(count // epochs // units, 5)
    rates = count // epochs // units // dropouts
    return {
        "epochs": [1, 2][:epochs],
        "rate": [round(0.001 * (1 + index / 1000), 7) for index in range(rates)],
        "units": [8 * n for n in range(1, units + 1)],
        "dropout": [0.1, 0.2, 0.3, 0.4, 0.5][:dropouts],
        "opt": ["Adam"],
        "decay": [0.0001],
        "mom": [0.5],
        "batch": [100],
    }


def ours(count: int) -> tuple[float, float, float]:
    """The seconds of an exploration, the seconds of its plan, and by how many MB the process grew."""
    from MNIST.explore.designs import Space
    from MNIST.explore.loop import ask_all
    from MNIST.explore.search import make_search
    from MNIST.explore.store import open_store
    from MNIST.explore.trials import TrialService
    from MNIST.explore.workers.protocol import Executor
    from MNIST.language import Axis, parse_template
    from MNIST.training import RunSettings
    from MNIST.training.memory import peak_memory

    axes = (Axis((name,), tuple((str(v),) for v in values)) for name, values in domains_of(count).items())
    settings = RunSettings("d" * 64, None, 0.9, 0, "none", "none", "float32", 1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        before, start = peak_memory(), time.perf_counter()
        search = make_search(Space(tuple(axes)), parse_template(TEMPLATE), settings)
        planned = time.perf_counter() - start
        with open_store(folder / "trials.sqlite") as store:
            service = TrialService(search.plan, store, folder / "checkpoints", cast(Executor, Instant()))
            outcome = ask_all(search, service, folder / "scan", lambda event: None)
        seconds = time.perf_counter() - start
    assert len(outcome.candidates) == len(search.plan.points) == count
    return seconds, planned, (peak_memory() - before) / 1e6


class Instant:
    """Two workers whose trials take no time. It has only the parts of an Executor that the service calls."""

    workers = 2

    def __init__(self) -> None:
        self._events: list[Any] = []

    def start(self, task: Any) -> None:
        from MNIST.explore.workers.protocol import Ended, EpochDone
        from MNIST.training import EpochResult

        accuracy = int(task.trial.identity[:6], 16) / 2**24
        for epoch in range(1, task.epochs + 1):
            result = EpochResult(epoch, 0.5, accuracy, 0.5, accuracy, 0.001, 1.0, 0.1, 0.0, 0)
            self._events.append(EpochDone(task.trial.identity, result))
        self._events.append(Ended(task.trial.identity))

    def events(self, seconds: float) -> list:
        events, self._events = self._events, []
        return events

    def stop(self, identity: str) -> None:
        pass


def plain(count: int) -> float:
    """The seconds of plain Talos with a model function that answers at once."""
    import numpy as np
    import talos

    nothing = np.zeros(1, np.int8)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        talos.Scan(
            x=nothing,
            y=nothing,
            x_val=nothing,
            y_val=nothing,
            params=domains_of(count),
            model=answer,
            experiment_name="plain",
            experiment_dir=Path(folder) / "talos",
            save_models=False,
            save_weights=False,
            clear_session=False,
            disable_progress_bar=True,
        )
    return time.perf_counter() - start


def answer(x_train: Any, y_train: Any, x_val: Any, y_val: Any, params: dict) -> dict:
    """A model function for Talos."""
    return {"metrics": {"loss": 0.5, "accuracy": 0.5, "val_loss": 0.5, "val_accuracy": 0.5}}


if __name__ == "__main__":
    given = read_arguments(__doc__, points=None, more_points=None)
    sys.exit(main([count for count in (given.points, given.more_points) if count] or POINTS))
