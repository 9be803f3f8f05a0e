"""What an exploration asks, and the runs that answer it. Nothing is trained here.

Points whose networks have one identity are one run, and a run of 5 epochs is the exact prefix of
one of 15: so each run is trained once, to the most epochs that any of its points asks for.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from MNIST.spec import ModelSpec, SpecError, Template, lay_out
from MNIST.training import RunSettings, run_identity

Value = int | float | str
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Point:
    """One point of the grid: its values, the network that they make, the run that answers it."""

    values: Values
    spec: ModelSpec
    run: str

    @property
    def epochs(self) -> int:
        return self.spec.epochs


@dataclass(frozen=True)
class Run:
    """One training: all points with this identity read it, the longest of them to its end.

    spec: that of the longest point.
    """

    identity: str
    spec: ModelSpec

    @property
    def horizon(self) -> int:
        """The epochs to train: the most that any point asks for."""
        return self.spec.epochs


@dataclass(frozen=True)
class Plan:
    """All of an exploration, before it begins.

    points: in the order in which they will be asked.
    runs: by identity, in the order of their first question, which is the order to train them in.
    infeasible: why points were left out, with how many for each reason.
    """

    points: list[Point]
    runs: dict[str, Run]
    infeasible: Counter[str]

    @property
    def epochs_asked(self) -> int:
        """Epochs that training every point by itself would take."""
        return sum(point.epochs for point in self.points)

    @property
    def epochs_shared(self) -> int:
        """Epochs that the runs take."""
        return sum(run.horizon for run in self.runs.values())

    @property
    def checkpoint_bytes(self) -> int:
        """About what checkpoints take on the disk: a weight and, with Adam, two means, 4 bytes each."""
        return sum(12 * lay_out(run.spec).parameters for run in self.runs.values())


def make_plan(grid: Iterable[Values], template: Template, settings: RunSettings) -> Plan:
    """Fill the template at every point of the grid and find the distinct runs among them."""
    points: list[Point] = []
    runs: dict[str, Run] = {}
    infeasible: Counter[str] = Counter()
    for values in grid:
        try:
            spec = template.fill({name: str(value) for name, value in values.items()})
        except SpecError as error:
            infeasible[str(error)] += 1
            continue
        point = Point(values, spec, run_identity(spec, settings))
        points.append(point)
        if point.run not in runs or runs[point.run].horizon < point.epochs:
            runs[point.run] = Run(point.run, spec)  # keeps its place in the order
    return Plan(points, runs, infeasible)
