"""What an exploration costs beside training: points whose trials take no time, at 1,000 and at 20,000.

    python -m benchmarks.bookkeeping [<points>...]

Everything but the training is real: the plan, the store on the disk, Talos with its log, results.csv.
Beside it, in the same run, plain Talos on the first 1,000 points, with a model function that answers at
once. Prints the time a point (at most 20 ms), by how much the process grew (libraries included), and the
ratio of the largest grid's time a point to the smallest one's.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
POINTS = (1_000, 20_000)
LIMIT = 0.020  # seconds a point
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


def main() -> int:
    """Measure each grid in a process of its own; return 1 if a target is missed."""
    counts = [int(word) for word in sys.argv[1:]] or POINTS
    measured = {count: tuple(map(float, child("--ours", count).split())) for count in counts}
    plain = float(child("--plain", min(counts)))
    for count, (seconds, start, megabytes) in measured.items():
        milliseconds = f"{1000 * seconds / count:5.1f} ms a point, the plan {start:4.1f} s of it"
        print(f"{count:7,} points: {milliseconds}; the process grew by {megabytes:.0f} MB")
    print(f"{min(counts):7,} points: {1000 * plain / min(counts):5.1f} ms a point, plain Talos")
    slowest = max(seconds / count for count, (seconds, *_) in measured.items())
    first, last = (measured[count][0] / count for count in (min(counts), max(counts)))
    print(f"{last / first:.2f} times as long a point at {max(counts):,} as at {min(counts):,}")
    return 0 if slowest <= LIMIT else 1


def child(kind: str, count: int) -> str:
    """What a process of its own measures, so that memory is that of one grid."""
    command = [sys.executable, __file__, kind, str(count)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]


def domains_of(count: int) -> dict[str, list]:
    """A grid of 2 numbers of epochs, 10 units, 5 dropouts, and as many rates as it takes."""
    rates = [round(0.001 * (1 + index / 1000), 7) for index in range(count // 100)]
    return {
        "epochs": [1, 2],
        "rate": rates,
        "units": [8 * n for n in range(1, 11)],
        "dropout": [0.1, 0.2, 0.3, 0.4, 0.5],
        "opt": ["Adam"],
        "decay": [0.0001],
        "mom": [0.5],
        "batch": [100],
    }


def ours(count: int) -> None:
    """Print the seconds of an exploration, those of its plan, and by how many MB the process grew."""
    sys.path.insert(0, str(ROOT))
    from MNIST.explore import exploration
    from MNIST.explore.designs import Space
    from MNIST.explore.store import open_store
    from MNIST.explore.trials import TrialService
    from MNIST.language import Axis, parse_template
    from MNIST.training import RunSettings
    from MNIST.training.memory import peak_memory

    axes = (Axis((name,), tuple((str(v),) for v in values)) for name, values in domains_of(count).items())
    settings = RunSettings("d" * 64, None, 0.9, 0, "none", "none", "float32", 1)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        before, start = peak_memory(), time.perf_counter()
        search = exploration.make_search(Space(tuple(axes)), parse_template(TEMPLATE), settings)
        planned = time.perf_counter() - start
        with open_store(folder / "trials.sqlite") as store:
            service = TrialService(search.plan, store, folder / "checkpoints", Instant())
            outcome = exploration.explore(search, service, folder / "scan", lambda event: None)
        seconds = time.perf_counter() - start
    assert len(outcome.candidates) == len(search.plan.points) == count
    print(seconds, planned, (peak_memory() - before) / 1e6)


class Instant:
    """Two workers whose trials take no time."""

    workers = 2

    def __init__(self) -> None:
        self._events = []

    def start(self, trial) -> None:
        from MNIST.explore.workers.protocol import Ended, EpochDone
        from MNIST.training import EpochResult

        accuracy = int(trial.run.identity[:6], 16) / 2**24
        for epoch in range(1, trial.epochs + 1):
            result = EpochResult(epoch, 0.5, accuracy, 0.5, accuracy, 0.001, 1.0, 0.1, 0.0, 0)
            self._events.append(EpochDone(trial.run.identity, result))
        self._events.append(Ended(trial.run.identity))

    def events(self, seconds: float) -> list:
        events, self._events = self._events, []
        return events

    def stop(self, identity: str) -> None:
        pass


def plain(count: int) -> None:
    """Print the seconds of plain Talos, whose model function answers at once."""
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
    print(time.perf_counter() - start)


def answer(x_train, y_train, x_val, y_val, params) -> dict:
    """A model function of Talos."""
    return {"metrics": {"loss": 0.5, "accuracy": 0.5, "val_loss": 0.5, "val_accuracy": 0.5}}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ours"]:
        ours(int(sys.argv[2]))
    elif sys.argv[1:2] == ["--plain"]:
        plain(int(sys.argv[2]))
    else:
        sys.exit(main())
