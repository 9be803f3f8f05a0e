"""Tell which digit, or what else a network has learned, is in your own pictures.

Usage:
    python MNIST predict <model-names> <image>... [options]
    python MNIST predict --help

A picture holds a digit, dark on light or light on dark, drawn or photographed: PNG, JPEG, GIF, BMP, TIFF or
WebP. It may hold several that do not touch: they are answered in reading order; with --single, it is one sign
of several pieces. Each is brought to the form of MNIST's images: white on black, in a box of 20×20 pixels,
with its centre of mass in the middle of 28×28. If it is still unlike them, a warning says so: the answer is a
guess.
A network that has learned whole pictures, or dark ink on bright paper, gets the picture in that form.

Arguments:
    <model-names>        networks trained by `train`, comma separated, or "net_*"; A+B is an ensemble, whose
                         answer is the mean of its networks' probabilities; a file whose name ends in .txt has
                         one name or pattern in each line
    <image>              picture files

Options:
    --single             each picture holds one sign, whatever pieces it has, such as % or ä
    --show               show in the terminal how each picture is prepared
    --steps FILE         write the same steps to a PNG file
    --engine NAME        compute with this engine, in float32: keras, numpy, tensors, autograd, modules, sonn;
                         without it, each network's own engine computes, in the precision it trained with
    --threads N          threads for one operation; without it, all cores
    --json               print the answers as JSON, for other programs; the tables then go to stderr
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from MNIST.commands import values
from MNIST.commands.answers_json import answers_as_json
from MNIST.commands.trained_networks import answering
from MNIST.commands.values import MOST_THREADS, optional_whole_number
from MNIST.errors import DataError, ModelError, UsageError, quoted
from MNIST.files import write_atomically
from MNIST.output import print_json
from MNIST.paths import members
from MNIST.words import escaped

MOST_STEPS = 50  # pictures, or digits in them, that --steps draws at most
FEW = 3  # up to so many answers, the probabilities of the classes are shown


def run(options: Mapping[str, Any]) -> int:
    """Let each network answer each picture. Raises UsageError for a wrong option or name.

    Returns 0, or 1 if a picture or a network could not be read or trusted; each of these is named.
    """
    names = values.model_names(options["<model-names>"])
    threads = optional_whole_number(options["--threads"], "--threads", MOST_THREADS)
    engine = values.engine(options["--engine"])
    images = options["<image>"]
    steps_file = _steps_file(options["--steps"], images)

    single, shown = options["--single"], options["--show"]
    pictures = _prepare(images, _forms(names), single, shown, kept=steps_file is not None)
    digits = [digit for picture in pictures for digit in picture.digits]
    answers = _answers(names, digits, threads, engine) if digits else {}
    if options["--json"]:
        print_json(answers_as_json([(picture.file, picture.digits) for picture in pictures], answers))
    if not answers:
        return 1
    _print(pictures, digits, answers)
    if steps_file is not None:
        _write_steps(steps_file, digits, answers)
    return 0 if len(pictures) == len(images) and len(answers) == len(names) else 1


@dataclass(frozen=True)
class _Digit:
    """What one answer is about: a picture, or a digit of one that holds several.

    name: what it is called in the answer, without characters that a terminal would obey.
    images: it in each form and polarity that a network has learned.
    """

    name: str
    images: Mapping[tuple[str, str], Any]
    warnings: tuple[str, ...]
    steps: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class _Picture:
    """A picture's file, its name to show, what it holds, in reading order, and how much is in each line."""

    file: str
    name: str
    digits: Sequence[_Digit]
    lengths: Sequence[int]


def _forms(names: Sequence[str]) -> list[tuple[str, str]]:
    """The forms and polarities that these networks have learned, each once; MNIST's if there is none."""
    from MNIST import training
    from MNIST.data import About

    learned = []
    for name in names:
        for member in members(name):
            with suppress(ModelError):  # it will be named when it is asked
                learned.append(training.read_record(member).about)
    return list(dict.fromkeys((about.form, about.ink) for about in learned or [About()]))


def _prepare(
    files: Sequence[str], forms: Sequence[tuple[str, str]], single: bool, shown: bool, kept: bool
) -> list[_Picture]:
    """Prepare the pictures that can be read; name the others. kept: keep the steps, for the PNG file.

    The steps are those to the first form.
    """
    pictures = []
    for file in files:
        name = escaped(file)
        try:
            lines = _lines(file, forms, single)
        except DataError as error:
            print(f"{name}: {error}", file=sys.stderr)
            continue
        found = [each for line in lines for each in line]
        names = [f"{name} {number}/{len(found)}" for number in range(1, len(found) + 1)]
        digits = []
        for called, in_forms in zip(names if len(found) > 1 else [name], found, strict=True):
            prepared = in_forms[forms[0]]
            images = {form: each.image for form, each in in_forms.items()}
            digits.append(_Digit(called, images, prepared.warnings, prepared.steps if kept else ()))
            if shown:
                _show(called, prepared.steps)
        pictures.append(_Picture(file, name, digits, [len(line) for line in lines]))
    return pictures


def _lines(
    file: str, forms: Sequence[tuple[str, str]], single: bool
) -> list[list[dict[tuple[str, str], Any]]]:
    """What each line of a picture holds, in each form.

    It is one if that is wished, or if a network has learned whole pictures.
    """
    from MNIST.data import in_form, lines_in_form, read_picture
    from MNIST.data.picture_files import pages

    whole = any(form == "whole" for form, _ in forms)
    picture = read_picture(Path(file), "whole" if whole else "digit")
    if (several := pages(Path(file))) > 1:
        print(f"{escaped(file)}: it has {several} pages, and the first one is answered", file=sys.stderr)
    if single or whole:
        return [[{form: in_form(picture, *form) for form in forms}]]
    in_each = [lines_in_form(picture, ink) for _, ink in forms]
    return [
        [dict(zip(forms, each, strict=True)) for each in zip(*line, strict=True)]
        for line in zip(*in_each, strict=True)
    ]


def _show(name: str, steps: Any) -> None:
    from MNIST.report.explaining.preparation_steps import terminal_lines
    from MNIST.report.half_blocks import can_show

    width = shutil.get_terminal_size().columns
    print(name, *terminal_lines(steps, width, **can_show(sys.stdout)), "", sep="\n")


def _answers(
    names: Sequence[str], digits: Sequence[_Digit], threads: int | None, engine: str | None
) -> dict[str, Any]:
    """Each network's Answers, by its name; networks that cannot answer are named."""
    import numpy as np

    from MNIST import training
    from MNIST.report.testing.predictions import Answers

    def images_for(record: Any) -> Any:
        about = record.about
        return np.stack([digit.images[about.form, about.ink] for digit in digits])

    return {
        one.name: Answers(training.softmax(one.logits), one.records[0].about.classes)
        for one in answering(names, images_for, threads, engine)
    }


def _print(pictures: Sequence[_Picture], digits: Sequence[_Digit], answers: Mapping[str, Any]) -> None:
    from MNIST.report.half_blocks import can_show
    from MNIST.report.terminal.whole_rows import console_of_whole_rows
    from MNIST.report.testing.predictions import bars, disagreements, readings, table

    console = console_of_whole_rows()
    names = [digit.name for digit in digits]
    block = "#" if can_show(sys.stdout)["ascii_only"] else "█"
    console.print(table(names, answers))
    if len(digits) <= FEW:
        for place, name in enumerate(names):
            print()
            for classes in dict.fromkeys(each.classes for each in answers.values()):
                alike = {name: each for name, each in answers.items() if each.classes == classes}
                console.print(bars(name, place, alike, block))
    notes = list(readings([(picture.name, picture.lengths) for picture in pictures], answers))
    notes += disagreements(names, answers)
    notes += [f"{digit.name}: {warning}" for digit in digits for warning in digit.warnings]
    if notes:
        print("", *notes, sep="\n")


def _write_steps(file: Path, digits: Sequence[_Digit], answers: Mapping[str, Any]) -> None:
    from MNIST.report.explaining.preparation_steps import steps_png
    from MNIST.report.testing.predictions import in_words

    drawn = [
        (f"{digit.name}: {in_words(place, answers)}", digit.steps)
        for place, digit in enumerate(digits[:MOST_STEPS])
    ]
    write_atomically(file, steps_png(drawn))
    only = f", of the first {MOST_STEPS} digits" if len(digits) > MOST_STEPS else ""
    print(f"\nWritten: {file}{only}")


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
