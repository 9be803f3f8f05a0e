"""The points of an exploration, and the trials that answer them. Nothing is trained here.

Points whose networks have the same identity share one trial. A trial of 5 epochs is exactly the beginning
of one of 15, so each trial is trained once, to the most epochs that any of its points asks for. If the
schedule depends on the number of epochs, points that differ in it have different identities, and each has
a trial of its own.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    """The points of an exploration, and the trials that answer them. It grows as points are proposed.

    template: is filled at each point. each_seed: the settings of all trials, once for each seed.
    placeholders: gives the value of each placeholder at a point in Talos's form.
    points: in the order in which Talos will ask for them.
    trials: by identity, in the order in which points first need them.
    infeasible: the reasons why points were left out, and the number of points for each.
    """

    template: Template
    each_seed: tuple[RunSettings, ...]
    placeholders: Callable[[Values], Values] = dict
    points: list[Point] = field(default_factory=list)
    trials: dict[str, Trial] = field(default_factory=dict)
    infeasible: Counter[str] = field(default_factory=Counter)
    _by_values: dict[tuple[Value, ...], Point | None] = field(default_factory=dict, repr=False)

    def add(self, asked: Values) -> Point | None:
        """The point with these values, in Talos's form; its trials are noted if it is new.

        Returns None if its layers do not fit together: such a point is left out, and counted.
        """
        key = tuple(asked.values())
        if key not in self._by_values:
            self._by_values[key] = self._added(asked)
        return self._by_values[key]

    def point(self, asked: Values) -> Point:
        """The point with these values, which was added before."""
        point = self._by_values[tuple(asked.values())]
        assert point is not None, "a point that was left out is never asked for"
        return point

    def _added(self, asked: Values) -> Point | None:
        values = self.placeholders(asked)
        try:
            spec = self.template.fill_point(values)
        except SpecError as error:
            self.infeasible[str(error)] += 1
            return None
        point = Point(values, asked, spec, run_identities(spec, self.each_seed))
        self.points.append(point)
        for identity, settings in zip(point.identities, self.each_seed, strict=True):
            if identity not in self.trials or self.trials[identity].horizon < spec.epochs:
                self.trials[identity] = Trial(identity, spec, settings)  # keeps its place in the order
        return point

    @property
    def seeds(self) -> tuple[int, ...]:
        """Each point is trained under all of them."""
        return tuple(settings.seed for settings in self.each_seed)

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
        return self.each_seed[0]

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
    each_seed = tuple(replace(settings, seed=seed) for seed in seeds or (settings.seed,))
    plan = Plan(template, each_seed, placeholders)
    for asked in grid:
        plan.add(asked)
    return plan


def epochs_left(trial: Trial, history: Sequence[EpochResult], epochs: int) -> int:
    """How many epochs a trial with this history still needs to reach `epochs`, at most; 0 if it is over."""
    return 0 if is_over(trial.spec.stop, history) else max(0, epochs - len(history))
