"""live.html of a training: written now and then while it goes on, and its report when it is over.

It lies in the network's folder. There it is the page of the training that goes on, even beside an older
network, until the new network takes that one's place, with the report.
"""

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from MNIST.live_file import LIVE, LiveFile
from MNIST.program import as_typed
from MNIST.report.news import News
from MNIST.report.terminal.training_display import duration
from MNIST.report.training.live import TrainingView, live_page
from MNIST.training import output_folder
from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.training import EpochResult, Run


class LivePage:
    """A context that writes live.html while a run trains, and says in it if the training ended too early.

    about: sentences about the network, the images and the settings. text: the model file. command: the words
    that started the training; the page shows them without --fresh, because then they go on with it. data: the
    folder of the dataset, as it was given.
    """

    def __init__(
        self, name: str, run: "Run", about: Sequence[str], text: str, command: Sequence[str], data: str
    ) -> None:
        self._name, self._run, self._about, self._text = name, run, about, text
        without = " without --fresh" if "--fresh" in command else ""
        self.goes_on = f"The same command{without} goes on."
        self._command, self._data = [word for word in command if word != "--fresh"], data
        self._file = LiveFile(output_folder(name) / LIVE, _warn, least=1.0)
        self.path = self._file.path
        self._begun, self._at_first = time.monotonic(), len(run.history)
        self._reported: str | None = None
        self._is_over = False
        self._step = 0, float("nan"), float("nan")  # of the epoch under way: steps, loss, accuracy

    def __enter__(self) -> Self:
        self._before = self._file.content()
        self._file.write(self._now)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say that the training has ended before its end, if it has.

        If no epoch is kept, an earlier network's page comes back; and a full disk gets its room back.
        """
        if error is None or self._is_over:
            return
        kept = self._run.saved
        told = f"{kept:,} of {counted(self._run.epochs, 'epoch')} are kept."
        if not kept and (self._before is not None or isinstance(error, OSError)):
            self._file.put_back(self._before)
        elif isinstance(error, KeyboardInterrupt):
            self._last("stopped", "Stopped.", [f"{told} {self.goes_on}"])
        else:
            self._last("failed", "Ended by an error.", [str(error).strip() or type(error).__name__, told])

    def on_step(self, steps: int, loss: float, accuracy: float) -> None:
        """Note a step, and write the page if it is due. loss, accuracy: of this epoch so far."""
        if self._file.pace.is_due():
            self._step = steps, loss, accuracy
            self._file.write(self._now)

    def on_epoch(self, result: "EpochResult") -> None:
        """Note the end of an epoch, and write the page if it is due."""
        self._step = 0, float("nan"), float("nan")
        self._file.write_if_due(self._now)

    def report(self) -> dict[str, bytes]:
        """The page when the training is over, to lie beside the network's files; none if it has a fault."""
        self._reported = self._file.guarded(self._report)
        return {} if self._reported is None else {LIVE: self._reported.encode()}

    def over(self) -> None:
        """Write the report, unless it has taken its place with the network's files, as it should."""
        page, self._is_over = self._reported, True
        if page is not None and self._file.content() != page.encode():
            self._file.write_last(lambda: page)

    def _report(self) -> str:
        run = self._run
        total = sum(result.seconds for result in run.history)
        sentences = [
            f"Trained {counted(len(run.history), 'epoch')} in {duration(total)}. {_figures(run.kept)}"
        ]
        steps = [
            ("Test it:", as_typed("python", "MNIST", "test", "Results", self._data, self._name)),
            ("Draw for it in a browser:", f"python MNIST page {self._name} draw.html"),
        ]
        return self._page("over", "Finished.", sentences, None, run.kept.epoch, steps)

    def _last(self, state: str, headline: str, sentences: Sequence[str]) -> None:
        self._file.write_last(lambda: self._page(state, headline, [self._far(), *sentences], None))

    def _now(self) -> str:
        """The page while it runs."""
        steps, loss, accuracy = self._step
        epoch = len(self._run.history) + 1
        part = steps / self._run.steps
        sentences = [self._far()]
        if steps:
            now = f": loss {loss:.4f}, accuracy {accuracy:.2%}" if loss == loss else ""  # nan: not known yet
            sentences.append(f"Epoch {epoch:,}, step {steps:,} of {self._run.steps:,}{now}.")
        if left := self._left(part):
            most = " at most" if self._run.spec.stop else ""
            sentences.append(f"About {duration(left)} left{most}.")
        done = min(1.0, (epoch - 1 + part) / self._run.epochs)
        return self._page("runs", "Training.", sentences, done)

    def _far(self) -> str:
        history = self._run.history
        best = f" {_figures(history[-1])}" if history else ""
        return f"{len(history):,} of {counted(self._run.epochs, 'epoch')} finished.{best}"

    def _left(self, part: float) -> float:
        """About how many seconds are left, from those that the epochs took so far; 0 if that is unknown."""
        done = len(self._run.history) - self._at_first + part
        if not done:
            return 0.0
        return (time.monotonic() - self._begun) / done * (self._run.epochs - self._at_first - done)

    def _page(
        self,
        state: str,
        headline: str,
        sentences: Sequence[str],
        done: float | None,
        kept: int | None = None,
        next_steps: Sequence[tuple[str, str]] = (),
    ) -> str:
        return live_page(
            TrainingView(
                name=self._name,
                news=News(
                    state=state,
                    headline=headline,
                    sentences=sentences,
                    done=done,
                    command=as_typed(*self._command),
                    written=time.time(),
                    interval=max(2.0, self._file.pace.interval),
                ),
                about=self._about,
                history=self._run.history,
                images=len(self._run.data.train),
                kept=kept,
                text=self._text,
                next_steps=next_steps,
            )
        )


def _figures(epoch: "EpochResult") -> str:
    """Accuracies in words: those of validation, if images were held out for it."""
    if epoch.val_accuracy == epoch.val_accuracy:
        return f"Epoch {epoch.epoch:,}: {epoch.val_accuracy:.2%} of the validation images right."
    return f"Epoch {epoch.epoch:,}: {epoch.accuracy:.2%} of the training images right."


def _warn(line: str) -> None:
    print(f"{line}; the training goes on without it", file=sys.stderr, flush=True)
