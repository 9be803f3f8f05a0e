"""What `explore` is asked for: from the options, all strings, to checked wishes. Nothing is begun here."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from MNIST.commands import values
from MNIST.commands.values import (
    MOST_IMAGES,
    MOST_THREADS,
    duration,
    one_of,
    optional_whole_number,
    proportion,
    whole_number,
)
from MNIST.errors import UsageError
from MNIST.language import (
    Axis,
    ModelSpec,
    SpecError,
    Template,
    parse_axis,
    parse_template,
    read_text,
    read_values,
)
from MNIST.paths import find_model_file

if TYPE_CHECKING:
    from MNIST.explore.designs import Space

MOST_POINTS = 1_000_000
MOST_WORKERS = 1024
MOST_REPEATS = 100
SHORT = (
    *("rate", "batch", "layers", "conv", "opt", "dropout", "epochs"),
    *("dense", "kernel", "pool", "decay", "mom", "convlayers"),
)  # options that are short for --set
DESIGNS = {
    "grid": "every combination of the values",
    "random": "a random part of the combinations of the values",
    "one": "the first values, and each other value by itself",
}


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for, checked. Times are in seconds."""

    template: Template
    space: "Space"
    design: str
    fraction: float
    halving: bool
    reducer: str | None
    split: float
    images: int | None
    seeds: range
    engine: str
    precision: str
    threads: int
    workers: int | None
    cluster: str | None
    patience: float
    time_limit: float


def read_wishes(options: Mapping[str, Any]) -> Wishes:
    """Check all that can be checked without data. Raises UsageError for what is wrong."""
    from MNIST.explore.designs import make_space
    from MNIST.explore.scan import REDUCERS

    engine = values.engine(options["--engine"])
    file = find_model_file(options["--template"])
    template = parse_template(read_text(file), str(file))
    fraction, reducer, limit = options["--fraction"], options["--reduce"], options["--time-limit"]
    seed = whole_number(options["--seed"], "--seed", lowest=0)
    repeats = whole_number(options["--repeats"], "--repeats", highest=MOST_REPEATS)
    design = one_of(options["--design"], "--design", tuple(DESIGNS))
    if design == "random" and fraction is None:
        raise UsageError("--design random needs a part to draw, as in --fraction 0.1")
    space = make_space(template, dict(_changes(options)))
    wishes = Wishes(
        template=template,
        space=space,
        design="random" if design == "grid" and fraction is not None else design,
        fraction=1.0 if fraction is None else proportion(fraction, "--fraction"),
        halving=options["--halving"],
        reducer=None if reducer is None else one_of(reducer, "--reduce", REDUCERS),
        split=proportion(options["--split"], "--split"),
        images=optional_whole_number(options["--images"], "--images", MOST_IMAGES),
        seeds=range(seed, seed + repeats),
        engine=_engine(engine, template, space),
        precision=values.precision(options["--precision"]),
        threads=whole_number(options["--threads"], "--threads", highest=MOST_THREADS),
        workers=optional_whole_number(options["--workers"], "--workers", MOST_WORKERS),
        cluster=options["--cluster"],
        patience=duration(options["--timeout"], "--timeout"),
        time_limit=float("inf") if limit is None else duration(limit, "--time-limit"),
    )
    _check_search(wishes)
    return wishes


def _engine(wanted: str | None, template: Template, space: "Space") -> str:
    """The engine that trains all points: the wanted one, or what the first network that works takes."""
    from MNIST import engines

    spec = next(_networks(template, space), None)
    return engines.choose(spec, wanted) if spec else wanted or engines.DEFAULT


def _networks(template: Template, space: "Space") -> Iterator[ModelSpec]:
    """Those of the baseline and of each other value by itself that work."""
    for point in map(space.placeholders, space.one_at_a_time()):
        with suppress(SpecError):  # its layers do not fit together
            yield template.fill({name: str(value) for name, value in point.items()})


def _changes(options: Mapping[str, Any]) -> Iterator[tuple[str, Axis]]:
    """The axes that options ask for, by option."""
    for name in SHORT:
        text = options[f"--{name}"]
        if text is not None:
            values = read_values(text, f"--{name}")
            yield f"--{name}", Axis((name,), tuple((value,) for value in values))
    for text in options["--set"]:
        yield f"--set {text[:64]}", parse_axis(text, "--set")


def _check_search(wishes: Wishes) -> None:
    """Raise UsageError for wishes that do not go together, and for no point or too many."""
    from MNIST.explore.halving import refuse_schedules

    one, rungs = wishes.design == "one", _rungs(wishes) if wishes.halving else 1
    if one and (wishes.fraction < 1 or wishes.halving or wishes.reducer):
        raise UsageError("--design one asks every change once: no --fraction, --halving or --reduce")
    if wishes.halving and wishes.reducer:
        raise UsageError("--halving and --reduce do not go together")
    if wishes.halving:
        refuse_schedules(_networks(wishes.template, wishes.space))
    points = len(wishes.space.one_at_a_time()) if one else wishes.space.size
    if points > sys.maxsize:
        raise UsageError(f"a grid of more than {sys.maxsize:,} points: even a part of it cannot be drawn")
    asked = int(points // rungs * wishes.fraction) * rungs * len(wishes.seeds)
    if asked < 1:
        raise UsageError(f"--fraction {wishes.fraction:g} of a grid of {points:,} points leaves none")
    if asked > MOST_POINTS:
        raise UsageError(
            f"a grid of {points:,} points, {asked:,} trainings of them asked for: at most {MOST_POINTS:,} can"
            " be explored; --fraction takes a part"
        )


def _rungs(wishes: Wishes) -> int:
    """How many rungs the halving has: the numbers of epochs, an axis by itself."""
    name = wishes.template.epochs_name
    if name is None:
        raise UsageError(f"--halving needs rungs: write epochs={{epochs}} in {wishes.template.source}")
    epochs = next((axis for axis in wishes.space.axes if axis.names == (name,)), None)
    if epochs is None or len(epochs.values) < 2:
        raise UsageError(f"--halving needs several numbers of epochs, its rungs, as in --set {name}=1,2,4,8")
    return len(epochs.values)
