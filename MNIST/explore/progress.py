"""How far an exploration is: lines that a terminal keeps up to date and a log gets now and then."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from MNIST.explore.forecast import Forecast, spoken_time
from MNIST.explore.plan import Plan, Point
from MNIST.explore.ranking import order
from MNIST.explore.trials import Reading, TrialService
from MNIST.explore.workers.protocol import EpochDone, Event

TERMINAL_INTERVAL = 0.5  # seconds between two states of the lines
LOG_INTERVAL = 10  # seconds between two lines where output is no terminal
MOST_SHOWN = 8  # trials under way that have a line

Show = Callable[[Event | None], None]


@contextmanager
def progress(service: TrialService, forecast: Forecast) -> Iterator[Show]:
    """Show how far the service is for as long as the context lasts; yields what to tell of each event."""
    board = _Board(service, forecast)
    show = _on_terminal if sys.stdout.isatty() else _in_log
    with show(board) as update:

        def note(event: Event | None) -> None:
            if isinstance(event, EpochDone):
                board.note(event)
            update()

        yield note


class _Board:
    """What is shown, kept up to date epoch by epoch: the cost of a line must not grow with the grid."""

    def __init__(self, service: TrialService, forecast: Forecast) -> None:
        self._service = service
        self.forecast = forecast
        self._points: dict[tuple[str, int], Point] = {}  # one for each reading of a run
        self._of_run: dict[str, Point] = {}
        self._best: Reading | None = None
        for point in service.plan.points:
            for identity in point.runs:
                self._points.setdefault((identity, point.epochs), point)
                self._of_run.setdefault(identity, point)
        for point in self._points.values():
            self._compare(point)
        points = service.plan.points
        self._names = [n for n in varying(service.plan) if any(p.values[n] != p.epochs for p in points)]

    def note(self, event: EpochDone) -> None:
        """Count an epoch, and see whether it makes a point the best so far."""
        self.forecast.note(event.identity, event.result)
        point = self._points.get((event.identity, event.result.epoch))
        if point is not None:
            self._compare(point)

    def summary(self) -> str:
        """Finished runs and epochs, the best so far, the time left."""
        plan, forecast = self._service.plan, self.forecast
        parts = [f"{forecast.known_epochs:,}/{forecast.epochs:,} epochs"]
        if forecast.epochs == plan.epochs_shared:  # under halving most runs are not trained to their end
            parts.insert(0, f"{forecast.finished_runs:,}/{len(plan.runs):,} runs")
        if self._service.failures:
            parts.append(f"{len(self._service.failures):,} failed")
        if self._best is not None:
            parts.append(f"best {self._best.mean('val_accuracy'):.2%}")
        left = forecast.seconds_left
        if left and self._service.running:
            parts.append(f"{spoken_time(left)} left")
        return " · ".join(parts)

    def running(self) -> list[str]:
        """A line for each trial under way: its epochs, and what tells it from others."""
        lines = []
        for identity in list(self._service.running)[:MOST_SHOWN]:
            done = len(self._service.histories[identity])
            values = self._of_run[identity].values
            shown = ", ".join(f"{name} {values[name]}" for name in self._names)
            lines.append(f"  epoch {done + 1}/{self._service.plan.runs[identity].horizon}  {shown}")
        return lines

    def _compare(self, point: Point) -> None:
        reading = self._service.reading(point)
        if reading is None or not reading.epochs or math.isnan(reading.mean("val_accuracy")):
            return
        if self._best is None or order(reading) < order(self._best):
            self._best = reading


def varying(plan: Plan) -> list[str]:
    """The parameters that have more than one value in a plan."""
    first = plan.points[0].values
    return [name for name in first if any(point.values[name] != first[name] for point in plan.points)]


@contextmanager
def _on_terminal(board: _Board) -> Iterator[Callable[[], None]]:
    from rich.console import Group
    from rich.live import Live
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.text import Text

    columns = (BarColumn(bar_width=12), TextColumn("{task.description}"))  # fits in 80 characters
    bar = Progress(*columns)
    task = bar.add_task(board.summary(), total=1.0)

    def lines() -> Any:
        bar.update(task, completed=board.forecast.done, description=board.summary())
        trials = [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in board.running()]
        return Group(bar, *trials)

    with Live(lines(), transient=True, auto_refresh=False) as live:
        yield _at_most_every(TERMINAL_INTERVAL, lambda: live.update(lines(), refresh=True))


@contextmanager
def _in_log(board: _Board) -> Iterator[Callable[[], None]]:
    yield _at_most_every(LOG_INTERVAL, lambda: print(board.summary(), flush=True))


def _at_most_every(seconds: float, act: Callable[[], None]) -> Callable[[], None]:
    """A function that acts, unless it has done so a moment ago."""
    last = -math.inf

    def update() -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            act()

    return update
