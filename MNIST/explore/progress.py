"""Shows how far an exploration is: a terminal updates its lines in place, a log gets one now and then."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from typing import Any

from MNIST.explore.forecast import Forecast, Outlook, spoken_time
from MNIST.explore.plan import Plan, Point, Value
from MNIST.explore.ranking import order
from MNIST.explore.readings import Reading
from MNIST.explore.trials import TrialService
from MNIST.explore.workers.protocol import EpochDone, Event

TERMINAL_INTERVAL = 0.5  # seconds between two updates of the lines
LOG_INTERVAL = 10  # seconds between two lines if the output is no terminal
PART = 50  # the display takes at most one second of so many
MOST_SHOWN = 8  # trials under way that have a line

Show = Callable[[Event | None], None]


@contextmanager
def progress(service: TrialService, forecast: Forecast) -> Iterator[Show]:
    """Show how far the service is while the context lasts; yields the function to call with each event."""
    board = Board(service, forecast)
    show = _on_terminal if sys.stdout.isatty() else _in_log
    with show(board) as update:

        def note(event: Event | None) -> None:
            if event is not None:
                board.note(event)
            update()

        yield note


@contextmanager
def counting(total: int, words: str) -> Iterator[Callable[[], None]]:
    """Show how many of so many things are done while the context lasts; yields what to call after each.

    words: what is counted, and what becomes of it, as in "shapes timed".
    """
    from rich.progress import BarColumn, Progress, TextColumn

    done, begun = 0, time.monotonic()

    def line() -> str:
        left = (time.monotonic() - begun) / done * (total - done) if done else 0.0
        time_left = f" · {spoken_time(left)} left" if 0 < done < total else ""
        return f"{done:,}/{total:,} {words}{time_left}"

    bar = Progress(BarColumn(bar_width=12), TextColumn("{task.description}"), transient=True)
    if sys.stdout.isatty():
        task = bar.add_task(line(), total=total)
        update = _at_most_every(0, lambda: bar.update(task, completed=done, description=line()))
    else:
        update = _at_most_every(LOG_INTERVAL, lambda: print(line(), flush=True))
        update()
    with bar if sys.stdout.isatty() else nullcontext():

        def count() -> None:
            nonlocal done
            done += 1
            update()

        yield count


class Board:
    """What is shown. It is updated at each epoch, so that the cost of a line does not grow with the grid.

    points: those whose answers count.
    """

    def __init__(self, service: TrialService, forecast: Forecast) -> None:
        self._service = service
        self.forecast = forecast
        self.points = forecast.search.counted(service.asked)
        self._counted: dict[tuple[str, int], Point] = {}  # of these, one for each trial and number of epochs
        self._of_run: dict[str, list[Point]] = {}
        self._best: Reading | None = None
        self._finished: set[str] = set()
        self._noted = self._compared = 0  # points of the plan, and of those that count
        self.names: list[str] = []
        self._catch_up()

    def _catch_up(self) -> None:
        """Note the points that were added since the last time, to the plan and to those that count."""
        for point in self.points[self._compared :]:
            if (point.identities[0], point.epochs) not in self._counted:
                self._compare(point)
            for identity in point.identities:
                self._counted.setdefault((identity, point.epochs), point)
        self._compared = len(self.points)
        plan = self._service.plan
        if len(plan.points) == self._noted:
            return
        new = plan.points[self._noted :]
        self._noted = len(plan.points)
        for point in new:
            for identity in point.identities:
                self._of_run.setdefault(identity, []).append(point)
                self._finished.discard(identity)  # it may be one of more epochs by now
                if self._service.readings.is_finished(plan.trials[identity]):
                    self._finished.add(identity)
        self.names = varying(plan)

    def note(self, event: Event) -> None:
        """Note an event: whether its trial is finished, and whether an epoch gives a new best point."""
        self._catch_up()
        if self._service.readings.is_finished(self._service.plan.trials[event.identity]):
            self._finished.add(event.identity)
        if isinstance(event, EpochDone):
            self.forecast.note(event.identity, event.result)
            epochs = {event.result.epoch}
            if self._service.readings.is_over(event.identity):  # true once in a trial, at its last epoch
                epochs = {point.epochs for point in self._of_run[event.identity]}
            for count in epochs:
                if (point := self._counted.get((event.identity, count))) is not None:
                    self._compare(point)

    def summary(self, outlook: Outlook) -> str:
        """Finished trials and epochs, the best so far, the time left."""
        self._catch_up()
        service, all_epochs = self._service, self.forecast.epochs
        parts = [f"{outlook.epochs_done:,}/{all_epochs:,} epochs"]
        if self.forecast.trainings is not None:
            parts.insert(0, f"{len(self._finished):,}/{self.forecast.trainings:,} trainings")
        if failed := self.failed():
            parts.append(f"{len(failed):,} failed")
        if self._best is not None:
            parts.append(f"best {self._best.mean('val_accuracy'):.2%}")
        if service.running and outlook.seconds_left:
            parts.append(f"{spoken_time(outlook.seconds_left)} left")
        return " · ".join(parts)

    def failed(self) -> dict[str, str]:
        """Why trials of points that count failed, by identity."""
        self._catch_up()
        readings = self._service.readings
        points = (point for identity in readings.failures for point in self._of_run[identity])
        return readings.failed(p for p in points if (p.identities[0], p.epochs) in self._counted)

    def running(self) -> list[str]:
        """A line for each trial under way: its epochs, and the values that distinguish it from others."""
        lines = []
        for identity in islice(self._service.running, MOST_SHOWN):
            done, target = len(self._service.readings.histories[identity]), self._service.targets[identity]
            shown = ", ".join(f"{name} {value}" for name, value in self.values(identity).items())
            lines.append(f"  epoch {min(done + 1, target)}/{target}  {shown}")
        return lines

    def values(self, identity: str) -> dict[str, Value]:
        """The values that distinguish a trial from others: in which all of its points agree."""
        self._catch_up()
        first, *others = self._of_run[identity]
        return {
            name: first.values[name]
            for name in self.names
            if all(point.values[name] == first.values[name] for point in others)
        }

    def _compare(self, point: Point) -> None:
        reading = self._service.readings.of(point)
        if reading is None or not reading.epochs or math.isnan(reading.mean("val_accuracy")):
            return
        if self._best is None or order(reading) < order(self._best):
            self._best = reading


def varying(plan: Plan) -> list[str]:
    """The parameters that have more than one value in a plan."""
    first = plan.points[0].values
    return [name for name in first if any(point.values[name] != first[name] for point in plan.points)]


@contextmanager
def _on_terminal(board: Board) -> Iterator[Callable[[], None]]:
    from rich.console import Group
    from rich.live import Live
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.text import Text

    columns = (BarColumn(bar_width=12), TextColumn("{task.description}"))  # fits in 80 characters
    bar = Progress(*columns)
    task = bar.add_task("", total=1.0)

    def lines() -> Any:
        outlook = board.forecast.look()
        bar.update(task, completed=outlook.done, description=board.summary(outlook))
        trials = [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in board.running()]
        return Group(bar, *trials)

    with Live(lines(), transient=True, auto_refresh=False) as live:
        yield _at_most_every(TERMINAL_INTERVAL, lambda: live.update(lines(), refresh=True))


@contextmanager
def _in_log(board: Board) -> Iterator[Callable[[], None]]:
    yield _at_most_every(LOG_INTERVAL, lambda: print(board.summary(board.forecast.look()), flush=True))


def _at_most_every(seconds: float, act: Callable[[], None]) -> Callable[[], None]:
    """A function that calls `act`, unless its last call was less than so many seconds ago.

    A large exploration takes long to look at: then it waits longer, so that looking takes no more than one
    second in PART.
    """
    due = -math.inf

    def update() -> None:
        nonlocal due
        begun = time.monotonic()
        if begun >= due:
            act()
            due = begun + max(seconds, PART * (time.monotonic() - begun))

    return update
