"""What Talos is to do in one exploration, and the trials that this takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from MNIST.explore.designs import Space
from MNIST.explore.halving import epochs_needed, refuse_schedules
from MNIST.explore.plan import Plan, Point, Value, Values, make_plan
from MNIST.language import Template
from MNIST.training import RunSettings


@dataclass(frozen=True)
class Search:
    """What Talos is to do, and the trials that this takes.

    stages: the points in the order in which to ask for them. Successive halving has one
    stage for each rung; all other designs have one stage.
    halving: whether the weaker half is dropped after each stage. reducer: one of Talos's own, or None.
    """

    plan: Plan
    domains: Mapping[str, Sequence[Value]]
    stages: Sequence[Sequence[Point]]
    halving: bool = False
    reducer: str | None = None

    def point(self, values: Values) -> Point:
        """The plan's point for values in Talos's form."""
        return self._by_values[tuple(values.values())]

    @property
    def rungs(self) -> list[int]:
        """The epochs of each stage, fewest first; without halving, the most that any point asks for."""
        if not self.halving:
            return [max(point.epochs for point in self.plan.points)]
        return [stage[0].epochs for stage in self.stages]

    @property
    def epochs(self) -> int:
        """How many epochs the search takes, at most."""
        if not self.halving:
            return self.plan.epochs_shared
        networks = len({point.identities for point in self.plan.points})
        return epochs_needed(networks, self.rungs) * len(self.plan.seeds)

    @cached_property
    def _by_values(self) -> dict[tuple[Value, ...], Point]:
        return {tuple(point.asked.values()): point for point in self.plan.points}


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
    plan = make_plan(asked, template, settings, seeds, space.placeholders)
    if halving:
        refuse_schedules(point.spec for point in plan.points)
    points = {tuple(point.asked.values()): point for point in plan.points}
    feasible = (
        [points[key] for values in stage if (key := tuple(values.values())) in points] for stage in stages
    )
    return Search(plan, space.domains, [stage for stage in feasible if stage], halving, reducer)
