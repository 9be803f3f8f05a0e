"""Fetch a dataset's four files into a folder, and verify them.

Usage:
    python MNIST download <dataset-dir> [--dataset NAME] [--mirror URL]... [--replace]

Options:
    --dataset NAME  mnist, fashion, or digits: 1,797 small digits that come
                    with scikit-learn and need no network [default: mnist]
    --mirror URL    a folder (its path, or an http or https URL) to try first; it can be
                    given several times; the environment variable MNIST_MIRROR
                    can name more, separated by commas
    --replace       overwrite the files of another published dataset

Files that are there and undamaged are not fetched again.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from MNIST.data.download import Progress


def run(options: Mapping[str, Any]) -> int:
    """Fetch the files, say where each came from, and in the end how many images there are."""
    from MNIST.data import DATASETS, download

    folder, name = Path(options["<dataset-dir>"]), options["--dataset"].lower()
    with _progress_bar() as show:
        download(folder, name, options["--mirror"], options["--replace"], show)
    published = DATASETS[name]
    print(f"{name}: {published.train_count:,} training and {published.test_count:,} test images in {folder}")
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
