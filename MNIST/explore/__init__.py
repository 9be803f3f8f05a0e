"""Exploration: Talos asks for points of a grid; the trial service answers from as few trials as possible.

exploration  `explore`: one call that puts all of it together
choices      which choices go together
search       what Talos is to do, and the trials that this takes
loop         Talos asks, the trial service answers, the results are written
designs      which points to ask for: a grid, a random part of it, one change at a time
proposals    which points to ask for next, by the answers so far (the only file that knows Optuna)
plan         the points, and which trials answer them
scan         Talos: the grid's order, its sampling, its reducers, its log (the only file that knows Talos)
halving      which trials stop after a rung
trials       the trial service: answers a point from the store, or has its trials trained
store        every epoch ever trained here, in SQLite
workers/     what trains: processes on this machine, or a cluster
ranking      which answers are best, and which the seeds cannot tell from the best
results      results.csv, best.txt
forecast     how long it will take
progress     the display while it runs
live         live.html, the page while it runs and its report
summary      what the command prints before and after
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from MNIST.explore.exploration import explore

__all__ = ["explore"]


def __getattr__(name: str) -> object:
    """Import `explore` only when someone uses it: workers import this room too, and need little of it."""
    if name == "explore":
        from MNIST.explore.exploration import explore

        return explore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
