"""Trains every network of a grid to its end, once, and keeps what each epoch gave: the judge of `tpe`.

    python -m benchmarks.recorded_runs <dataset-dir>

The grid has 756 networks, each trained for 8 epochs on 10,000 images of MNIST and validated on 10,000 others,
by the engine numpy. It takes about 20 minutes on two cores, goes on where it was interrupted, and writes
benchmarks/recorded_runs.csv.gz: a row for each network, with its values, and for each epoch how many of the
validation images are right and the validation loss.
"""

import csv
import gzip
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.arguments import read_arguments
from MNIST.explore.workers.protocol import Ended, EpochDone, Event, Task
from MNIST.language import canonical_text, parse_template
from MNIST.training import EpochResult, RunSettings

FILE = Path(__file__).parent / "recorded_runs.csv.gz"
EPOCHS, IMAGES = 8, 10_000
TEMPLATE = f"""
Layers:
Flatten
Dense,{{units}},{{activation}}
Dropout,{{dropout}}
Dense,10,softmax
Optimizer:
{{optimizer}},{{rate}}
epochs={{epochs}}
batch={{batch}}
Explore:
epochs={EPOCHS}
units=32,64,128
activation=relu,tanh
dropout=0,0.2,0.4
optimizer=Adam,RMSprop,SGD
rate=0.0001,0.0003,0.001,0.003,0.01,0.03,0.1
batch=32,128
"""
SETTINGS = RunSettings("recorded", 2 * IMAGES, 0.5, 0, "numpy", "recorded", "float32", 1)


def main(dataset: Path) -> None:
    """Train what is not trained yet, and write the file."""
    from MNIST.explore import explore
    from MNIST.explore.store import open_store
    from MNIST.paths import STORE

    done = explore(
        dataset,
        template=parse_template(TEMPLATE),
        name="recorded_runs",
        split=0.5,
        images=2 * IMAGES,
        engine="numpy",
    )
    points = done.search.plan.points
    with open_store(STORE) as store:
        histories = [store.history(point.identities[0])[:EPOCHS] for point in points]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    numbers = [f"{what}_{epoch}" for epoch in range(1, EPOCHS + 1) for what in ("right", "loss")]
    writer.writerow([*points[0].values, *numbers])
    for point, history in zip(points, histories, strict=True):
        pairs = [(round(IMAGES * epoch.val_accuracy), f"{epoch.val_loss:.6g}") for epoch in history]
        writer.writerow([*point.values.values(), *(number for pair in pairs for number in pair)])
    FILE.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    print(f"{len(points)} networks in {FILE.name}: {FILE.stat().st_size:,} bytes")


class RecordedWorkers:
    """An Executor without workers: each epoch is read from the file."""

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers
        self.left_out: list[str] = []
        self._epochs = recorded()
        self._done: dict[str, int] = {}
        self._events: deque[Event] = deque()

    def start(self, task: Task) -> None:
        """Note all epochs of the task as events."""
        identity = task.trial.identity
        epochs = self._epochs[_key(task.trial.spec)]
        done = self._done.get(identity, 0)
        self._events += [EpochDone(identity, epoch) for epoch in epochs[done : task.epochs]]
        self._events.append(Ended(identity))
        self._done[identity] = max(done, task.epochs)

    def events(self, seconds: float) -> Sequence[Event]:
        """All events since the last call."""
        happened = list(self._events)
        self._events.clear()
        return happened

    def stop(self, identity: str) -> None:
        """Nothing to do: every task is over at once."""

    def map(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        """Nothing is computed here."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to end."""


def recorded() -> dict[str, list[EpochResult]]:
    """The epochs of each network, by its text without the number of epochs."""
    template = parse_template(TEMPLATE)
    rows = csv.DictReader(io.StringIO(gzip.decompress(FILE.read_bytes()).decode()))
    return {
        _key(template.fill({name: row[name] for name in template.names})): [
            _epoch(number, int(row[f"right_{number}"]) / IMAGES, float(row[f"loss_{number}"]))
            for number in range(1, EPOCHS + 1)
        ]
        for row in rows
    }


def _epoch(number: int, accuracy: float, loss: float) -> EpochResult:
    """An epoch with its validation figures; what was not kept of it is 0."""
    return EpochResult(number, 0.0, 0.0, loss, accuracy, 0.0, 0.0, 0.0, 1.0, 0)


def _key(spec: Any) -> str:
    return canonical_text(replace(spec, epochs=1))


if __name__ == "__main__":
    main(Path(read_arguments(__doc__, "dataset").dataset))
