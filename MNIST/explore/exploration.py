"""One exploration, from its plan to its results: Talos asks, the trial service answers."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from MNIST.explore.designs import Space
from MNIST.explore.halving import epochs_needed, refuse_schedules, weaker_half
from MNIST.explore.plan import Plan, Point, Value, Values, make_plan
from MNIST.explore.ranking import METRICS, Candidate, ranked
from MNIST.explore.results import ResultsFile, best_text
from MNIST.explore.scan import Keep, scan
from MNIST.explore.trials import TimeIsUp, TrialService
from MNIST.explore.workers import worker
from MNIST.explore.workers.protocol import Event, Executor
from MNIST.files import write_atomically
from MNIST.language import Template
from MNIST.training import RunSettings


@dataclass(frozen=True)
class Search:
    """What Talos is to do, and the trials that it takes.

    stages: points as Talos knows them, in the order to ask them; under successive halving a stage a rung.
    halving: whether the weaker half is dropped after each stage. reducer: one of Talos's own, or None.
    """

    plan: Plan
    domains: Mapping[str, Sequence[Value]]
    stages: Sequence[Sequence[Values]]
    points: Mapping[tuple[Value, ...], Point]
    halving: bool = False
    reducer: str | None = None

    def point(self, values: Values) -> Point:
        """The plan's point of values as Talos knows them."""
        return self.points[tuple(values.values())]

    @property
    def rungs(self) -> list[int]:
        """The epochs of each stage, fewest first; of a search without halving the most that it asks for."""
        if not self.halving:
            return [max(point.epochs for point in self.plan.points)]
        return [self.point(stage[0]).epochs for stage in self.stages]

    @property
    def epochs(self) -> int:
        """The most epochs that all of it takes."""
        if not self.halving:
            return self.plan.epochs_shared
        networks = len({point.identities for point in self.plan.points})
        return epochs_needed(networks, self.rungs) * len(self.plan.seeds)

    def first_stage(self) -> Iterator[Point]:
        """The points that are asked first."""
        return map(self.point, self.stages[0])


@dataclass(frozen=True)
class Outcome:
    """What is known at the end: the distinct answers, best first; whether the time was up before all."""

    candidates: list[Candidate]
    time_is_up: bool


def make_search(
    space: Space,
    template: Template,
    settings: RunSettings,
    *,
    design: str = "grid",
    fraction: float = 1,
    seeds: Sequence[int] | None = None,
    halving: bool = False,
    reducer: str | None = None,
) -> Search:
    """Lay out all points that a design asks for, and the distinct trials among them.

    design: "grid", "random" (the fraction of the grid that is asked for) or "one" (change at a time).
    Points that cannot work are counted in the plan's `infeasible`, and are not asked.
    """
    if halving:
        assert template.epochs_name is not None, "halving has rungs"
        stages = space.rungs(template.epochs_name, fraction, settings.seed)
    else:
        one = design == "one"
        stages = [space.one_at_a_time() if one else space.grid(fraction, settings.seed)]
    asked = [values for stage in stages for values in stage]
    plan = make_plan(map(space.placeholders, asked), template, settings, seeds)
    if halving:
        refuse_schedules(point.spec for point in plan.points)
    feasible = {tuple(point.values.values()): point for point in plan.points}
    found = ((values, feasible.get(tuple(space.placeholders(values).values()))) for values in asked)
    points = {tuple(values.values()): point for values, point in found if point is not None}
    feasible_only = ([values for values in stage if tuple(values.values()) in points] for stage in stages)
    stages = [stage for stage in feasible_only if stage]
    return Search(plan, space.domains, stages, points, halving, reducer)


def explore(
    search: Search, service: TrialService, folder: Path, show: Callable[[Event | None], None]
) -> Outcome:
    """Let Talos ask until all is answered, or the time is up.

    Writes results.csv and best.txt in `folder`, now and then and at the end, however it ends. The folder's
    lock is held. show: called with what happens. Raises KeyboardInterrupt on Ctrl-C.
    """
    asked: list[Point] = []
    # A reducer decides what is asked: what ran ahead in vain must not show in the table.
    results = ResultsFile(
        folder / "results.csv", service, asked if search.halving or search.reducer else search.plan.points
    )
    dropped: set[tuple[str, ...]] = set()

    def on_event(event: Event | None) -> None:
        show(event)
        results.write_if_due()

    def answer(values: Values) -> dict[str, float]:
        point = search.point(values)
        reading = service.answer(point, on_event)
        asked.append(point)
        on_event(None)
        return {name: reading.mean(name) if reading.epochs else float("nan") for name in METRICS}

    def keep_after_stage() -> Keep:
        weaker = weaker_half((point for point in asked if point.epochs == asked[-1].epochs), service)
        service.drop((identity for identities in weaker for identity in identities), asked[-1].epochs)
        dropped.update(weaker)
        return lambda values: search.point(values).identities not in dropped

    log = folder / "talos"
    shutil.rmtree(log, ignore_errors=True)  # of an earlier start; the store is what remembers
    time_is_up = False
    try:
        scan(
            search.stages,
            search.domains,
            answer,
            folder.name,
            log,
            reducer=search.reducer,
            seed=search.plan.seeds[0],
            keep_after_stage=keep_after_stage if search.halving else None,
            on_pending=lambda pending: service.expect(map(search.point, pending)),
        )
    except TimeIsUp:
        time_is_up = True
    finally:
        candidates = _write_results(results, service, folder)
    service.stop_all()
    return Outcome(candidates, time_is_up)


def train_winner(
    outcome: Outcome, service: TrialService, executor: Executor, folder: Path, command: Sequence[str]
) -> Iterator[dict[str, bytes]]:
    """The files of the winner's network under the first seed; a worker may be making them at once.

    It goes on from its checkpoint, or is trained again: to the same numbers, bit for bit.
    """
    point = outcome.candidates[0].points[0]
    trial = service.plan.trials[point.identities[0]]
    text = (folder / "best.txt").read_text(encoding="utf-8")
    checkpoint = service.checkpoint(trial.identity)
    words = point.spec, trial.settings, checkpoint, text, list(command)
    return executor.map(worker.network_files, [words])


def _write_results(results: ResultsFile, service: TrialService, folder: Path) -> list[Candidate]:
    results.write()
    candidates = ranked(service, results.points)
    if candidates:
        write_atomically(folder / "best.txt", best_text(candidates, folder.name, service), alone=True)
    else:
        (folder / "best.txt").unlink(missing_ok=True)  # an earlier exploration's, under the same name
    return candidates
