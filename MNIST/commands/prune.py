"""Show what takes how much room on the disk, and remove what you name.

Usage:
    python MNIST prune [options]
    python MNIST prune --help

Without options it removes nothing: it prints a table, whose first column has the option that removes what
stands there. With options it removes exactly what they name. What a running training or exploration uses
stays, and then the exit code is 1. Nothing comes back, so try --plan first. `list` shows how good the
networks are.

NAMES are one name or several, separated by commas; except for networks, "scan_*" stands for all names like
that.

Options:
    --networks NAMES        trained networks, with all that lies in their folders. Each is named in full
    --checkpoints NAMES     what unfinished trainings have kept; their `train` commands then begin anew
    --explained NAMES       what `explain` has written about these networks
    --reproduced NAMES      what `reproduce` has left of these networks
    --explorations NAMES    tables and pictures of explorations. Their winners stay, as trained networks, and
                            their trials, from which the same `explore` command makes them again at once
    --trials                the trials of all explorations, with their checkpoints: every epoch that any
                            exploration has trained. The next exploration trains them again
    --trial-checkpoints     only these checkpoints. The results of the trials stay; an exploration with more
                            epochs trains them from the beginning
    --leftovers             files that processes were writing when they were killed
    --plan                  say what would be removed, and remove nothing
"""

import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from MNIST.errors import UsageError, did_you_mean
from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.pruning import Item

NAMED_IN_FULL = "networks"


def run(options: Mapping[str, Any]) -> int:
    """Print the table, or remove what is named; return 1 if something of it stays."""
    from MNIST.pruning import KINDS, inventory, remove, room

    asked = {kind: options[f"--{kind}"] for kind in KINDS if options[f"--{kind}"] not in (None, False)}
    items = inventory()
    if not asked:
        _print_table(items)
        return 0
    chosen = [item for kind, names in asked.items() for item in _chosen(kind, names, items)]
    if options["--plan"]:
        for item in chosen:
            print(f"Would be removed: {_called(item)}, {size_text(room(item))}")
        print("Nothing was removed; without --plan it will be.")
        return 0
    freed, all_gone = 0, True
    for item in chosen:
        size, stays = remove(item)
        freed += size
        if stays:
            all_gone = False
            print(stays, file=sys.stderr, flush=True)
        else:
            print(f"Removed: {_called(item)}, {size_text(size)}", flush=True)
    print(f"Room on the disk: {size_text(freed)} more.")
    return 0 if all_gone else 1


def _chosen(kind: str, names: str | bool, items: Sequence["Item"]) -> list["Item"]:
    """The items of a kind that an option names. Raises UsageError if one of its names fits none."""
    there = {item.name: item for item in items if item.kind == kind}
    option = f"--{kind}"
    if names is True:
        if not there:
            raise UsageError(f"{option}: there is nothing to remove")
        return [*there.values()]
    found: list[Item] = []
    for name in map(str.strip, str(names).split(",")):
        is_pattern = bool({"*", "?"} & {*name})
        if is_pattern and kind == NAMED_IN_FULL:
            raise UsageError(f"{option} {name[:64]}: networks are removed one by one; name each in full")
        fits = [item for known, item in there.items() if is_pattern and fnmatchcase(known, name)]
        fits += [there[name]] if name in there else []
        if not fits:
            like = "with a name like" if is_pattern else "called"
            raise UsageError(f"{option}: there is nothing {like} {name[:64]!r}{did_you_mean(name, there)}")
        found += (item for item in fits if item not in found)
    return found


IN_WORDS = {
    "networks": "the network {}",
    "checkpoints": "the checkpoints of {}",
    "explained": "what `explain` wrote about {}",
    "reproduced": "what `reproduce` left of {}",
    "explorations": "the exploration {}",
    "trials": "the trials and their checkpoints",
    "trial-checkpoints": "the trials' checkpoints",
    "leftovers": "the leftovers",
}


def _called(item: "Item") -> str:
    return IN_WORDS[item.kind].format(item.name)


def size_text(size: int) -> str:
    """A number of bytes as a text: 512 bytes, 3.1 kB, 42.0 MB, 1.2 GB."""
    for unit, name in (10**9, "GB"), (10**6, "MB"), (10**3, "kB"):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return counted(size, "byte")


def _print_table(items: Sequence["Item"]) -> None:
    """Print a row for each item, with the option that removes it."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from MNIST.commands.networks_table import NOTHING
    from MNIST.report.terminal.whole_rows import console_of_whole_rows

    if not items:
        print("Nothing is kept here that could be removed.")
        return
    table = Table(box=box.SIMPLE, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in "Removed by", "Name":
        table.add_column(heading, overflow="fold")
    table.add_column("Size", justify="right", no_wrap=True)
    table.add_column("What it is", overflow="fold")
    for item in items:
        row = f"--{item.kind}", item.name or NOTHING, size_text(item.size), item.about
        table.add_row(*map(Text, row))
    console_of_whole_rows().print(table)
    print(f"Together {size_text(sum(item.size for item in items))}. Nothing was removed.")
