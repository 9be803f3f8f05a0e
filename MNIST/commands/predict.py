"""Tell which digit is in your own pictures.

Usage:
    python MNIST predict <model-names> <image>... [options]
    python MNIST predict --help

A picture holds one digit, dark on light or light on dark, drawn or photographed: PNG, JPEG, GIF, BMP, TIFF
or WebP. It is brought to the form of MNIST's images: white on black, in a box of 20×20 pixels, with its
centre of mass in the middle of 28×28. If it is still unlike them, a warning says so: the answer is a guess.

Arguments:
    <model-names>        networks trained by `train`, comma separated
    <image>              picture files

Options:
    --show               show in the terminal how each picture is prepared
    --steps FILE         write the same steps to a PNG file
    --engine NAME        compute with this engine, in float32: keras, numpy, tensors, autograd, modules, sonn;
                         without it, each network's own engine computes, in the precision it trained with
    --threads N          threads for one operation; without it, all cores
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from MNIST.commands import values
from MNIST.commands.trained_networks import answering
from MNIST.commands.values import MOST_THREADS, optional_whole_number
from MNIST.errors import DataError, UsageError, quoted
from MNIST.files import write_atomically

MOST_STEPS = 50  # pictures that --steps draws at most
FEW = 3  # up to so many pictures, the probabilities of all ten digits are shown


def run(options: Mapping[str, Any]) -> int:
    """Let each network answer each picture; if some cannot be read or trusted, name them and return 1."""
    names = values.model_names(options["<model-names>"])
    threads = optional_whole_number(options["--threads"], "--threads", MOST_THREADS)
    engine = values.engine(options["--engine"])
    images = options["<image>"]
    steps_file = _steps_file(options["--steps"], images)

    pictures = _prepare(images, shown=options["--show"], kept=steps_file is not None)
    answers = _answers(names, pictures, threads, engine) if pictures else {}
    if not answers:
        return 1
    _print(pictures, answers)
    if steps_file is not None:
        _write_steps(steps_file, pictures, answers)
    return 0 if len(pictures) == len(images) and len(answers) == len(names) else 1


@dataclass(frozen=True)
class _Picture:
    """A prepared picture; `file` is its name as typed, without characters that a terminal would obey."""

    file: str
    image: Any
    warnings: tuple[str, ...]
    steps: tuple[tuple[str, Any], ...]


def _prepare(files: Sequence[str], shown: bool, kept: bool) -> list[_Picture]:
    """Prepare the pictures that can be read; name the others. kept: keep the steps, for the PNG file."""
    from MNIST.report.explaining.preparation_steps import terminal_lines
    from MNIST.report.half_blocks import can_show
    from MNIST.report.testing.predictions import printable

    pictures = []
    for file in files:
        name = printable(file)
        try:
            prepared = _prepared(file)
        except DataError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        pictures.append(_Picture(name, prepared.image, prepared.warnings, prepared.steps if kept else ()))
        if shown:
            width = shutil.get_terminal_size().columns
            print(name, *terminal_lines(prepared.steps, width, **can_show(sys.stdout)), "", sep="\n")
    return pictures


def _prepared(file: str) -> Any:
    from MNIST.data import like_mnist, read_picture

    return like_mnist(read_picture(Path(file)))


def _answers(
    names: Sequence[str], pictures: Sequence[_Picture], threads: int | None, engine: str | None
) -> dict[str, Any]:
    """Each network's probabilities, (pictures, digits); networks that cannot answer are named."""
    import numpy as np

    from MNIST import training

    images = np.stack([picture.image for picture in pictures])
    answers = {}
    for model, logits in answering(names, images, threads, engine):
        if model.record.dataset == "fashion":
            print(
                f"{model.name} has learned clothes: it answers with the number of a kind of clothes, "
                "and your picture is prepared as a digit"
            )
        answers[model.name] = training.softmax(logits)
    return answers


def _print(pictures: Sequence[_Picture], answers: Mapping[str, Any]) -> None:
    from rich.console import Console

    from MNIST.report.half_blocks import can_show
    from MNIST.report.testing.predictions import bars, disagreements, table

    console = Console(highlight=False)
    files = [picture.file for picture in pictures]
    block = "#" if can_show(sys.stdout)["ascii_only"] else "█"
    console.print(table(files, answers))
    if len(pictures) <= FEW:
        for place, file in enumerate(files):
            print()
            console.print(bars(file, {name: each[place] for name, each in answers.items()}, block))
    notes = list(disagreements(files, answers))
    notes += [f"{picture.file}: {warning}" for picture in pictures for warning in picture.warnings]
    if notes:
        print("", *notes, sep="\n")


def _write_steps(file: Path, pictures: Sequence[_Picture], answers: Mapping[str, Any]) -> None:
    from MNIST.report.explaining.preparation_steps import steps_png
    from MNIST.report.testing.predictions import in_words

    titles = (f"{picture.file}: {in_words(place, answers)}" for place, picture in enumerate(pictures))
    drawn = steps_png([(title, picture.steps) for title, picture in zip(titles, pictures, strict=True)])
    write_atomically(file, drawn)
    print(f"\nWritten: {file}")


def _steps_file(wanted: str | None, images: Sequence[str]) -> Path | None:
    """The file for --steps. Raises UsageError if it cannot be a PNG file, or for too many pictures."""
    if wanted is None:
        return None
    if "\0" in wanted or Path(wanted).suffix.lower() != ".png":
        raise UsageError(f"--steps: expected a file's name that ends in .png, found {quoted(wanted)}")
    if Path(wanted).is_dir():
        raise UsageError(f"--steps: {quoted(wanted)} is a folder")
    if len(images) > MOST_STEPS:
        raise UsageError(f"--steps draws at most {MOST_STEPS} pictures, found {len(images)}")
    if any("\0" not in image and Path(image).resolve() == Path(wanted).resolve() for image in images):
        raise UsageError(f"--steps would overwrite {quoted(wanted)}, one of the pictures")
    return Path(wanted)
