"""One exploration from its plan to its results: Talos asks, the service answers, the files are written."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from MNIST.data import TrainingData
from MNIST.explore.plan import Plan, Values
from MNIST.explore.results import METRICS, ResultsFile, best_text, ranked
from MNIST.explore.scan import leave_out, scan
from MNIST.explore.store import open_store
from MNIST.explore.trials import TrialService
from MNIST.files import write_atomically
from MNIST.training import RunSettings, continue_run


@contextmanager
def open_service(
    plan: Plan, data: TrainingData, settings: RunSettings, folder: Path
) -> Iterator[TrialService]:
    """A trial service over the store and the checkpoints in `folder`, which all explorations there share.

    Raises StoreError if the store cannot be trusted.
    """
    with open_store(folder / "trials.sqlite") as store:
        yield TrialService(
            plan,
            settings,
            store,
            folder / "checkpoints",
            lambda run, checkpoint, on_epoch: continue_run(
                run.spec, data, settings, epochs=run.horizon, checkpoint=checkpoint, on_epoch=on_epoch
            ),
        )


def explore(space: Any, service: TrialService, folder: Path, show: Callable[[], None]) -> None:
    """Let Talos ask every point of the space that the plan has; write results.csv and best.txt in `folder`,
    now and then and at the end, however it ends. The folder's lock is held.

    show: called after each epoch. Raises KeyboardInterrupt on Ctrl-C.
    """
    points = {_key(point.values): point for point in service.plan.points}
    results = ResultsFile(folder / "results.csv", service)

    def on_epoch() -> None:
        show()
        results.write_if_due()

    def answer(values: Values) -> dict[str, float]:
        reading = service.answer(points[_key(values)], on_epoch)
        return {name: getattr(reading.epoch, name) if reading.epoch else float("nan") for name in METRICS}

    leave_out(space, lambda values: _key(values) not in points)
    log = folder / "talos" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S_%f")
    try:
        scan(space, answer, folder.name, log)
    finally:
        results.write()
        best = ranked(service)
        if best:
            write_atomically(folder / "best.txt", best_text(best[0], folder.name, service), alone=True)
        else:
            (folder / "best.txt").unlink(missing_ok=True)  # an earlier exploration's, under the same name


def _key(values: Values) -> tuple[object, ...]:
    return tuple(values.values())
