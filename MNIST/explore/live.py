"""live.html of an exploration: written now and then while it runs, and its report when it is over.

The exploration itself writes it, so that it is there for notebooks too, and under the lock of its folder.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from MNIST.explore.choices import train_options
from MNIST.explore.forecast import Forecast
from MNIST.explore.loop import Outcome
from MNIST.explore.plan import Value
from MNIST.explore.progress import Board, Show
from MNIST.explore.ranking import Candidate, like_best, ranked
from MNIST.explore.results import SHORT, best_text
from MNIST.explore.trials import TrialService
from MNIST.explore.workers.protocol import Event
from MNIST.live_file import LIVE, LiveFile, Pace
from MNIST.paths import exploration_folder
from MNIST.program import as_typed
from MNIST.report.exploring.influence import Influence, measure_influence
from MNIST.report.exploring.live import BEST, NOW, OTHER, ExplorationView, Table, live_page
from MNIST.report.exploring.networks import networks_of
from MNIST.report.line_chart import Curve
from MNIST.report.news import News
from MNIST.words import counted

SHOWN = 10  # of the best answers while it runs
SHOWN_AT_END = 25
EXAMPLES = 5  # of what failed for one reason
SECONDS = 2.0  # from one page, or one ranking, to the next, at least
SECONDS_OF_INFLUENCE = 20.0  # from one measurement to the next, at least: it takes some tenths of a second
SHARE = 0.01  # of the time of this process, which only waits for its workers: for each of these three


class LivePage:
    """A context that writes live.html while an exploration runs, and says in it how the exploration ended.

    Only whoever holds the lock of the exploration's folder may write it.
    command: the words that started the exploration; none if Python did. dataset: its folder, as it was given.
    """

    def __init__(self, service: TrialService, name: str, command: Sequence[str], dataset: str) -> None:
        self._service, self._name, self._command, self._dataset = service, name, command, dataset
        self._file = LiveFile(exploration_folder(name) / LIVE, _warn, SECONDS, SHARE)
        self._board: Board | None = None
        self._candidates: list[Candidate] = []
        self._influence: Influence | str = "This is measured now and then, once there are enough answers."
        self._pictures: Mapping[str, bytes] = {}
        self._outcome: Outcome | None = None
        self._rank_pace = Pace(SECONDS, SHARE)
        self._influence_pace = Pace(SECONDS_OF_INFLUENCE, SHARE, first=SECONDS_OF_INFLUENCE)
        self._is_over = self._is_kept = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say that the exploration has ended before its end, if it has."""
        if self._is_over or error is None:
            return
        if isinstance(error, KeyboardInterrupt):
            self._last("stopped", "Stopped.", [f"Every finished epoch is kept. {self._goes_on}"])
        else:
            reason = str(error).strip() or type(error).__name__
            self._last("failed", "Ended by an error.", [reason, f"Finished epochs are kept. {self._goes_on}"])

    @contextmanager
    def running(self, forecast: Forecast) -> Iterator[Show]:
        """Trials are trained while the context lasts. It yields the function to call with each event."""
        self._board = board = Board(self._service, forecast)
        self._file.write(self._now)

        def show(event: Event | None) -> None:
            if event is not None:
                board.note(event)
            if self._file.pace.is_due():
                self._file.guarded(self._rank)
                self._file.write(self._now)

        yield show

    def answered(self, outcome: Outcome, pictures: Mapping[str, bytes], keeping: bool) -> None:
        """No more answers will come. keeping: whether the winner's network is being made.

        pictures: PNG files by name, which are shown with the results.
        """
        self._outcome, self._candidates, self._pictures = outcome, outcome.candidates, pictures
        if keeping:
            self._file.write(self._now)

    def over(self, lost: str | None) -> None:
        """The exploration is over. lost: why the winner's network could not be kept, or None."""
        assert self._outcome is not None, "first it is answered"
        sentences = [f"The winner's network cannot be kept: {lost}."] if lost else []
        if self._outcome.time_is_up:
            self._last("stopped", "The time is up.", [*sentences, self._goes_on])
        else:
            self._is_kept = lost is None and bool(self._candidates)
            self._last("over", "Finished.", sentences)
        self._is_over = True

    @property
    def _names(self) -> Sequence[str]:
        """The parameters that have more than one value."""
        return self._board.names if self._board else ()

    @property
    def _goes_on(self) -> str:
        return f"The same {'command' if self._command else 'call'} goes on."

    def _last(self, state: str, headline: str, sentences: Sequence[str]) -> None:
        """Write the page for the last time."""
        if self._board is None:  # nothing has begun
            return
        self._file.guarded(lambda: self._rank(is_last=True))
        self._file.write_last(lambda: self._page(state, headline, sentences))

    def _now(self) -> str:
        """The page while it runs."""
        assert self._board is not None
        if self._outcome is not None:
            return self._page("runs", "The winner's network is being kept.", [self._far()], 1.0)
        return self._page("runs", "Exploring.", [self._far()], self._board.forecast.look().done)

    def _far(self) -> str:
        """How far it is, in words."""
        assert self._board is not None
        if self._outcome is not None and self._outcome.time_is_up:  # nothing is expected any more
            known = self._service.readings.known_epochs()
            return f"{known:,}/{self._board.forecast.epochs:,} epochs"
        return self._board.summary(self._board.forecast.look())

    def _page(self, state: str, headline: str, sentences: Sequence[str], done: float | None = None) -> str:
        assert self._board is not None
        is_last = state != "runs"
        if is_last:
            sentences = [self._far(), *sentences]
        failures = self._board.failed()
        best = self._candidates[: SHOWN_AT_END if is_last else SHOWN]
        view = ExplorationView(
            name=self._name,
            news=News(
                state=state,
                headline=headline,
                sentences=[*sentences, _work(self._service)],
                done=done,
                command=as_typed(*self._command),
                written=time.time(),
                interval=self._file.pace.interval,
            ),
            running=self._running(),
            curves=self._curves(),
            answers=len(self._candidates),
            best=_best(best, self._names, len(self._service.plan.seeds) > 1),
            influence=self._influence,
            failures=[(reason, self._examples(runs)) for reason, runs in _by_reason(failures).items()],
            left_out=[
                f"{count:,} × {why}" for why, count in self._service.plan.infeasible.most_common(EXAMPLES)
            ],
            winner=best_text(self._candidates, self._name, self._service.readings)
            if best and is_last
            else "",
            next_steps=self._next_steps() if state == "over" and self._candidates else (),
            pictures=self._pictures,
        )
        return live_page(view)

    def _rank(self, is_last: bool = False) -> None:
        """Rank the answers and measure the parameters' influence, as often as it costs little."""
        assert self._board is not None
        readings = self._service.readings
        if self._outcome is None and (is_last or self._rank_pace.is_due()):
            with self._rank_pace.taken():
                self._candidates = ranked(readings, self._board.points)
        # With pictures, one of them shows the influence.
        if (is_last and not self._pictures) or (self._outcome is None and self._influence_pace.is_due()):
            with self._influence_pace.taken():
                self._influence = _influence(self._candidates, self._names)

    def _running(self) -> Table:
        """A row for each trial under way."""
        assert self._board is not None
        rows = []
        for identity in self._service.running:
            history, target = self._service.readings.histories[identity], self._service.targets[identity]
            values = self._board.values(identity)
            rows.append(
                (
                    f"{min(len(history) + 1, target)} of {target}",
                    *(
                        _percent(getattr(history[-1], of)) if history else "–"
                        for of in ("val_accuracy", "accuracy")
                    ),
                    *(str(values.get(name, "several")) for name in self._names),
                )
            )
        return Table(("epoch", "validation", "training", *self._names), rows)

    def _curves(self) -> list[Curve]:
        assert self._board is not None
        best = {run for one in self._candidates[:1] for run in one.points[0].identities}
        curves = []
        for identity, history in self._service.readings.histories.items():
            under_way = identity in self._service.running and self._outcome is None
            kind = BEST if identity in best else NOW if under_way else OTHER
            wanted = history[: self._service.plan.trials[identity].horizon]  # the store may know more epochs
            points = [(epoch.epoch, epoch.val_accuracy) for epoch in wanted]
            curves.append(Curve(kind, self._name_of(identity), points))
        return curves

    def _name_of(self, identity: str) -> str:
        """The values of a run in words; of several seeds also the seed."""
        assert self._board is not None
        plan = self._service.plan
        seed = [f"seed {plan.trials[identity].settings.seed}"] if len(plan.seeds) > 1 else []
        return ", ".join(
            [*(f"{name} {value}" for name, value in self._board.values(identity).items()), *seed]
        )

    def _examples(self, runs: Sequence[str]) -> list[str]:
        """Some of the runs that failed for one reason, and how many more there are."""
        more = [f"and {len(runs) - EXAMPLES:,} more"] if len(runs) > EXAMPLES else []
        return [*(self._name_of(run) or run[:SHORT] for run in runs[:EXAMPLES]), *more]

    def _next_steps(self) -> list[tuple[str, str]]:
        """How to test the winner, if its network is kept, and how to train its text on all images."""
        settings = self._service.plan.settings
        folder, text = exploration_folder(self._name), "best.txt"
        options = train_options(settings)
        data = self._dataset
        train = ["train", data, f"best_of_{self._name[:56]}", (folder / text).as_posix(), *options]
        on_all = "" if settings.images is None else ", on all images,"
        test = [("Test its network:", _typed(["test", "Results", data, self._name]))] if self._is_kept else []
        return [*test, (f"Train its text{on_all} under a name of its own:", _typed(train))]


def _by_reason(failures: Mapping[str, str]) -> dict[str, list[str]]:
    """The runs that failed, by the reason."""
    runs: defaultdict[str, list[str]] = defaultdict(list)
    for run, reason in failures.items():
        runs[reason].append(run)
    return runs


def _work(service: TrialService) -> str:
    """What is trained, by what: as the command says it at its start."""
    settings = str(service.plan.settings).replace("\n", ", ")
    return f"{counted(len(service.plan.points), 'combination')}; {settings}"


def _best(candidates: Sequence[Candidate], names: Sequence[str], several: bool) -> Table:
    """The best answers as a table."""
    alike = {id(one) for one in like_best(candidates)} if several else set()
    head = (
        "place",
        "validation",
        *(("±", "like the best") if several else ()),
        "loss",
        "training",
        "epochs trained",
        "seconds",
    )
    rows = []
    for place, one in enumerate(candidates, 1):
        reading = one.reading
        spread = (_percent(reading.deviation("val_accuracy")), "yes" if id(one) in alike else "")
        rows.append(
            (
                f"{place}",
                _percent(reading.mean("val_accuracy")),
                *(spread if several else ()),
                f"{reading.mean('val_loss'):.4f}",
                _percent(reading.mean("accuracy")),
                f"{reading.trained}",
                f"{reading.seconds:.1f}",
                *(_word(one.value(name)) for name in names),
            )
        )
    return Table((*head, *names), rows)


def _influence(candidates: Sequence[Candidate], names: Sequence[str]) -> Influence | str:
    columns = {name: [_known(one.value(name)) for one in candidates] for name in names}
    runs = [" ".join(one.points[0].identities) for one in candidates]
    accuracy = [one.reading.mean("val_accuracy") for one in candidates]
    return measure_influence(accuracy, columns, networks_of(columns, len(candidates), runs))


def _known(value: Value | None) -> Value:
    """A value as a column has it: "" where the parameter does not matter."""
    return "" if value is None else value


def _percent(proportion: float) -> str:
    return f"{proportion:.2%}" if proportion == proportion else "–"


def _word(value: object) -> str:
    return "any" if value is None else str(value)


def _typed(words: Sequence[str]) -> str:
    return as_typed("python", "MNIST", *words)


def _warn(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
