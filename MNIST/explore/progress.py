"""How far an exploration is: one line that a terminal keeps up to date and a log gets now and then."""

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from MNIST.explore.forecast import left_to_train, seconds_left, spoken_time
from MNIST.explore.results import ranked
from MNIST.explore.trials import TrialService

TERMINAL_INTERVAL = 1  # seconds between two states of the line
LOG_INTERVAL = 10  # seconds between two lines where output is no terminal


@contextmanager
def progress(service: TrialService, costs: Mapping[str, float], guess: float) -> Iterator[Callable[[], None]]:
    """Show how far the service is for as long as the context lasts; yields what to call after each epoch.

    costs, guess: as in `forecast.seconds_left`.
    """
    show = _on_terminal if sys.stdout.isatty() else _in_log
    with show(_Line(service, costs, guess)) as update:
        yield update


class _Line:
    """The line: finished runs and epochs, the best so far, the time left."""

    def __init__(self, service: TrialService, costs: Mapping[str, float], guess: float) -> None:
        self._service = service
        self._costs = costs
        self._guess = guess
        self._left_at_start = left_to_train(service, costs)

    @property
    def done(self) -> float:
        """The part of this session's work that is done, from 0 to 1."""
        left = left_to_train(self._service, self._costs)
        return 1 - left / self._left_at_start if self._left_at_start else 1.0

    def __str__(self) -> str:
        plan, service = self._service.plan, self._service
        runs = sum(map(service.is_finished, plan.runs.values()))
        parts = [
            f"{runs:,}/{len(plan.runs):,} runs",
            f"{service.known_epochs():,}/{plan.epochs_shared:,} epochs",
        ]
        if service.failures:
            parts.append(f"{len(service.failures):,} failed")
        best = ranked(service)
        if best:
            parts.append(f"best {best[0].epoch.val_accuracy:.2%}")
        left = seconds_left(service, self._costs, self._guess)
        if left:
            parts.append(f"{spoken_time(left)} left")
        return " · ".join(parts)


@contextmanager
def _on_terminal(line: _Line) -> Iterator[Callable[[], None]]:
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (BarColumn(bar_width=12), TextColumn("{task.description}"))  # fits in 80 characters
    with Progress(*columns, transient=True) as display:
        task = display.add_task(str(line), total=1.0)
        update = _at_most_every(
            TERMINAL_INTERVAL,
            lambda: display.update(task, completed=line.done, description=str(line)),
        )
        yield update


@contextmanager
def _in_log(line: _Line) -> Iterator[Callable[[], None]]:
    yield _at_most_every(LOG_INTERVAL, lambda: print(line, flush=True))


def _at_most_every(seconds: float, act: Callable[[], None]) -> Callable[[], None]:
    """A function that acts, unless it has done so a moment ago: the line ranks every point of the grid."""
    last = -math.inf

    def update() -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            act()

    return update
