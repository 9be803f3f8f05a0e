"""How long reading, verifying and splitting MNIST takes, against gunzipping its four files and no more.

    python -m benchmarks.read_data Data

Both are run in turn, in one process; the ratio of the medians is printed. It must stay below 2.
"""

import gzip
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from MNIST.data import load, split

ROUNDS = 11


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
    data = Path(sys.argv[1])
    times = [(seconds(read, data), seconds(gunzip, data)) for _ in range(ROUNDS)]
    ours, peer = map(statistics.median, zip(*times, strict=True))
    print(f"read, verify, split: {ours:.3f} s; gunzip alone: {peer:.3f} s; ratio {ours / peer:.2f}")
