"""A smaller exploration than the one that is asked for: what `explore` proposes where that one is long."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf

from MNIST.errors import UsageError
from MNIST.explore.choices import check_search
from MNIST.explore.designs import Space
from MNIST.explore.forecast import Forecast
from MNIST.explore.halving import epochs_needed
from MNIST.explore.search import Search, make_search
from MNIST.language import Template
from MNIST.training import RunSettings

LEAST_TRAININGS = 10  # fewer tell little about a grid
LEAST_IMAGES = 1_000
MANY = 1024  # networks, for an estimate
STEPS = tuple(digit * 10.0**power for power in range(-6, 6) for digit in (1, 2, 5))  # round numbers


@dataclass(frozen=True)
class Asked:
    """What the user asks for, as `explore` takes it. total: how many images the dataset has to train on."""

    template: Template
    space: Space
    design: str
    fraction: float
    points: int
    halving: bool
    reducer: str | None
    seeds: Sequence[int]
    total: int


@dataclass(frozen=True)
class Smaller:
    """A smaller exploration: what changes, None for what stays; and its estimated seconds."""

    seconds: float
    halving: bool = False
    fraction: float | None = None
    points: int | None = None
    images: int | None = None


def smaller(asked: Asked, settings: RunSettings, forecast: Forecast, most: float) -> Smaller | None:
    """The smaller exploration that changes least and takes at most so many seconds.

    Halving drops no network before it has been tried, so it comes first; then a part of the grid; then fewer
    images; then both. If none is short enough, it is the shortest. None if there is no smaller one.
    """
    found: list[Smaller] = []
    for change in _changes(asked, settings, forecast.look().seconds_left, most):
        search = _search(asked, settings, change)
        if search is None:
            continue
        part = (change.images or settings.images or asked.total) / (settings.images or asked.total)
        found.append(replace(change, seconds=forecast.seconds_of(search, round(forecast.images * part))))
        if found[-1].seconds <= most:
            return found[-1]
    return min(found, key=lambda each: each.seconds, default=None)


def _changes(asked: Asked, settings: RunSettings, seconds: float, most: float) -> Iterator[Smaller]:
    """What can be changed, the smallest change first."""
    if seconds * _part_of_halving(asked) <= most:
        yield Smaller(0, halving=True)
    images = settings.images or asked.total
    counts = [count for count in map(round, _below(images * most / seconds, 3)) if count >= LEAST_IMAGES]
    yield from _parts(asked, most / seconds)
    yield from (Smaller(0, images=count) for count in counts)
    if images > LEAST_IMAGES:
        tenth = max(LEAST_IMAGES, *(round(step) for step in STEPS if step <= images / 10))
        yield from (replace(part, images=tenth) for part in _parts(asked, 10 * most / seconds))
        yield Smaller(0, images=tenth)


def _parts(asked: Asked, part: float) -> Iterator[Smaller]:
    """Fewer points: about this part of those asked for, and less, in round numbers."""
    if asked.design == "tpe":
        numbers = map(round, _below(min(part, 0.5) * asked.points, 4))
        yield from (Smaller(0, points=number) for number in numbers if number >= LEAST_TRAININGS)
    elif asked.design != "one":
        fractions = _below(min(asked.fraction * part, 0.5), 4)
        yield from (Smaller(0, fraction=fraction) for fraction in fractions)


def _part_of_halving(asked: Asked) -> float:
    """About which part of the epochs halving would train; infinity if it goes with none of the choices."""
    epochs = [axis for axis in asked.space.axes if axis.names == (asked.template.epochs_name,)]
    if not epochs or asked.halving or asked.design in ("one", "halving") or asked.reducer is not None:
        return inf
    rungs = sorted(int(value) for (value,) in epochs[0].values)
    return epochs_needed(MANY, rungs) / (MANY * rungs[-1])


def _below(value: float, count: int) -> list[float]:
    """The largest round numbers up to a value, largest first."""
    return [step for step in reversed(STEPS) if step <= value][:count]


def _search(asked: Asked, settings: RunSettings, change: Smaller) -> Search | None:
    """The search with a change; None if it cannot be done, or has too few trainings to tell much."""
    design, halving = asked.design, asked.halving or change.halving
    if change.fraction is not None and design == "grid":
        design = "random"
    fraction, points = change.fraction or asked.fraction, change.points or asked.points
    with suppress(UsageError):
        check_search(
            asked.template,
            asked.space,
            design,
            fraction,
            asked.reducer,
            len(asked.seeds),
            halving=halving,
            points=points,
        )
        search = make_search(
            asked.space,
            asked.template,
            replace(settings, images=change.images or settings.images),
            design=design,
            fraction=fraction,
            seeds=asked.seeds,
            halving=halving,
            reducer=asked.reducer,
            points=points,
        )
        if change.fraction is None or len(search.plan.trials) >= LEAST_TRAININGS * len(asked.seeds):
            return search
    return None
