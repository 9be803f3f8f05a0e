"""Fetch a dataset's four files into a folder, and verify them.

Usage:
    python MNIST download <dataset-dir> [--mirror URL]... [options]

Options:
    --dataset NAME  mnist, fashion, digits: 1,797 small digits that come
                    with scikit-learn and need no network; kmnist: Japanese
                    characters; qmnist: MNIST's training digits, with 50,000
                    test digits that nobody has tuned to; emnist-letters,
                    emnist-balanced: letters, and letters and digits, whose
                    archive has 562 MB [default: mnist]
    --mirror URL    a folder (its path, or an http or https URL) to try first; it can be
                    given several times; the environment variable MNIST_MIRROR
                    can name more, separated by commas
    --replace       overwrite the files of one of mnist, fashion and digits by those
                    of another one; remove dataset.json and classes.txt of other data
    -q, --quiet     print only warnings and errors

Files that are there and undamaged are not fetched again.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.errors import UsageError

if TYPE_CHECKING:
    from MNIST.data.download import Progress


def run(options: Mapping[str, Any]) -> int:
    """Fetch the files, say where each came from, and in the end how many images there are."""
    from MNIST.data import DATASETS, download, load

    if not options["<dataset-dir>"]:
        raise UsageError("<dataset-dir> is empty; for the current folder, write .")
    folder, name = Path(options["<dataset-dir>"]), options["--dataset"].lower()
    with _progress_bar() as show:
        download(folder, name, options["--mirror"], options["--replace"], show)
    if name in DATASETS:
        counts = DATASETS[name].train_count, DATASETS[name].test_count
    else:
        dataset = load(folder)
        counts = len(dataset.train_images), len(dataset.test_images)
    print(f"{name}: {counts[0]:,} training and {counts[1]:,} test images in {folder}")
    return 0


@contextmanager
def _progress_bar() -> Iterator[Callable[["Progress"], None]]:
    """Give a function that shows progress as lines and, on a terminal, as a moving bar below them."""
    if not sys.stdout.isatty():
        yield _print_line
        return
    from rich import progress as rich_progress

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.DownloadColumn(),
        rich_progress.TransferSpeedColumn(),
    )
    with rich_progress.Progress(*columns, transient=True) as bar:
        task = bar.add_task("", total=None)

        def show(progress: "Progress") -> None:
            bar.update(task, description=progress.file, completed=progress.received, total=progress.expected)
            _print_line(progress)

        yield show


def _print_line(progress: "Progress") -> None:
    if progress.outcome:
        print(f"{progress.file}: {progress.outcome}")
