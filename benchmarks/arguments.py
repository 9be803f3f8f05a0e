"""Reads the command line of a benchmark."""

import argparse
import sys
from pathlib import Path


def read_arguments(docstring: str | None, *words: str, **counts: int | None) -> argparse.Namespace:
    """Read the required words and the optional counts; return both by their names.

    counts: the default of each count; None means all of them.
    Ends the process with the usage if the command line does not fit, and with the docstring after --help.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{Path(sys.argv[0]).stem}",
        description=docstring,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for word in words:
        parser.add_argument(word)
    for name, usual in counts.items():
        parser.add_argument(name, nargs="?", type=_count, default=usual)
    return parser.parse_args()


def _count(word: str) -> int:
    if not word.isdecimal() or int(word) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, found {word!r}")
    return int(word)
