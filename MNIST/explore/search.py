"""What Talos is to do in one exploration, and the trials that this takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from MNIST.explore.designs import Space
from MNIST.explore.halving import OpenRung, epochs_needed, refuse_schedules, work_left
from MNIST.explore.plan import Plan, Point, Value, make_plan
from MNIST.explore.proposals import POINTS, Proposals
from MNIST.explore.readings import Readings
from MNIST.language import Template
from MNIST.training import RunSettings

MANY = 1024  # networks, for the mean of how long each is trained under halving


@dataclass(frozen=True)
class Search:
    """What Talos is to do, and the trials that this takes.

    stages: the points in the order in which to ask for them. Successive halving has one
    stage for each rung; all other designs have one stage.
    halving: whether the weaker half is dropped after each stage. reducer: one of Talos's own, or None.
    proposals: what proposes the later stages, from the answers; None if all points are known from the start.
    """

    plan: Plan
    domains: Mapping[str, Sequence[Value]]
    stages: Sequence[Sequence[Point]]
    halving: bool = False
    reducer: str | None = None
    proposals: Proposals | None = None

    @property
    def rungs(self) -> Sequence[int]:
        """The epochs of each stage, fewest first; without halving, the most that any point asks for."""
        if self.proposals is None:
            return self._known_rungs
        return self.proposals.rungs or [max(point.epochs for point in self.plan.points)]

    @property
    def epochs(self) -> int:
        """How many epochs the search takes, at most; about, if there are proposals."""
        if self.proposals is None:
            return self._known_epochs
        known = self.plan.epochs_shared + round(self.epochs_to_come)
        if not self.proposals.rungs:
            return known
        return max(known, epochs_needed(self.networks, self.rungs) * len(self.plan.seeds))

    @cached_property
    def _known_rungs(self) -> Sequence[int]:
        if self.halving:
            return [stage[0].epochs for stage in self.stages]
        return [max(point.epochs for point in self.plan.points)]

    @cached_property
    def _known_epochs(self) -> int:
        if self.halving:
            return epochs_needed(self.networks, self.rungs) * len(self.plan.seeds)
        return self.plan.epochs_shared

    @property
    def trainings(self) -> int | None:
        """How many trainings there are, or will be at most; None under halving, where most stop early."""
        if self.halving:
            return None
        return len(self.plan.trials) + self.trainings_to_come

    @property
    def trainings_to_come(self) -> int:
        """How many trainings are to be proposed, at most."""
        return 0 if self.proposals is None else self.proposals.left * len(self.plan.seeds)

    @property
    def networks(self) -> int:
        """How many distinct networks there are, or will be at most."""
        if self.proposals is not None:
            return self.proposals.networks
        return len({point.identities for point in self.plan.points})

    @property
    def checkpoint_bytes(self) -> int:
        """About how many bytes the checkpoints take on the disk, those of networks to come too."""
        known = len({point.identities for point in self.plan.points})
        return self.plan.checkpoint_bytes * self.networks // max(1, known)

    def counted(self, asked: Sequence[Point]) -> Sequence[Point]:
        """The points whose answers count. asked: those that Talos has asked for so far.

        With a reducer or halving, what is known of points that are never asked for must not show: of trials
        that ran ahead in vain, or of an earlier exploration.
        """
        is_dropping = self.halving and self.proposals is None  # proposals drop networks themselves
        return asked if is_dropping or self.reducer else self.plan.points

    def open_rung(self, readings: Readings) -> OpenRung | None:
        """The rung that is under way; None without halving, or if the networks are proposed as it goes on."""
        return OpenRung(self.stages, readings) if self.halving and self.proposals is None else None

    def epochs_left(self, readings: Readings) -> dict[str, float]:
        """How many epochs each of the trials that are known is expected to need."""
        if rung := self.open_rung(readings):
            work = work_left(rung.targets(), self.rungs, readings)
            return {identity: epochs for identity, (epochs, _) in work.items()}
        part = (self.epochs - self.epochs_to_come) / self.plan.epochs_shared  # halving drops the rest
        return {
            identity: part * readings.epochs_left(identity, trial.horizon)
            for identity, trial in self.plan.trials.items()
            if identity not in readings.failures
        }

    @property
    def epochs_to_come(self) -> float:
        """About how many epochs the networks that are still to be proposed will take."""
        if self.proposals is None:
            return 0.0
        if self.proposals.rungs:
            each = epochs_needed(MANY, self.proposals.rungs) / MANY
        else:
            each = fmean(point.epochs for point in self.plan.points)
        return self.trainings_to_come * each


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
    points: int = POINTS,
) -> Search:
    """Lay out all points that a design asks for, and the distinct trials among them.

    design: "grid", "random" (the given fraction of the grid), "one" (one change at a time) or "tpe", of which
    the first points are known. points: how many networks "tpe" proposes.
    Points that cannot work are left out, and counted in the plan's `infeasible`.
    """
    if design == "tpe":
        return _proposing(
            space, make_plan([], template, settings, seeds, space.placeholders), halving, points
        )
    if halving:
        assert template.epochs_name is not None, "halving has rungs"
        stages = space.rungs(template.epochs_name, fraction, settings.seed)
    else:
        one = design == "one"
        stages = [space.one_at_a_time() if one else space.grid(fraction, settings.seed)]
    asked = [values for stage in stages for values in stage]
    plan = make_plan(asked, template, settings, seeds, space.placeholders)
    if halving:
        refuse_schedules(point.spec for point in plan.points)
    feasible = ([point for values in stage if (point := plan.add(values))] for stage in stages)
    return Search(plan, space.domains, [stage for stage in feasible if stage], halving, reducer)


def _proposing(space: Space, plan: Plan, halving: bool, points: int) -> Search:
    """The search whose points are proposed as it goes on."""
    name = plan.template.epochs_name
    rungs = sorted(int(epochs) for epochs in space.domains[str(name)]) if halving else []
    proposals = Proposals(plan, space, plan.settings.seed, points, rungs=rungs, epochs_name=name)
    if halving:
        refuse_schedules(point.spec for point in plan.points)
    return Search(plan, space.domains, [proposals.first], halving, proposals=proposals)
