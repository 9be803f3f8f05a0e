"""Find which learning rates suit a network, in a training of about a minute.

Usage:
    python MNIST rate <dataset-dir> <model-description-file> [options]
    python MNIST rate --help

A learning-rate range test: the network is trained from fresh weights, and each step has a slightly higher
rate than the one before. Too low a rate changes nothing, too high a rate lets the loss grow; between them it
falls. The curve is shown here and written as a picture. The suggested rates lie between two: the one at
which the loss falls fastest, and a tenth of the one at which it is lowest.

Nothing else is written, and no trained network changes. The same number of steps gives the same curve.

Arguments:
    <dataset-dir>               where `download` put the data
    <model-description-file>    a name, as optimized_model, or a path

Options:
    --from RATE        the first rate [default: 1e-6]
    --to RATE          the last rate [default: 10]
    --steps N          how many steps; without it, as many as fit into the time, 20 to 200
    --seconds N        begin no further step after so many seconds of training [default: 60]
    --png FILE         where to write the picture; an older file is replaced; without it, the picture is
                       called after the model file: optimized_model_rates.png
    -s, --split SPLIT  the proportion of the training images to train on [default: 0.9]
    --images N         use only the first N of the shuffled training images
    --batch N          take N images for each step instead of the file's number
    --seed N           decides everything random [default: 0]
    --engine NAME      compute with keras, numpy, tensors, autograd or modules (PyTorch); without it, keras
    --precision KIND   float32, float64, bfloat16 (keras), or auto, as in `train` [default: auto]
    --threads N        threads for one operation; without it, all cores
    -q, --quiet        print only warnings and errors: the picture is all that is left then
"""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.commands import values
from MNIST.commands.values import (
    MOST_IMAGES,
    MOST_THREADS,
    optional_whole_number,
    proportion,
    real_number,
    whole_number,
)
from MNIST.commands.written_files import png_file
from MNIST.errors import UsageError
from MNIST.files import write_atomically
from MNIST.language import ModelSpec, OneCycle, fill_classes, parse_spec, read_text
from MNIST.paths import find_model_file, name_from
from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.training import RateRange

LOWEST, HIGHEST = 1e-12, 1e6  # rates that may be tried
MOST_STEPS, LONGEST = 100_000, 86_400.0
FEW = 60  # steps: a coarse curve


def run(options: Mapping[str, Any]) -> int:
    """Check every value, then train; draw what was measured, and say what it suggests."""
    file = find_model_file(options["<model-description-file>"])
    lowest = real_number(options["--from"], "--from", LOWEST, HIGHEST)
    highest = real_number(options["--to"], "--to", LOWEST, HIGHEST)
    if lowest >= highest:
        raise UsageError(f"--from {lowest:g} --to {highest:g}: expected a first rate below the last one")
    steps = None
    if options["--steps"] is not None:
        steps = whole_number(options["--steps"], "--steps", 3, MOST_STEPS)
    seconds = real_number(options["--seconds"], "--seconds", 1.0, LONGEST)
    picture = png_file(options["--png"], f"{name_from(file.stem) or 'network'}_rates.png")
    split = proportion(options["--split"], "--split")
    images = optional_whole_number(options["--images"], "--images")
    batch = optional_whole_number(options["--batch"], "--batch", MOST_IMAGES)
    seed = whole_number(options["--seed"], "--seed", lowest=0)
    engine = values.engine(options["--engine"])
    precision = values.precision(options["--precision"])
    threads = optional_whole_number(options["--threads"], "--threads", MOST_THREADS)
    folder = Path(options["<dataset-dir>"])

    from MNIST.data import class_count

    classes = class_count(folder)
    spec = parse_spec(fill_classes(read_text(file), classes), str(file), classes)
    spec = replace(spec, batch_size=batch or spec.batch_size)

    from MNIST import engines, training
    from MNIST.data import load
    from MNIST.data import split as split_images
    from MNIST.report.half_blocks import can_show
    from MNIST.report.rate_curve import rate_lines, rate_png

    training.refuse_without_gradients(spec)
    engine = engines.choose(spec, engine)
    dataset = load(folder)
    data = split_images(dataset, split, seed, images)
    settings = training.resolve_settings(
        dataset.digest,
        images=images,
        split=split,
        seed=seed,
        engine=engine,
        precision=precision,
        threads=threads,
    )
    print(f"{file}: rates from {lowest:g} to {highest:g}, for at most {seconds:g} s\n{settings}", flush=True)
    live = sys.stdout.isatty()
    try:
        result = training.rate_range(
            spec,
            data,
            settings,
            lowest=lowest,
            highest=highest,
            steps=steps,
            seconds=seconds,
            on_rate=_show if live else _ignore,
        )
    finally:
        print(f"\r{'':60}\r" * live, end="", flush=True)
    own = _highest_rate(spec)
    print(_how_it_went(result, min(spec.batch_size, len(data.train))), end="\n\n")
    if result.is_curve:
        width = shutil.get_terminal_size().columns
        print(*rate_lines(result, own, width, can_show(sys.stdout)["ascii_only"]), "", sep="\n")
        write_atomically(picture, rate_png(result, f"{file.stem}: loss at each learning rate", own))
    print(*_outcome(result, spec, own), sep="\n")
    if result.is_curve:
        print(f"Written: {picture}.")
    return 0


def _show(step: int, steps: int, rate: float, loss: float) -> None:
    """Show in one line how far the test is."""
    words = f"step {step} of {steps}: rate {rate:.1e}, loss {loss:.3f}"
    print(f"\r{words:60}", end="", flush=True)


def _ignore(*step: object) -> None:
    pass


def _how_it_went(result: "RateRange", batch_size: int) -> str:
    """How many steps were made, and why no more."""
    made = len(result.rates)
    done = (
        f"{counted(made, 'step')} of {counted(batch_size, 'image')} in {result.seconds:.1f} s;"
        f" --steps {result.steps} repeats them"
    )
    if result.ended == "diverged":
        return f"{done}. At {result.rates[-1]:.2g} the loss diverged."
    if result.ended == "seconds":
        return f"{done}, given the time: cut after {made} of {result.steps}, at {result.rates[-1]:.2g}."
    return f"{done}."


def _outcome(result: "RateRange", spec: ModelSpec, own: float) -> list[str]:
    """What the curve suggests and why, and how the file's own rate compares."""
    found = result.suggestion
    if not result.is_curve:
        return [
            "So few steps make no curve. Try lower rates with --from, a smaller batch, or more --seconds."
        ]
    if found is None and result.ended == "seconds":
        return [
            "The time was over before the loss fell, so nothing is suggested. Give it more --seconds, a"
            " smaller --batch, or a higher --from."
        ]
    if found is None:
        return [
            "The loss hardly fell at any of these rates, so nothing is suggested. Try other rates with --from"
            " and --to, or more steps with --steps."
        ]
    lines = [
        f"The loss falls fastest at {found.steepest:.2g}, and is lowest at {found.least:.2g}.",
        f"Suggested: a learning rate from {found.low:.2g} to {found.high:.2g}, between the first of them and"
        " a tenth of the second.",
    ]
    whose = f"The {'peak' if isinstance(spec.schedule, OneCycle) else 'rate'} of the file, {own:g},"
    if own < found.low:
        lines.append(
            f"{whose} is lower: {found.low / own:.2g} times as high, it would be the lowest of these."
        )
    elif own > found.high:
        lines.append(f"{whose} is higher: {own / found.high:.2g} times the highest of these.")
        if own <= found.least:
            lines.append(
                "The loss still falls there, so it may do for a short time, as at a schedule's peak."
            )
    else:
        lines.append(f"{whose} is one of these.")
    if result.ended != "diverged" and found.least == result.rates[-1]:
        more = "--seconds" if result.ended == "seconds" else "--to"
        lines.append(
            f"At the last rate the loss was still falling: a higher {more} may suggest higher rates."
        )
    if result.steps < FEW:
        lines.append("So few steps make a coarse curve: give them more time with --seconds, or --batch.")
    return lines


def _highest_rate(spec: ModelSpec) -> float:
    """The highest learning rate that the file asks for."""
    own: float = spec.optimizer.rate
    return max(own, spec.schedule.peak) if isinstance(spec.schedule, OneCycle) else own
