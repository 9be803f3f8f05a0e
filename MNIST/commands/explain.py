"""Show what each layer of a trained network makes of one image, and which pixels its answer hangs on.

Usage:
    python MNIST explain <model-name> --image N [options]
    python MNIST explain <model-name> <image-file>
    python MNIST explain --help

Writes a picture and a page, in Model_Output/<model-name>/explained/: the image and the answer, the slope of
the answer's score along each pixel, the maps and the kernels of the convolutions, the numbers of the others.

Arguments:
    <model-name>      a network trained by `train`, by any engine; what is computed here, NumPy computes.
                      Of an ensemble, A+B, each network is explained, and their mean answer is told
    <image-file>      a picture of one digit, as `predict` takes it

Options:
    --image N         the image with this number, from 0, as `test` and `show` count them
    --data FOLDER     the dataset that image is in [default: Data]
    --set NAME        its set: test or training [default: test]
"""

import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.commands import values
from MNIST.commands.trained_networks import refuse_unlike
from MNIST.commands.values import one_of, whole_number
from MNIST.errors import DataError, UsageError, quoted
from MNIST.files import write_together
from MNIST.paths import TOGETHER, members, short_name
from MNIST.words import counted, escaped

if TYPE_CHECKING:
    from MNIST.report.explaining.explanation import Explanation

LONGEST_NAME = 64  # characters that the written files take from the picture's own name


def run(options: Mapping[str, Any]) -> int:
    """Find the image, explain the answer to it, and write the picture and the page."""
    names = members(values.model_or_ensemble(options["<model-name>"]))
    of_set = one_of(options["--set"], "--set", ("test", "training"))
    wanted = None if options["--image"] is None else whole_number(options["--image"], "--image", lowest=0)

    from MNIST import training

    records = [training.read_record(name) for name in names]  # before data are read
    refuse_unlike(TOGETHER.join(names), records, same_images=True)
    name, record = names[0], records[0]
    if wanted is None and options["<image-file>"].isdigit() and not Path(options["<image-file>"]).exists():
        number = options["<image-file>"]
        raise UsageError(f"no file {quoted(number)}; for test image {number}, write --image {number}")
    if wanted is None:
        file, subject, image, label = _from_file(Path(options["<image-file>"]), record)
    else:
        file, subject, image, label = _from_dataset(Path(options["--data"]), of_set, wanted, name, record)
    explained = [_explained(name, file, image, label, subject) for name in names]
    if len(explained) > 1:
        print(f"{short_name(TOGETHER.join(names))}, by the mean of their probabilities:")
        mean = sum((one.probabilities for one in explained[1:]), explained[0].probabilities)
        print(replace(explained[0], probabilities=mean / len(explained)).verdict)
    return 0


def _explained(name: str, file: str, image: Any, label: int | None, subject: str) -> "Explanation":
    """Explain a network's answer, and write the picture and the page. file: the stem of their names."""
    from MNIST import training
    from MNIST.explaining import explain
    from MNIST.report.explaining.page import explanation_page
    from MNIST.report.explaining.picture import explanation_png

    explained = explain(name, image, label, subject)
    folder = training.output_folder(name) / training.EXPLAINED
    write_together(
        {
            folder / f"{file}.png": explanation_png(explained),
            folder / f"{file}.html": explanation_page(explained),
        }
    )
    print(f"{explained.network}: {subject}\n{explained.verdict}")
    print(f"Written: {folder / file}.png, and {file}.html beside it with every layer.")
    return explained


def _from_dataset(
    folder: Path, of_set: str, number: int, name: str, record: Any
) -> tuple[str, str, Any, int]:
    """An image of a dataset: the stem of its files' names, the image in words, the image, and its label.

    Raises UsageError if the network `name`, whose record this is, was trained on other classes.
    """
    from MNIST import training
    from MNIST.data import load

    dataset = load(folder)
    training.refuse_other_classes(name, record, dataset.about)
    images, labels = {
        "test": (dataset.test_images, dataset.test_labels),
        "training": (dataset.train_images, dataset.train_labels),
    }[of_set]
    if number >= len(images):
        raise UsageError(
            f"--image {number}: the {of_set} set has {counted(len(images), 'image')},"
            f" 0 to {len(images) - 1:,}"
        )
    subject = f"image {number:,} of the {of_set} set of {dataset.name}"
    return f"{of_set}_{number}", subject, images[number], int(labels[number])


def _from_file(file: Path, record: Any) -> tuple[str, str, Any, None]:
    """The same for a file with a picture, brought to the form that the network has learned."""
    from MNIST.data import in_form, read_picture

    name = escaped(file.name)
    try:
        prepared = in_form(read_picture(file, record.about.form), record.about.form, record.about.ink)
    except DataError as error:
        raise DataError(f"{escaped(str(file))}: {error}") from None
    for warning in prepared.warnings:
        print(f"{name}: {warning}", file=sys.stderr)
    stem = re.sub(r"[^A-Za-z0-9_-]", "_", file.stem)[:LONGEST_NAME]
    return f"file_{stem}", f"the picture {quoted(name)}", prepared.image, None
