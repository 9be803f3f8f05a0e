"""Talos: the grid, its order, random sampling, its log. The only file that knows Talos.

Talos is handed one-element arrays (it hashes its data twice for each point) and gets plain metrics
back (histories it would tabulate anew for each point). It checks no option's name: take care.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import numpy as np

from MNIST.explore.plan import Value, Values

Metrics = dict[str, float]
NEVER = 10**9  # points between two of Talos's checkpoints, which hold nothing that we lack


def search_space(grid: Mapping[str, Sequence[Value]], fraction: float, seed: int) -> Any:
    """Talos's parameter space: the whole grid, its last key varying fastest, or a random part of it.

    fraction: in (0, 1] with at least one point in it; below 1 the points come in random order.
    """
    from talos.parameters.ParamSpace import ParamSpace

    domains = {name: list(values) for name, values in grid.items()}
    return ParamSpace(domains, fraction_limit=None if fraction == 1 else fraction, seed=seed)


def points_of(space: Any) -> list[Values]:
    """The points that Talos will ask, in its order."""
    return [dict(zip(space.param_keys, space.param_space[index], strict=True)) for index in space.param_index]


def leave_out(space: Any, is_left_out: Callable[[Values], bool]) -> None:
    """Remove points before they are asked."""
    points = zip(space.param_index, points_of(space), strict=True)
    space.param_index = [index for index, values in points if not is_left_out(values)]


def scan(space: Any, answer: Callable[[Values], Metrics], name: str, folder: Path) -> None:
    """Let Talos ask every point of the space; its log goes to `folder`, which must be new or empty.

    Raises KeyboardInterrupt on Ctrl-C, which Talos itself would turn into a normal return.
    """
    from talos.scan.Scan import Scan

    nothing = np.zeros(1, np.int8)
    with _without_git():
        outcome = Scan(
            x=nothing,
            y=nothing,
            x_val=nothing,
            y_val=nothing,
            params=space,
            model=_Model(answer),
            experiment_name=name,
            experiment_dir=folder,
            source_prep=None,  # else Talos looks for the source of its own identity function
            save_models=False,
            save_weights=False,
            clear_session=False,
            disable_progress_bar=True,
            checkpoint_interval=NEVER,
            feedback_interval=NEVER,
        )
    if outcome.status == "paused":
        raise KeyboardInterrupt


class _Model:
    """What Talos takes for a model function."""

    __module__ = "talos"  # else Talos copies all source that it can reach from here into its folder

    def __init__(self, answer: Callable[[Values], Metrics]) -> None:
        self._answer = answer

    def __call__(
        self, x_train: object, y_train: object, x_val: object, y_val: object, params: Values
    ) -> dict[str, Metrics]:
        return {"metrics": self._answer(params)}


@contextmanager
def _without_git() -> Iterator[None]:
    """Answer Talos, which asks `git` for the revision of its own source and fails where there is no git,
    as a shell does for a missing program: with exit code 127."""
    from talos.experiment import provenance

    subprocess = provenance.subprocess
    provenance.subprocess = SimpleNamespace(run=lambda command, **_: CompletedProcess(command, 127))
    try:
        yield
    finally:
        provenance.subprocess = subprocess
