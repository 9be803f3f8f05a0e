"""What `explore` is asked for: from the options, all strings, to checked wishes. Nothing is begun here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
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
    Template,
    parse_axis,
    parse_template,
    read_axis,
    read_text,
)
from MNIST.paths import find_model_file

if TYPE_CHECKING:
    from MNIST.explore.designs import Space

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
    "tpe": "combinations of the values that promise most",
}


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for, checked. Times are in seconds. asked: which combinations, in words."""

    asked: str
    template: Template
    space: "Space"
    design: str
    fraction: float
    points: int
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
    """Check everything that can be checked without data. Raises UsageError if something is wrong."""
    from MNIST.data.about import class_count
    from MNIST.explore.choices import check_search, chosen_engine
    from MNIST.explore.designs import make_space
    from MNIST.explore.scan import REDUCERS

    engine = values.engine(options["--engine"])
    file = find_model_file(options["--template"])
    template = parse_template(read_text(file), str(file), class_count(Path(options["<dataset-dir>"])))
    fraction, reducer, limit = options["--fraction"], options["--reduce"], options["--time-limit"]
    seed = whole_number(options["--seed"], "--seed", lowest=0)
    repeats = whole_number(options["--repeats"], "--repeats", highest=MOST_REPEATS)
    design = one_of(options["--design"], "--design", tuple(DESIGNS))
    if design == "random" and fraction is None:
        raise UsageError("--design random needs a part to draw, as in --fraction 0.1")
    space = make_space(template, dict(_changes(options)))
    if design == "grid" and fraction is not None:
        design = "random"
    wishes = Wishes(
        template=template,
        space=space,
        asked=DESIGNS[design],
        design=design,
        points=_points(options["--points"], design),
        halving=options["--halving"],
        fraction=1.0 if fraction is None else proportion(fraction, "--fraction"),
        reducer=None if reducer is None else one_of(reducer, "--reduce", REDUCERS),
        split=proportion(options["--split"], "--split"),
        images=optional_whole_number(options["--images"], "--images", MOST_IMAGES),
        seeds=range(seed, seed + repeats),
        engine=chosen_engine(engine, template, space),
        precision=values.precision(options["--precision"]),
        threads=whole_number(options["--threads"], "--threads", highest=MOST_THREADS),
        workers=optional_whole_number(options["--workers"], "--workers", MOST_WORKERS),
        cluster=options["--cluster"],
        patience=duration(options["--timeout"], "--timeout"),
        time_limit=float("inf") if limit is None else duration(limit, "--time-limit"),
    )
    check_search(
        template,
        space,
        wishes.design,
        wishes.fraction,
        wishes.reducer,
        len(wishes.seeds),
        halving=wishes.halving,
        points=wishes.points,
    )
    return wishes


def _points(text: str | None, design: str) -> int:
    """How many networks TPE is to propose."""
    from MNIST.explore.proposals import POINTS

    if text is not None and design != "tpe":
        raise UsageError(
            "--points says how many networks --design tpe proposes; add that, or take --fraction"
        )
    return POINTS if text is None else whole_number(text, "--points")


def _changes(options: Mapping[str, Any]) -> Iterator[tuple[str, Axis]]:
    """The axes that options change, each with its option."""
    for name in SHORT:
        text = options[f"--{name}"]
        if text is not None:
            yield f"--{name}", read_axis(name, text, f"--{name}")
    for text in options["--set"]:
        yield f"--set {text[:64]}", parse_axis(text, "--set")
