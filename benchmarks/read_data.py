"""How long reading, verifying and splitting MNIST takes, against only gunzipping its four files.

    python -m benchmarks.read_data <dataset-dir> [<rounds>]

Both run in turn, in one process. It prints the ratio of the medians of 11 rounds, which must stay below 2.
"""

import gzip
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.arguments import read_arguments
from MNIST.data import load, split


def read(folder: Path) -> None:
    """What `train` does before its first epoch."""
    split(load(folder), proportion=0.9, seed=0)


def gunzip(folder: Path) -> None:
    """The peer: Python's own gzip, without a look at the content."""
    for path in folder.glob("*-ubyte.gz"):
        with gzip.open(path) as stream:
            stream.read()


def seconds(work: Callable[[Path], None], folder: Path) -> float:
    begun = time.perf_counter()
    work(folder)
    return time.perf_counter() - begun


if __name__ == "__main__":
    given = read_arguments(__doc__, "dataset", rounds=11)
    data = Path(given.dataset)
    times = [(seconds(read, data), seconds(gunzip, data)) for _ in range(given.rounds)]
    ours, peer = map(statistics.median, zip(*times, strict=True))
    print(f"read, verify, split: {ours:.3f} s; gunzip alone: {peer:.3f} s; ratio {ours / peer:.2f}")
