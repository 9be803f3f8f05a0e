"""How well an exploration keeps 10, 100 and 1,000 workers busy, some of which fail; nothing is trained.

    python -m benchmarks.dispatch [<workers> [<trials-a-worker>]]

The dispatch is real: Talos asks, the trial service answers, the store is on the disk, the display is drawn.
Only the workers are simulated, on a clock of their own: epochs of random lengths, delays on the network,
workers that are killed, machines that go away and come back. For each number of workers it prints the
efficiency, which is the ratio of the useful training to the time of all workers that were there (at least
0.9), and the processor time of the bookkeeping for each epoch, once with 10 trials a worker and once with 20.
The last line is the ratio of the most to the least of these times (at most 1.5: it grows neither with the
workers nor with the points).
"""

import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.arguments import read_arguments
from benchmarks.own_process import in_own_process
from benchmarks.simulated_workers import SimulatedWorkers

WORKERS = (10, 100, 1_000)
TRIALS = (10, 20)  # a worker
EPOCHS = 3
LEAST_EFFICIENCY, MOST_GROWTH = 0.9, 1.5
# No parameter has many values, as in a user's grid: Talos compares each point with all values of each.
SHORT_AXES: dict[str, list[Any]] = {
    "units": [8 * number for number in range(1, 11)],
    "batch": [10 * number for number in range(1, 11)],
    "beta2": [round(0.9 + 0.009 * number, 3) for number in range(1, 11)],
}
TEMPLATE = """
Layers:
Flatten
Dense,{units},relu
Dense,10,softmax
Optimizer:
Adam,{rate},beta2={beta2}
epochs={epochs}
batch={batch}
"""


def main(counts: Sequence[int], each: Sequence[int]) -> int:
    """Measure each number of workers and trials in a process of its own; return 1 if a target is missed."""
    costs, efficiencies = [], []
    for workers in counts:
        for trials in each:
            efficiency, cost, deaths = in_own_process(explored, workers, workers * trials)
            efficiencies.append(efficiency)
            costs.append(cost)
            print(
                f"{workers:5,} workers, {workers * trials:6,} trials: efficiency ratio {efficiency:.2f} with"
                f" {deaths:,} deaths of workers; {1000 * cost:.1f} ms of bookkeeping an epoch",
                flush=True,
            )
    growth = max(costs) / min(costs)
    print(f"the most to the least bookkeeping: ratio {growth:.2f}")
    return 0 if min(efficiencies) >= LEAST_EFFICIENCY and growth <= MOST_GROWTH else 1


def explored(workers: int, trials: int) -> tuple[float, float, int]:
    """An exploration's efficiency, its seconds of bookkeeping for each epoch, and how many workers died."""
    measured(1, 2)  # what it imports counts for no epoch
    return measured(workers, trials)


def measured(workers: int, trials: int) -> tuple[float, float, int]:
    """The same, with the time that it takes to import everything."""
    from MNIST.explore.forecast import Forecast
    from MNIST.explore.loop import ask_all
    from MNIST.explore.progress import progress
    from MNIST.explore.store import open_store
    from MNIST.explore.trials import TrialService

    search = search_of(trials)
    simulated = SimulatedWorkers(workers)
    with tempfile.TemporaryDirectory() as temporary, open_store(Path(temporary) / "store.sqlite") as store:
        service = TrialService(
            search.plan, store, Path(temporary), simulated, patience=3600, clock=lambda: simulated.now
        )
        service.expect(search.stages[0])
        begun = time.process_time()
        forecast = Forecast(search, service, 1000, 1e9, simulated)
        with contextlib.redirect_stdout(io.StringIO()), progress(service, forecast) as show:
            ask_all(search, service, Path(temporary) / "scan", show)
        seconds = time.process_time() - begun - simulated.own_seconds
    assert not service.readings.failures
    return simulated.efficiency, seconds / (trials * EPOCHS), simulated.deaths


def search_of(trials: int) -> Any:
    """A search of so many trials of EPOCHS epochs each, at so many points."""
    from MNIST.explore.designs import Space
    from MNIST.explore.search import make_search
    from MNIST.language import Axis, parse_template
    from MNIST.training import RunSettings

    values: dict[str, list[Any]] = {"epochs": [EPOCHS]}
    for name, every in SHORT_AXES.items():
        count = max(count for count in range(1, len(every) + 1) if trials % count == 0)
        values[name] = every[:count]
        trials //= count
    values["rate"] = [round(0.001 * (1 + index / 1000), 7) for index in range(trials)]
    axes = (Axis((name,), tuple((str(value),) for value in each)) for name, each in values.items())
    settings = RunSettings("d" * 64, None, 0.9, 0, "none", "none", "float32", 1)
    return make_search(Space(tuple(axes)), parse_template(TEMPLATE), settings)


if __name__ == "__main__":
    given = read_arguments(__doc__, workers=None, trials_a_worker=None)
    counts = [given.workers] if given.workers else WORKERS
    sys.exit(main(counts, [given.trials_a_worker] if given.trials_a_worker else TRIALS))
