"""Scan a grid of hyper-parameters with Talos; what one training can answer is trained once.

Usage:
    python MNIST explore <dataset-dir> <model-name> [options]
    python MNIST explore --help

Fills Models/explore.txt with each combination of the values below, trains what is new, and writes
Hyperparam_Search/<model-name>/: results.csv, best.txt (the winner, ready for `train`), five pictures,
Talos's own log. Interrupted? Start the same command again: it goes on after the last whole epoch.

Arguments:
    <dataset-dir>              where `download` put the data
    <model-name>               letters, digits, _ and -

The grid (one value, or several separated by commas):
    -r, --rate VALUES          learning rates [default: 0.001]
    -b, --batch VALUES         images a step [default: 1000]
    -l, --layers VALUES        fully connected layers [default: 1,2]
    -c, --conv VALUES          filters of each convolution [default: 16,32]
    -o, --opt VALUES           optimizers [default: Adam,RMSProp]
    -d, --dropout VALUES       proportions that Dropout drops [default: 0.1,0.25]
    -e, --epochs VALUES        epochs [default: 5,10,15]
    -z, --dense VALUES         units of each fully connected layer [default: 32,64]
    -k, --kernel VALUES        rows and columns of the kernels [default: 3,5]
    -p, --pool VALUES          rows and columns of the pooling window [default: 2,3]
    -y, --decay VALUES         decays of the learning rate [default: 0.0001]
    -m, --mom VALUES           momenta, for the optimizers that have one [default: 0.25,0.5,0.75]
    -v, --convlayers VALUES    convolutions before the pooling [default: 1,2]

Options:
    -f, --file FILE            draw the pictures of an earlier results.csv, and train nothing
    -s, --split SPLIT          the proportion of the training images that is trained on; the rest
                               validates and decides the winner [default: 0.9]
    --fraction PROPORTION      explore only this part of the grid, drawn at random [default: 1]
    --images N                 use only the first N of the shuffled training images
    --seed N                   decides everything random [default: 0]
    --precision KIND           float32, bfloat16, or auto: bfloat16 where the processor has it [default: auto]
    --threads N                threads of one operation; all cores unless given
"""

import math
import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.commands.values import (
    MOST_EPOCHS,
    MOST_IMAGES,
    MOST_THREADS,
    PRECISIONS,
    one_of,
    optional_whole_number,
    proportion,
    real_number,
    whole_number,
)
from MNIST.errors import UsageError
from MNIST.files import only_one, write_atomically
from MNIST.paths import HYPERPARAM_SEARCH, checked_name, find_model_file
from MNIST.spec import OPTIMIZERS, parse_template, read_text

if TYPE_CHECKING:
    from MNIST.data import TrainingData
    from MNIST.explore.plan import Plan
    from MNIST.explore.trials import TrialService
    from MNIST.training import RunSettings

TEMPLATE = "explore"
MOST_POINTS = 1_000_000
BELOW_ONE = math.nextafter(1, 0)
SHOWN = 5  # of the best, and of the reasons why points are left out
SOME_FAILED = 3  # the exit code


def run(options: Mapping[str, Any]) -> int:
    """Check every value, then explore, or draw the pictures of an earlier exploration."""
    name = checked_name(options["<model-name>"], "model name")
    folder = HYPERPARAM_SEARCH / name
    if options["--file"] is not None:
        return _draw(_existing_results(options["--file"], folder), folder)

    split = proportion(options["--split"], "--split")
    images = optional_whole_number(options["--images"], "--images")
    seed = whole_number(options["--seed"], "--seed", lowest=0)
    precision = one_of(options["--precision"], "--precision", PRECISIONS)
    threads = optional_whole_number(options["--threads"], "--threads", MOST_THREADS)
    fraction = proportion(options["--fraction"], "--fraction")
    grid = read_grid(options, fraction)
    file = find_model_file(TEMPLATE)
    template = parse_template(read_text(file), str(file))
    # At once; what follows takes seconds to import.
    print(f"{name}: every combination of the values, filled into {file}", flush=True)

    from MNIST.data import load  # numpy, from here on
    from MNIST.data import split as split_images

    dataset = load(Path(options["<dataset-dir>"]))
    data = split_images(dataset, split, seed, images)
    if len(data.validation) == 0:
        raise UsageError(f"--split {split:g} leaves no image to validate, which decides the winner")

    from MNIST.explore.plan import make_plan
    from MNIST.explore.scan import points_of, search_space
    from MNIST.training import resolve_settings

    settings = resolve_settings(
        dataset.digest, images=images, split=split, seed=seed, precision=precision, threads=threads
    )
    space = search_space(grid, fraction, seed)
    plan = make_plan(points_of(space), template, settings)
    print(_heading(dataset.name, data, settings), flush=True)
    if plan.infeasible:
        print(_left_out(plan.infeasible), flush=True)
    if not plan.points:
        raise UsageError(f"none of the {plan.infeasible.total():,} grid points makes a network that works")
    busy = f"{name} is being explored by another process; wait for it, or take another name"
    with only_one(folder / ".lock", busy):
        failed = _explore(space, plan, data, settings, folder)
        if (folder / "best.txt").exists():
            _draw(folder / "results.csv", folder)
            print(_next_command(options, name, folder))
    return SOME_FAILED if failed else 0


def read_grid(options: Mapping[str, Any], fraction: float) -> dict[str, list[Any]]:
    """The values of each parameter, checked. Epochs come first, so that they vary slowest.

    Raises UsageError for a value that is out of range or given twice, or if the part of the grid that is
    asked for has no point, or too many.
    """
    grid = {name: _values(options[f"--{name}"], f"--{name}", read) for name, read in _PARAMETERS.items()}
    points = math.prod(map(len, grid.values()))
    if int(points * fraction) < 1:
        raise UsageError(f"--fraction {fraction:g} of a grid of {points:,} points leaves none")
    if int(points * fraction) > MOST_POINTS:
        raise UsageError(
            f"a grid of {points:,} points, {int(points * fraction):,} of them asked for: at most"
            f" {MOST_POINTS:,} can be explored; --fraction takes a part"
        )
    return grid


def _optimizer(text: str, option: str) -> str:
    spelling = {name.lower(): name for name in OPTIMIZERS}
    return spelling[one_of(text, option, tuple(spelling))]


_PARAMETERS: dict[str, Callable[[str, str], int | float | str]] = {
    "epochs": partial(whole_number, highest=MOST_EPOCHS),
    "rate": partial(real_number, lowest=1e-30, highest=1e30),
    "batch": partial(whole_number, highest=MOST_IMAGES),
    "layers": partial(whole_number, highest=1_000),
    "conv": partial(whole_number, highest=100_000),
    "opt": _optimizer,
    "dropout": partial(real_number, lowest=0, highest=BELOW_ONE),
    "dense": partial(whole_number, highest=100_000),
    "kernel": partial(whole_number, highest=1_000),
    "pool": partial(whole_number, highest=1_000),
    "decay": partial(real_number, lowest=0, highest=1e6),
    "mom": partial(real_number, lowest=0, highest=BELOW_ONE),
    "convlayers": partial(whole_number, highest=1_000),
}


def _values(text: str, option: str, read: Callable[[str, str], Any]) -> list[Any]:
    values: list[Any] = []
    for word in text.split(","):
        value = read(word.strip(), option)
        if value in values:
            raise UsageError(f"{option}: {value} is given twice")
        values.append(value)
    return values


def _explore(space: Any, plan: "Plan", data: "TrainingData", settings: "RunSettings", folder: Path) -> int:
    """Say what will be done, do it, say what came out; return how many runs failed."""
    from MNIST.explore import exploration, forecast
    from MNIST.explore.progress import progress

    with exploration.open_service(plan, data, settings, HYPERPARAM_SEARCH) as service:
        costs = forecast.epoch_costs(plan, len(data.train))
        guess = forecast.guessed_speed()
        print(_expectation(service, forecast.seconds_left(service, costs, guess)), flush=True)
        try:
            with progress(service, costs, guess) as show:
                exploration.explore(space, service, folder, show)
        except KeyboardInterrupt:
            print(f"Stopped; every finished epoch is kept, and what is known is in {folder}/results.csv.")
            print("The same command goes on.", flush=True)
            raise
        _print_outcome(service)
        return len(service.failures)


def _heading(dataset_name: str, data: "TrainingData", settings: "RunSettings") -> str:
    return (
        f"{dataset_name}: {len(data.train):,} images to train on, {len(data.validation):,} to validate\n"
        f"{settings}\n"
    )


def _left_out(infeasible: Counter[str]) -> str:
    lines = [f"{_count(infeasible.total(), 'grid point')} left out, where no network works:"]
    lines += [f"{count:,} ×  {reason}" for reason, count in infeasible.most_common(SHOWN)]
    if len(infeasible) > SHOWN:
        lines.append(f"and {len(infeasible) - SHOWN:,} more reasons")
    return "\n".join(lines) + "\n"


def _expectation(service: "TrialService", seconds: float) -> str:
    from MNIST.explore.forecast import spoken_time

    plan = service.plan
    asked, shared = plan.epochs_asked, plan.epochs_shared
    return (
        f"{_count(len(plan.points), 'grid point')}, {_count(len(plan.runs), 'distinct run')}.\n"
        f"{_count(asked, 'epoch')} point by point, {shared:,} as shared: {1 - shared / asked:.0%} saved.\n"
        f"{_count(service.known_epochs(), 'epoch')} known from before; "
        f"the rest takes {spoken_time(seconds)}.\n"
        f"Checkpoints take {plan.checkpoint_bytes / 1e6:,.0f} MB in {HYPERPARAM_SEARCH}/.\n"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _print_outcome(service: "TrialService") -> None:
    """The best answers as a table, and the runs that failed."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from MNIST.explore.results import ranked

    _print_failures(service)
    if not ranked(service):
        print("No run has an epoch to show.")
        return
    names = _varying(service.plan)
    table = Table(title="The best, by validation accuracy", title_justify="left", box=box.SIMPLE)
    for heading in ("Validation", "Loss", "Training", "Seconds"):
        table.add_column(heading, justify="right")
    table.add_column("Of what was varied")
    for candidate in ranked(service)[:SHOWN]:
        epoch, values = candidate.epoch, {name: candidate.value(name) for name in names}
        shown = ", ".join(f"{name} {'any' if value is None else value}" for name, value in values.items())
        figures = (f"{epoch.val_accuracy:.2%}", f"{epoch.val_loss:.4f}", f"{epoch.accuracy:.2%}")
        table.add_row(*figures, f"{candidate.seconds:.0f}", shown)
    Console(highlight=False).print(table)


def _print_failures(service: "TrialService") -> None:
    failures = Counter(service.failures.values())
    for reason, count in failures.most_common(SHOWN):
        print(f"failed, {count:,} ×: {reason}")


def _varying(plan: "Plan") -> list[str]:
    first = plan.points[0].values
    return [name for name in first if any(point.values[name] != first[name] for point in plan.points)]


def _next_command(options: Mapping[str, Any], name: str, folder: Path) -> str:
    """How to train the winner with what decided here, but on all images."""
    model = f"best_of_{name}"[:64]
    words = ["python", "MNIST", "train", options["<dataset-dir>"], model, f"{folder}/best.txt"]
    defaults = {"--split": "0.9", "--seed": "0", "--precision": "auto", "--threads": None}
    for option, default in defaults.items():
        if options[option] != default:
            words += [option, options[option]]
    note = (
        ""
        if options["--images"] is None
        else "\n(which trains on all images, so that its numbers are others)"
    )
    return f"Next: {shlex.join(words)}{note}"


def _draw(results: Path, folder: Path) -> int:
    from MNIST.explore.results import read_results
    from MNIST.report.scan_pictures import draw_scan

    metrics, parameters = read_results(results)
    pictures = draw_scan(metrics, parameters)
    for picture, content in pictures.items():
        write_atomically(folder / f"{picture}.png", content)
    print(f"Drawn in {folder}/: {', '.join(f'{picture}.png' for picture in pictures)}")
    return 0


def _existing_results(description: str, folder: Path) -> Path:
    """The results file that the user means: a path, or a file's name in the exploration's folder."""
    for path in (Path(description), folder / description):
        if path.is_file():
            return path
    raise UsageError(f"--file: there is no {description[:64]!r}, here or in {folder}/")
