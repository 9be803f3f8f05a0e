"""What an exploration asks, and the trials that answer it. Nothing is trained here.

Points whose networks have one identity are one trial, and a trial of 5 epochs is the exact prefix of
one of 15: so each trial is trained once, to the most epochs that any of its points asks for. Where the
schedule goes by the number of epochs they have no identity in common, and each is a trial of its own.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from MNIST.language import ModelSpec, Network, SpecError, Template, lay_out, simplify
from MNIST.training import EpochResult, RunSettings, is_over, keeps_best, run_identities

Value = int | float | str
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Point:
    """One combination of the grid: its values, the network that they make, the trials that answer it.

    identities: of its trials, one for each seed, in the order of the seeds.
    """

    values: Values
    spec: ModelSpec
    identities: tuple[str, ...]

    @property
    def epochs(self) -> int:
        return self.spec.epochs


@dataclass(frozen=True)
class Trial:
    """One training: all points with this identity read it, the longest of them to its end.

    spec: that of the longest point.
    """

    identity: str
    spec: ModelSpec
    settings: RunSettings

    @property
    def horizon(self) -> int:
        """The most epochs that any point asks for."""
        return self.spec.epochs


@dataclass(frozen=True)
class Plan:
    """All of an exploration, before it begins.

    points: in the order in which they will be asked.
    trials: by identity, in the order of their first question.
    infeasible: why points were left out, with how many for each reason.
    seeds: under which each point is trained.
    """

    points: list[Point]
    trials: dict[str, Trial]
    infeasible: Counter[str]
    seeds: tuple[int, ...]

    @property
    def epochs_asked(self) -> int:
        """Epochs that training every point by itself would take, at the most where there is a `Stop:`."""
        return sum(point.epochs for point in self.points) * len(self.seeds)

    @property
    def epochs_shared(self) -> int:
        """Epochs that the trials take, at the most where there is a `Stop:`."""
        return sum(trial.horizon for trial in self.trials.values())

    @property
    def may_stop(self) -> bool:
        """Whether a trial may end before it has its epochs."""
        return any(trial.spec.stop for trial in self.trials.values())

    @property
    def settings(self) -> RunSettings:
        """Those of all trials, but for the seed."""
        return next(iter(self.trials.values())).settings

    @property
    def checkpoint_bytes(self) -> int:
        """About what checkpoints take on the disk: a weight and, with Adam, two means, 4 or 8 bytes each.

        And, where it is kept, the weight of the best epoch.
        """
        size = 8 if self.settings.precision == "float64" else 4
        return sum(
            (3 + keeps_best(trial.spec.stop)) * size * self.network(trial).parameters
            for trial in self.trials.values()
        )

    def network(self, trial: Trial) -> Network:
        """The trial's network, laid out: its shapes, parameters and cost. Equal layers are laid out once."""
        key = trial.spec.input, trial.spec.layers
        if key not in self._networks:
            self._networks[key] = lay_out(trial.spec)
        return replace(self._networks[key], spec=simplify(trial.spec))

    @cached_property
    def _networks(self) -> dict[object, Network]:
        return {}


def make_plan(
    grid: Iterable[Values], template: Template, settings: RunSettings, seeds: Sequence[int] | None = None
) -> Plan:
    """Fill the template at every point of the grid and find the distinct trials among them.

    seeds: under which to train each point; the settings' own unless given.
    Points that make no network (layers that do not fit together) are left out, and counted.
    """
    each_seed = [replace(settings, seed=seed) for seed in seeds or (settings.seed,)]
    points: list[Point] = []
    trials: dict[str, Trial] = {}
    infeasible: Counter[str] = Counter()
    for values in grid:
        try:
            spec = template.fill({name: str(value) for name, value in values.items()})
        except SpecError as error:
            infeasible[str(error)] += 1
            continue
        identities = run_identities(spec, each_seed)
        points.append(Point(values, spec, identities))
        for identity, of_seed in zip(identities, each_seed, strict=True):
            if identity not in trials or trials[identity].horizon < spec.epochs:
                trials[identity] = Trial(identity, spec, of_seed)  # keeps its place in the order
    return Plan(points, trials, infeasible, tuple(settings.seed for settings in each_seed))


def epochs_left(trial: Trial, history: Sequence[EpochResult], epochs: int) -> int:
    """How many of so many epochs a trial with this history lacks, at the most; none if it is over."""
    return 0 if is_over(trial.spec.stop, history) else max(0, epochs - len(history))
