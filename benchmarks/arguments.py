"""Reads the command line of a benchmark."""

import argparse
import sys
from pathlib import Path


def read_arguments(docstring: str | None, *words: str, **usual: int | str | None) -> argparse.Namespace:
    """Read the required words, then the optional counts and words; return all by their names.

    usual: the default of each that is optional: a count, None for the count of all there are, or a word.
    Ends the process with the usage if the command line does not fit, and with the docstring after --help.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{Path(sys.argv[0]).stem}",
        description=docstring,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for word in words:
        parser.add_argument(word)
    for name, default in usual.items():
        kind = str if isinstance(default, str) else _count
        parser.add_argument(name, nargs="?", type=kind, default=default)
    return parser.parse_args()


def _count(word: str) -> int:
    if not word.isdecimal() or int(word) == 0:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, found {word!r}")
    return int(word)
