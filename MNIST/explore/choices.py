"""Which choices of an exploration go together, and which engine trains a template by default."""

import sys
from collections.abc import Iterator
from contextlib import suppress

from MNIST import engines
from MNIST.errors import UsageError, quoted
from MNIST.explore.designs import Space
from MNIST.explore.halving import refuse_schedules
from MNIST.explore.proposals import POINTS, check_installed
from MNIST.language import ModelSpec, SpecError, Template
from MNIST.training import RunSettings

DESIGNS = ("grid", "random", "one", "halving", "tpe")
MOST_POINTS = 1_000_000
MOST_PROPOSED = 10_000  # networks: TPE compares each proposal with all answers


def chosen_engine(wanted: str | None, template: Template, space: Space) -> str:
    """The engine that trains all points: the wanted one, or the default for the first network that works."""
    spec = next(_networks(template, space), None)
    return engines.choose(spec, wanted) if spec else wanted or engines.DEFAULT


def train_options(settings: RunSettings) -> list[str]:
    """The options that give `train` these settings; those that it has without options are left out."""
    engine = engines.name_of(settings.engine)
    given = {
        "--split": (str(settings.split), "0.9"),
        "--seed": (str(settings.seed), "0"),
        "--engine": (engine, engines.DEFAULT),
        "--precision": (settings.precision, engines.resolve_precision(engine, "auto")),
    }
    return [word for name, (value, usual) in given.items() if value != usual for word in (name, value)]


def check_search(
    template: Template,
    space: Space,
    design: str,
    fraction: float,
    reducer: str | None,
    seeds: int,
    *,
    halving: bool = False,
    points: int = POINTS,
) -> None:
    """Raise UsageError if choices do not go together, or if they leave no point or too many points.

    design, fraction, reducer, halving, points: as `explore` takes them. seeds: how many.
    """
    if design not in DESIGNS:
        raise UsageError(f"design: expected one of {', '.join(DESIGNS)}, found {quoted(design)}")
    if seeds < 1 or not 0 < fraction <= 1:
        raise UsageError(f"expected a seed and a fraction above 0, up to 1, found {seeds} and {fraction:g}")
    one, halving = design == "one", halving or design == "halving"
    if one and (fraction < 1 or reducer or halving):
        raise UsageError("--design one asks every change once: no --fraction, --halving or --reduce")
    rungs = _rungs(template, space) if halving else 1
    if halving and reducer:
        raise UsageError("--halving and --reduce do not go together")
    if halving:
        refuse_schedules(_networks(template, space))
    if design == "tpe":
        _check_tpe(fraction, reducer, points)
        return
    for axis in space.ranges:
        raise UsageError(
            f"{axis} is a range, with more values than a grid can have: --design tpe chooses among them, or"
            " write out those to try"
        )
    size = len(space.one_at_a_time()) if one else space.size
    if size > sys.maxsize:
        raise UsageError(f"a grid of more than {sys.maxsize:,} points: even a part of it cannot be drawn")
    asked = int(size // rungs * fraction) * rungs * seeds
    if asked < 1:
        raise UsageError(f"--fraction {fraction:g} of a grid of {size:,} points leaves none")
    if asked > MOST_POINTS:
        raise UsageError(
            f"a grid of {size:,} points, {asked:,} trainings of them asked for: at most {MOST_POINTS:,} can"
            " be explored; --fraction takes a part"
        )


def _check_tpe(fraction: float, reducer: str | None, points: int) -> None:
    """Raise UsageError if TPE cannot propose what is asked for."""
    if fraction < 1 or reducer:
        raise UsageError("--design tpe proposes --points N networks: no --fraction or --reduce")
    if not 1 <= points <= MOST_PROPOSED:
        raise UsageError(f"--design tpe proposes from 1 to {MOST_PROPOSED:,} networks, not {points:,}")
    check_installed()


def _networks(template: Template, space: Space) -> Iterator[ModelSpec]:
    """The networks of the baseline and of each single change to it; those that do not work are skipped."""
    for point in map(space.placeholders, space.one_at_a_time()):
        with suppress(SpecError):  # its layers do not fit together
            yield template.fill_point(point)


def _rungs(template: Template, space: Space) -> int:
    """How many rungs the halving has: one for each value of the epochs' axis.

    Raises UsageError if the epochs are not an axis of their own with two or more values.
    """
    name = template.epochs_name
    if name is None:
        raise UsageError(f"--halving needs rungs: write epochs={{epochs}} in {template.source}")
    epochs = next((axis for axis in space.axes if axis.names == (name,)), None)
    if epochs is None or len(epochs.values) < 2 or epochs.is_range:
        raise UsageError(f"--halving needs several numbers of epochs, its rungs, as in --set {name}=1,2,4,8")
    return len(epochs.values)
