"""The main loop of an exploration: Talos asks, the trial service answers, the results are written."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from MNIST.explore.halving import weaker_half
from MNIST.explore.plan import Point, Values
from MNIST.explore.ranking import METRICS, Candidate, ranked
from MNIST.explore.readings import Readings
from MNIST.explore.results import ResultsFile, best_text
from MNIST.explore.scan import Keep, scan
from MNIST.explore.search import Search
from MNIST.explore.trials import TimeIsUp, TrialService
from MNIST.explore.workers import worker
from MNIST.explore.workers.protocol import Event, Executor
from MNIST.files import write_atomically
from MNIST.training import newest_epoch, parse_history


@dataclass(frozen=True)
class Outcome:
    """What is known at the end: the distinct answers, best first; whether the time limit came too early.

    failures: why trials failed, by identity.
    """

    candidates: list[Candidate]
    time_is_up: bool
    failures: Mapping[str, str] = field(default_factory=dict)


def ask_all(
    search: Search, service: TrialService, folder: Path, show: Callable[[Event | None], None]
) -> Outcome:
    """Let Talos ask until all points are answered or the time is up.

    Writes results.csv in `folder` now and then, and at the end results.csv and best.txt, even after an error.
    The caller holds the folder's lock. show: called with each event, and with None while nothing happens.
    Raises KeyboardInterrupt on Ctrl-C.
    """
    asked = service.asked
    results = ResultsFile(folder / "results.csv", service.readings, search.counted(asked))
    is_dropping = search.halving and search.proposals is None  # proposals drop networks themselves
    dropped: set[tuple[str, ...]] = set()

    def on_event(event: Event | None) -> None:
        show(event)
        results.write_if_due()

    def answer(values: Values) -> dict[str, float]:
        point = search.plan.point(values)
        reading = service.answer(point, on_event)
        on_event(None)
        return {name: reading.mean(name) if reading.epochs else float("nan") for name in METRICS}

    def keep_after_stage() -> Keep | None:
        if asked[-1].epochs == search.rungs[-1]:
            return None
        weaker = weaker_half((point for point in asked if point.epochs == asked[-1].epochs), service.readings)
        service.drop((identity for identities in weaker for identity in identities), asked[-1].epochs)
        dropped.update(weaker)
        return lambda values: search.plan.point(values).identities not in dropped

    stages: Iterable[Sequence[Point]] = search.stages
    if search.proposals is not None:
        stages = search.proposals.stages(service.readings, service.drop)
    log = folder / "talos"
    shutil.rmtree(log, ignore_errors=True)  # of an earlier start; the store has the results
    time_is_up = False
    try:
        scan(
            ([point.asked for point in stage] for stage in stages),
            search.domains,
            answer,
            folder.name,
            log,
            reducer=search.reducer,
            seed=search.plan.seeds[0],
            keep_after_stage=keep_after_stage if is_dropping else None,
            on_pending=lambda pending: service.expect(map(search.plan.point, pending)),
        )
    except TimeIsUp:
        time_is_up = True
    finally:
        candidates = _write_results(results, service.readings, folder)
    service.stop_all()
    return Outcome(candidates, time_is_up, service.readings.failed(results.points))


def is_at_hand(outcome: Outcome, service: TrialService) -> bool:
    """Whether the winner's network is in a checkpoint, so that no epoch has to be trained for it."""
    point = outcome.candidates[0].points[0]
    first = point.identities[0]  # the seed whose network is kept
    trained = min(len(service.readings.histories[first]), point.epochs)
    return newest_epoch(service.checkpoint(first)) == trained


def train_winner(
    outcome: Outcome, service: TrialService, executor: Executor, folder: Path, command: Sequence[str]
) -> Iterator[dict[str, bytes]]:
    """The files of the winner's network under the first seed; a worker may start on them at once.

    The worker continues from the trial's checkpoint or trains it again; both give the same numbers, bit
    for bit.
    """
    point = outcome.candidates[0].points[0]
    trial = service.plan.trials[point.identities[0]]
    text = (folder / "best.txt").read_text(encoding="utf-8")
    checkpoint = service.checkpoint(trial.identity)
    words = point.spec, trial.settings, checkpoint, text, list(command), f"{folder.name}/best"
    return executor.map(worker.network_files, [words])


def compare_winner(outcome: Outcome, service: TrialService, files: Mapping[str, bytes]) -> None:
    """Raise StoreError if the winner's network, trained again, has other numbers than its trial."""
    identity = outcome.candidates[0].points[0].identities[0]
    for epoch in parse_history(files["history.csv"].decode()):
        service.readings.compare(identity, epoch)


def _write_results(results: ResultsFile, readings: Readings, folder: Path) -> list[Candidate]:
    results.write()
    candidates = ranked(readings, results.points)
    if candidates:
        write_atomically(folder / "best.txt", best_text(candidates, folder.name, readings), alone=True)
    else:
        (folder / "best.txt").unlink(missing_ok=True)  # left by an earlier exploration of the same name
    return candidates
