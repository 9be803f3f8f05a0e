"""Make a dataset out of your own pictures, a table or other files; take in networks of a laboratory.

Usage:
    python MNIST import <source> <dataset-dir> [--quiet] [options]
    python MNIST import <network>... [--as NAME] [--by-file] [--replace] [--quiet]
    python MNIST import --help

Sources:
    a folder     with a subfolder of pictures for each class, whose names are the classes; or with folders
                 train and test of that kind
    a CSV        a row for each image: its label, first or last, and its pixels; as Kaggle has MNIST
    an .npz      with x_train, y_train and perhaps x_test, y_test, as Keras has MNIST; or digits that
                 somebody drew in a laboratory, with the names of their classes
    IDX files    in a folder, under all names in use: EMNIST's, QMNIST's, with dots, unzipped. If there are
                 several datasets, name one of its files

Writes the four files of a dataset, classes.txt and dataset.json. What cannot be read is listed, and then
nothing is written.

A network is a .zip that somebody saved in a laboratory (see `lab`), or a network of `train`: its folder in
somebody's Model_Output/, or a .zip of it. A folder stands for all that are in it. Each is checked, and is
then a trained network in Model_Output/, for `test`, `explain`, `page` and the others. One that is refused
does not keep the others out.

Options:
    --test PROPORTION   the part of each class that tests, if the source has no test set [default: 0.15]
    --seed N            decides which images test [default: 0]
    --form FORM         digit: find the ink, size and centre it, as `predict` does with a picture; sheet: do
                        so with each of several in a picture, all of its class; whole: scale the whole picture
                        to 28×28. Without it, images stay as they are if all have 28×28 pixels; else all are
                        brought to the form of digits
    --invert WHEN       exchange black and white: yes, no, or auto, if the ink is dark [default: auto].
                        What was brought to the form of digits has bright ink already
    --transpose         exchange rows and columns (EMNIST's files need it, and are known)
    --skip              leave out what cannot be read, and test pictures that also train
    --as NAME           what to call the network, instead of its name in the laboratory
    --by-file           call each network as its file is called: Anna/my_net.zip is Anna_my_net in a folder
    --replace           let networks take the places of others that have their names
    -q, --quiet         print only warnings and errors
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from MNIST.commands.import_networks import are_networks, import_networks
from MNIST.commands.values import one_of, proportion, whole_number
from MNIST.program import as_typed, program
from MNIST.words import counted


def run(options: Mapping[str, Any]) -> int:
    """Import networks, or read the source, write the dataset, and say what was done."""
    if networks := _networks(options):
        by_file, replace = options["--by-file"], options["--replace"]
        return import_networks(networks, options["--as"], by_file, replace, options["words"])
    source, folder = Path(options["<source>"]), Path(options["<dataset-dir>"])
    form = options["--form"]
    form = None if form is None else one_of(form, "--form", ("digit", "sheet", "whole"))
    invert = one_of(options["--invert"], "--invert", ("auto", "yes", "no"))
    test = proportion(options["--test"], "--test")
    seed = whole_number(options["--seed"], "--seed", lowest=0)

    from MNIST.data import suspicions
    from MNIST.data.importing import Wishes, import_dataset
    from MNIST.engines.processor import cores

    wishes = Wishes(form, invert, options["--transpose"], test, options["--skip"], seed, cores())
    with _progress_bar() as show:
        imported = import_dataset(source, folder, wishes, show)
    dataset = imported.dataset
    for problem in imported.left_out:
        print(f"left out: {problem}", file=sys.stderr)
    for note in imported.notes:
        print(note)
    for suspicion in suspicions(dataset):
        print(f"{folder}: {suspicion}", file=sys.stderr)
    print(
        f"{dataset.name}: {counted(len(dataset.train_images), 'training image')} and"
        f" {counted(len(dataset.test_images), 'test image')} in {folder}, {dataset.about.told_apart()}"
    )
    print(f"Next: {program()} show {as_typed(options['<dataset-dir>'])}")
    return 0


def _networks(options: Mapping[str, Any]) -> list[str]:
    """The words that name networks; none if a dataset is to be imported."""
    if options["<network>"]:
        return list(options["<network>"])
    both = [options["<source>"], options["<dataset-dir>"]]
    return both if are_networks(both[1:]) and are_networks(both[:1]) else []


@contextmanager
def _progress_bar() -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows progress on a terminal, and nothing elsewhere."""
    if not sys.stdout.isatty():
        yield lambda done, count: None
        return
    from rich import progress as rich_progress

    columns = (
        rich_progress.TextColumn("reading"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
    )
    with rich_progress.Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, count: bar.update(task, completed=done, total=count or None)
