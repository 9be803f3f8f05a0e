"""Talos: the grid, its order, random sampling, its reducers, its log. The only file that knows Talos.

Talos is handed one-element arrays (it hashes its data twice for each point) and gets plain metrics
back (histories it would tabulate anew for each point). Its bookkeeping for a point grows with the points
of a scan, so a long one is asked in blocks. It checks no option's name: take care.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import numpy as np
from talos.parameters.ParamSpace import ParamSpace

from MNIST.explore.plan import Value, Values

Metrics = dict[str, float]
Keep = Callable[[Values], bool]
Domains = Mapping[str, Sequence[Value]]

REDUCERS = ("correlation", "spearman", "pearson", "kendall", "trees", "forrest")  # as Talos spells them
INTERVAL = 50  # points between two reductions
BLOCK = 4 * INTERVAL  # points of one of Talos's scans; a reduction never needs rows of the block before
NEVER = 10**9  # points between two of Talos's checkpoints, which hold nothing that we lack


def grid_points(domains: Domains, fraction: float = 1, seed: int = 0) -> list[Values]:
    """The grid in Talos's order, its last key varying fastest, or a random part of it in random order.

    fraction: in (0, 1] with at least one point in it.
    """
    limit = None if fraction == 1 else fraction
    space = ParamSpace(_lists(domains), fraction_limit=limit, seed=seed)
    return [dict(zip(space.param_keys, row, strict=True)) for row in space.param_space]


def scan(
    stages: Sequence[Sequence[Values]],
    domains: Domains,
    answer: Callable[[Values], Metrics],
    name: str,
    folder: Path,
    *,
    reducer: str | None = None,
    seed: int = 0,
    keep_after_stage: Callable[[], Keep] | None = None,
    on_pending: Callable[[Sequence[Values]], None] = lambda _: None,
) -> None:
    """Let Talos ask every point, stage by stage, but for those that are dropped on the way.

    folder: where Talos's log goes, a folder a block; new or empty.
    reducer: one of REDUCERS, which drops what correlates with low validation accuracy.
    keep_after_stage: called when a stage but the last has been asked; tells which later points to keep.
    on_pending: told what is left of a stage when it begins and whenever something is dropped.
    Raises KeyboardInterrupt on Ctrl-C, which Talos itself would turn into a normal return.
    """
    removed: list[Keep] = []  # by what conditions; what is pending has passed them all
    asked = blocks = 0
    for stage in stages:
        pending = [values for values in stage if not any(condition(values) for condition in removed)]
        on_pending(pending)
        while pending:
            block, rest = _Block(domains, pending[:BLOCK], asked), pending[BLOCK:]

            def remove(condition: Keep, block: _Block = block, rest: list[Values] = rest) -> None:
                removed.append(condition)
                rest[:] = [values for values in rest if not condition(values)]
                on_pending([*block.pending(), *rest])

            block.when_removed = remove
            after = None if rest or stage is stages[-1] else keep_after_stage
            blocks += 1
            _scan_block(block, answer, name, folder / f"{blocks:05}", reducer, seed, after)
            asked, pending = block.round_counter, rest


class _Block(ParamSpace):
    """Some points of a grid as Talos's parameter space. What is removed from it is told to all later ones."""

    def __init__(self, domains: Domains, points: Sequence[Values], asked: int) -> None:
        super().__init__(_lists(domains))
        self.param_space = np.empty((len(points), len(domains)), dtype=object)
        for row, values in enumerate(points):
            self.param_space[row] = [values[name] for name in domains]
        self.param_index = list(range(len(points)))
        self.round_counter = asked
        self.when_removed: Callable[[Keep], object] = lambda condition: None

    def _param_apply_limits(self) -> list[int]:
        return []  # not the whole grid, which may be large

    def pending(self) -> list[Values]:
        """The points that are still to be asked."""
        return [self._round_parameters_todict(self.param_space[index]) for index in self.param_index]

    def _remove(self, condition: Keep, operation: str, **details: Any) -> None:
        super()._remove(condition, operation, **details)
        self.when_removed(condition)


def _scan_block(
    block: _Block,
    answer: Callable[[Values], Metrics],
    name: str,
    folder: Path,
    reducer: str | None,
    seed: int,
    after: Callable[[], Keep] | None,
) -> None:
    from talos.scan.Scan import Scan

    nothing = np.zeros(1, np.int8)
    with _without_git():
        outcome = Scan(
            x=nothing,
            y=nothing,
            x_val=nothing,
            y_val=nothing,
            params=block,
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
            seed=seed if reducer else None,  # it seeds Python's and NumPy's global generators, too
            reduction_method=_AtTheEnd(after) if after else reducer,
            reduction_interval=1 if after else INTERVAL,
            reduction_metric="val_accuracy",
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


class _AtTheEnd:
    """What Talos takes for a reducer: when all of a block has been asked, it drops points of later ones."""

    __module__ = "talos"

    def __init__(self, after: Callable[[], Keep]) -> None:
        self._after = after

    def __call__(self, scan: Any) -> None:
        if not scan.param_object.param_index:
            scan.param_object.remove_lambda(self._after())


def _lists(domains: Domains) -> dict[str, list[Value]]:
    return {name: list(values) for name, values in domains.items()}


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
