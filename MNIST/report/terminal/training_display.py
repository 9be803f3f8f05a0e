"""What `train` shows while it works: one line for each epoch, and on a terminal a live bar below."""

import time
from types import TracebackType
from typing import Any, Self

_REFRESH = 0.1  # seconds between two updates of the bar; steps may be much shorter

HEADER = "  epoch      loss  accuracy  val loss  val acc.   images/s    time"


class TrainingDisplay:
    """Lines on any output; on a terminal also a bar with loss, accuracy, speed and the time left.

    epochs: how many to train; done: how many of them an earlier run has finished;
    steps: how many an epoch has; images: how many an epoch trains on.
    """

    def __init__(self, epochs: int, done: int, steps: int, images: int) -> None:
        from rich.console import Console

        self._epochs, self._steps, self._images = epochs, steps, images
        self._epoch = done + 1
        self._console = Console(highlight=False, markup=False)
        self._bar: Any = None
        self._task: Any = None
        self._began = time.perf_counter()
        self._updated = 0.0
        if self._console.is_terminal:
            self._bar = _bar(self._console)
            self._task = self._bar.add_task("", total=(epochs - done) * steps, now="")
        self._offset = done

    def __enter__(self) -> Self:
        self._print(HEADER, "dim")
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def on_step(self, steps: int, loss: float, accuracy: float) -> None:
        """Move the bar. loss, accuracy: of this epoch so far, nan if they are not known yet."""
        now = time.perf_counter()
        if self._bar is None or (now - self._updated < _REFRESH and steps < self._steps):
            return
        self._updated = now
        done = (self._epoch - 1 - self._offset) * self._steps + steps
        speed = done * (self._images / self._steps) / (now - self._began)
        figures = f"loss {loss:.4f}  accuracy {accuracy:7.2%}  " if loss == loss else ""
        self._bar.update(
            self._task,
            completed=done,
            description=f"epoch {self._epoch}/{self._epochs}",
            now=f"{figures}{speed:,.0f} images/s",
        )

    def on_epoch(self, result: Any) -> None:
        """Print an epoch's line. result: an EpochResult."""
        self._print(epoch_line(result, self._epochs, self._images))
        self._epoch = result.epoch + 1

    def _print(self, line: str, style: str | None = None) -> None:
        if self._bar:
            self._console.print(line, style=style, soft_wrap=True)
        else:
            print(line, flush=True)


def epoch_line(result: Any, epochs: int, images: int) -> str:
    """One epoch's figures, aligned under HEADER."""
    speed = images / result.seconds if result.seconds else float("nan")
    return (
        f"{f'{result.epoch}/{epochs}':>7}  {result.loss:8.4f}  {_percent(result.accuracy)}  "
        f"{_or_dash(result.val_loss, '8.4f')}  {_percent(result.val_accuracy)}  "
        f"{speed:9,.0f}  {duration(result.seconds):>6}"
    )


def duration(seconds: float) -> str:
    """A time as a text short enough for a table: 0.4 s, 42 s, 3:05, 2:10:00."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _percent(value: float) -> str:
    return _or_dash(value, "8.2%")


def _or_dash(value: float, form: str) -> str:
    return f"{value:{form}}" if value == value else f"{'-':>8}"  # nan: no image was held out


def _bar(console: Any) -> Any:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[now]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        console=console,
        transient=True,
    )
