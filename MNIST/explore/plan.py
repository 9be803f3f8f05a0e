"""The points of an exploration, and the trials that answer them. Nothing is trained here.

Points whose networks have the same identity share one trial. A trial of 5 epochs is exactly the beginning
of one of 15, so each trial is trained once, to the most epochs that any of its points asks for. If the
schedule depends on the number of epochs, points that differ in it have different identities, and each has
a trial of its own.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from MNIST.language import ModelSpec, Network, SpecError, Template, lay_out, simplify
from MNIST.training import EpochResult, RunSettings, is_over, keeps_best, run_identities

Value = int | float | str
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Point:
    """One combination of values: the values, the network that they make, the trials that answer it.

    values: one for each placeholder. asked: the same in Talos's form, where placeholders that change together
    are one parameter.
    identities: those of its trials, one for each seed, in the order of the seeds.
    """

    values: Values
    asked: Values
    spec: ModelSpec
    identities: tuple[str, ...]

    @property
    def epochs(self) -> int:
        return self.spec.epochs


@dataclass(frozen=True)
class Trial:
    """One training. All points with this identity read their results from it.

    spec: that of the point with the most epochs.
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

    points: in the order in which Talos will ask for them.
    trials: by identity, in the order in which points first need them.
    infeasible: the reasons why points were left out, and the number of points for each.
    seeds: each point is trained under all of them.
    """

    points: list[Point]
    trials: dict[str, Trial]
    infeasible: Counter[str]
    seeds: tuple[int, ...]

    @property
    def epochs_asked(self) -> int:
        """Epochs that training every point by itself would take; with a `Stop:`, at most."""
        return sum(point.epochs for point in self.points) * len(self.seeds)

    @property
    def epochs_shared(self) -> int:
        """Epochs that the trials take; with a `Stop:`, at most."""
        return sum(trial.horizon for trial in self.trials.values())

    @property
    def may_stop(self) -> bool:
        """Whether a `Stop:` may end a trial early."""
        return any(trial.spec.stop for trial in self.trials.values())

    @property
    def settings(self) -> RunSettings:
        """The settings of all trials; only the seed differs between trials."""
        return next(iter(self.trials.values())).settings

    @property
    def checkpoint_bytes(self) -> int:
        """About how many bytes the checkpoints take on the disk.

        For each parameter they hold the weight, Adam's two means and, if `Stop:` keeps the best epoch, that
        epoch's weight: 4 or 8 bytes each.
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
    grid: Iterable[Values],
    template: Template,
    settings: RunSettings,
    seeds: Sequence[int] | None = None,
    placeholders: Callable[[Values], Values] = dict,
) -> Plan:
    """Fill the template at every point of the grid and find the distinct trials among them.

    grid: the points in Talos's form. placeholders: gives the value of each placeholder at such a point.
    seeds: each point is trained under all of them; the default is the seed of the settings.
    Points whose layers do not fit together are left out, and counted.
    """
    each_seed = [replace(settings, seed=seed) for seed in seeds or (settings.seed,)]
    points: list[Point] = []
    trials: dict[str, Trial] = {}
    infeasible: Counter[str] = Counter()
    for asked in grid:
        values = placeholders(asked)
        try:
            spec = template.fill({name: str(value) for name, value in values.items()})
        except SpecError as error:
            infeasible[str(error)] += 1
            continue
        identities = run_identities(spec, each_seed)
        points.append(Point(values, asked, spec, identities))
        for identity, of_seed in zip(identities, each_seed, strict=True):
            if identity not in trials or trials[identity].horizon < spec.epochs:
                trials[identity] = Trial(identity, spec, of_seed)  # keeps its place in the order
    return Plan(points, trials, infeasible, tuple(settings.seed for settings in each_seed))


def epochs_left(trial: Trial, history: Sequence[EpochResult], epochs: int) -> int:
    """How many epochs a trial with this history still needs to reach `epochs`, at most; 0 if it is over."""
    return 0 if is_over(trial.spec.stop, history) else max(0, epochs - len(history))
