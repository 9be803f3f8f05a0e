"""Show some images of a dataset with their labels, in the terminal and as a picture.

Usage:
    python MNIST show <dataset-dir> [options]
    python MNIST show --help

Shows how many images each class has, and some images drawn at random from the training and the test set.
Below each image are its label and, after #, its number in its set, counted from 0. The images are as large as
the terminal's width allows.

Arguments:
    <dataset-dir>    where `download` put the data

Options:
    --label CLASS    only images of this class: its name, or its number from 0
    --count N        how many images of each set [default: 10]
    --seed N         decides which images: the same number gives the same images [default: 0]
    --png FILE       where to write the picture; an older file is replaced; without it, the picture is named
                     after the dataset's folder: Data_images.png
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from MNIST.commands.values import whole_number
from MNIST.commands.written_files import png_file
from MNIST.errors import UsageError, did_you_mean, quoted
from MNIST.files import write_atomically

MOST_SHOWN = 1_000
MOST_NAMED = 20  # classes that a message lists


def run(options: Mapping[str, Any]) -> int:
    """Print and draw a random selection."""
    folder = Path(options["<dataset-dir>"])
    count = whole_number(options["--count"], "--count", highest=MOST_SHOWN)
    seed = whole_number(options["--seed"], "--seed", lowest=0)
    picture = png_file(options["--png"], f"{_name(folder)}_images.png")

    from MNIST.data import load, suspicions
    from MNIST.report.half_blocks import can_show
    from MNIST.report.image_grid import count_table, grid_png, terminal_grid

    dataset = load(folder)
    names = dataset.classes
    label = None if options["--label"] is None else _label(options["--label"], names)
    labels = {"training": dataset.train_labels, "test": dataset.test_labels}
    pixels = {"training": dataset.train_images, "test": dataset.test_images}
    shown = [_selection(kind, pixels[kind], labels[kind], names, count, seed, label) for kind in labels]

    able, width = can_show(sys.stdout), shutil.get_terminal_size().columns
    print(f"{folder}: {dataset.name}\n")
    classes = [name if name == str(each) else f"{each} {name}" for each, name in enumerate(names)]
    print(*count_table(classes, labels, width, able["ascii_only"]), "", sep="\n")
    for images in shown:
        print(images.title, "", *terminal_grid(images, width, **able), sep="\n")
    for suspicion in suspicions(dataset):
        print(f"{folder}: {suspicion}", file=sys.stderr)
    write_atomically(picture, grid_png(shown, f"{_name(folder)}: {dataset.name}"))
    print(f"Written: {picture}. Other images: --seed {seed + 1}")
    return 0


def _selection(
    kind: str, images: Any, labels: Any, names: Sequence[str], count: int, seed: int, label: int | None
) -> Any:
    """Some images of a set, in the form that the report needs."""
    from MNIST.data import select
    from MNIST.report.image_grid import Images

    chosen = select(labels, count, seed, label)
    if label is None:
        title = f"{len(chosen):,} of {len(labels):,} {kind} images"
    else:
        there = int((labels == label).sum())
        title = f"{len(chosen):,} of {there:,} {kind} images with label {label}"
        title += "" if names[label] == str(label) else f" ({names[label]})"
    return Images(title, images[chosen], [names[each] for each in labels[chosen]], chosen.tolist())


def _label(text: str, names: Sequence[str]) -> int:
    """The number of a class that is given by its name or its number. Raises UsageError if there is none."""
    if text in names:
        return names.index(text)
    if not text.lstrip("-").isdigit():
        hint = did_you_mean(text, names) or f"; there are {', '.join(names[:MOST_NAMED])}"
        raise UsageError(f"--label: no class {quoted(text)}{hint}")
    return whole_number(text, "--label", 0, len(names) - 1)


def _name(folder: Path) -> str:
    """A folder's name as the user calls it: that of a link, if it is one."""
    return folder.name if folder.name.strip(".") else folder.resolve().name
