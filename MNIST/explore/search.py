"""What Talos is to do in one exploration, and the trials that this takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from MNIST.explore.designs import Space
from MNIST.explore.halving import epochs_needed, refuse_schedules
from MNIST.explore.plan import Plan, Point, Value, Values, make_plan
from MNIST.language import Template
from MNIST.training import RunSettings


@dataclass(frozen=True)
class Search:
    """What Talos is to do, and the trials that this takes.

    stages: the points in Talos's form, in the order in which to ask for them. Successive halving has one
    stage for each rung; all other designs have one stage.
    halving: whether the weaker half is dropped after each stage. reducer: one of Talos's own, or None.
    """

    plan: Plan
    domains: Mapping[str, Sequence[Value]]
    stages: Sequence[Sequence[Values]]
    points: Mapping[tuple[Value, ...], Point]
    halving: bool = False
    reducer: str | None = None

    def point(self, values: Values) -> Point:
        """The plan's point for values in Talos's form."""
        return self.points[tuple(values.values())]

    @property
    def rungs(self) -> list[int]:
        """The epochs of each stage, fewest first; without halving, the most that any point asks for."""
        if not self.halving:
            return [max(point.epochs for point in self.plan.points)]
        return [self.point(stage[0]).epochs for stage in self.stages]

    @property
    def epochs(self) -> int:
        """How many epochs the search takes, at most."""
        if not self.halving:
            return self.plan.epochs_shared
        networks = len({point.identities for point in self.plan.points})
        return epochs_needed(networks, self.rungs) * len(self.plan.seeds)

    def first_stage(self) -> Iterator[Point]:
        """The points of the first stage."""
        return map(self.point, self.stages[0])


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

    design: "grid", "random" (the given fraction of the grid) or "one" (one change at a time).
    Points that cannot work are left out, and counted in the plan's `infeasible`.
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
