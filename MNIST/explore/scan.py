"""Talos: the grid, its order, random sampling, its reducers, its log. The only file that knows Talos.

Talos gets one-element arrays as data, because it hashes its data twice for each point. It gets plain
metrics as results, because it would tabulate histories anew for each point. Its bookkeeping for a point
grows with the number of points in a scan, so a long scan is split into blocks. Talos does not check the
names of its options: take care.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import numpy as np
from talos.parameters.ParamSpace import ParamSpace

from MNIST.engines.quiet import delayed, without_collections
from MNIST.explore.plan import Value, Values

Metrics = dict[str, float]
Keep = Callable[[Values], bool]  # whether a point stays
Drop = Callable[[Values], bool]  # whether a point is dropped
Domains = Mapping[str, Sequence[Value]]

REDUCERS = ("correlation", "spearman", "pearson", "kendall", "trees", "forrest")  # as Talos spells them
INTERVAL = 50  # points between two reductions
# Points in one of Talos's scans, at most. Each begins after a multiple of INTERVAL points, so that a
# reduction never needs rows of an earlier block.
BLOCK = 4 * INTERVAL
NEVER = 10**9  # points between two of Talos's checkpoints: the store already has all that they hold


def grid_points(domains: Domains, fraction: float = 1, seed: int = 0) -> list[Values]:
    """The grid in Talos's order (the last key varies fastest), or a random part of it in random order.

    fraction: in (0, 1], and large enough for one point.
    """
    limit = None if fraction == 1 else fraction
    space = ParamSpace(_lists(domains), fraction_limit=limit, seed=seed)
    return [dict(zip(space.param_keys, row, strict=True)) for row in space.param_space]


def scan(
    stages: Iterable[Sequence[Values]],
    domains: Domains,
    answer: Callable[[Values], Metrics],
    name: str,
    folder: Path,
    *,
    reducer: str | None = None,
    seed: int = 0,
    keep_after_stage: Callable[[], Keep | None] | None = None,
    on_pending: Callable[[Sequence[Values]], None] = lambda _: None,
) -> None:
    """Let Talos ask for every point, stage by stage, except for points that are dropped on the way.

    stages: the next one is taken when all points of the one before are answered.
    folder: for Talos's log, with one subfolder for each block; new or empty.
    reducer: one of REDUCERS, which drops values that correlate with low validation accuracy.
    keep_after_stage: called after each stage; returns a test of which later points to keep, or None for all.
    on_pending: called with the points left in a stage when it begins, and whenever points are dropped.
    Raises KeyboardInterrupt on Ctrl-C, which Talos itself would turn into a normal return.
    """
    removed: list[Drop] = []  # each is true for points that were removed, false for all pending points
    asked = blocks = 0
    for stage in stages:
        pending = [values for values in stage if not any(condition(values) for condition in removed)]
        on_pending(pending)
        while pending:
            block, rest = _Block(domains, pending[:BLOCK], asked), pending[BLOCK:]

            def remove(condition: Drop, block: _Block = block, rest: list[Values] = rest) -> None:
                removed.append(condition)
                rest[:] = [values for values in rest if not condition(values)]
                if rest:
                    rest[:0] = block.cut()
                on_pending([*block.pending(), *rest])

            block.when_removed = remove
            after = None if rest else keep_after_stage
            blocks += 1
            _scan_block(block, answer, name, folder / f"{blocks:05}", reducer, seed, after)
            asked, pending = block.round_counter, rest


class _Block(ParamSpace):
    """Some points of a grid as Talos's parameter space. It reports each removal, for later blocks."""

    def __init__(self, domains: Domains, points: Sequence[Values], asked: int) -> None:
        # Talos asks for no value that is not in its lists: a range has only its ends there.
        super().__init__(
            {
                name: list(dict.fromkeys([*values, *(point[name] for point in points)]))
                for name, values in domains.items()
            }
        )
        self.param_space = np.empty((len(points), len(domains)), dtype=object)
        for row, values in enumerate(points):
            self.param_space[row] = [values[name] for name in domains]
        self.param_index = list(range(len(points)))
        self.round_counter = asked
        self.when_removed: Callable[[Drop], object] = lambda condition: None

    def _param_apply_limits(self) -> list[int]:
        return []  # not the whole grid, which may be large

    def pending(self) -> list[Values]:
        """The points that Talos has yet to ask for."""
        return [self._round_parameters_todict(self.param_space[index]) for index in self.param_index]

    def cut(self) -> list[Values]:
        """Leave points at the end to the next block, so that this one ends with a reduction; return them."""
        end = max(0, len(self.param_index) - (self.round_counter + len(self.param_index)) % INTERVAL)
        left = self.pending()[end:]
        del self.param_index[end:]
        return left

    def _remove(self, condition: Drop, operation: str, **details: Any) -> None:
        super()._remove(condition, operation, **details)
        self.when_removed(condition)


def _scan_block(
    block: _Block,
    answer: Callable[[Values], Metrics],
    name: str,
    folder: Path,
    reducer: str | None,
    seed: int,
    after: Callable[[], Keep | None] | None,
) -> None:
    with delayed("sklearn", "sklearn.metrics"), without_collections():
        # One of its metrics, which is not used here, is scikit-learn's: half of all that Talos imports.
        import talos.metrics  # noqa: F401  # a scan would import it later
        from talos.scan.Scan import Scan

    nothing = np.zeros(1, np.int8)
    with _without_extras():
        outcome = Scan(
            x=nothing,
            y=nothing,
            x_val=nothing,
            y_val=nothing,
            params=block,
            model=_Model(answer),
            experiment_name=name,
            experiment_dir=folder,
            source_prep=None,  # otherwise Talos looks for the source of its own identity function
            save_models=False,
            save_weights=False,
            clear_session=False,
            disable_progress_bar=True,
            checkpoint_interval=NEVER,
            feedback_interval=NEVER,
            seed=seed if reducer else None,  # Talos would also seed Python's and NumPy's global generators
            reduction_method=_AtTheEnd(after) if after else reducer,
            reduction_interval=1 if after else INTERVAL,
            reduction_metric="val_accuracy",
        )
    if outcome.status == "paused":
        raise KeyboardInterrupt


class _Model:
    """What Talos takes for a model function."""

    __module__ = "talos"  # otherwise Talos copies all source that it can reach from here into its folder

    def __init__(self, answer: Callable[[Values], Metrics]) -> None:
        self._answer = answer

    def __call__(
        self, x_train: object, y_train: object, x_val: object, y_val: object, params: Values
    ) -> dict[str, Metrics]:
        return {"metrics": self._answer(params)}


class _AtTheEnd:
    """What Talos takes for a reducer: at the end of a block, it drops points of later blocks."""

    __module__ = "talos"

    def __init__(self, after: Callable[[], Keep | None]) -> None:
        self._after = after

    def __call__(self, scan: Any) -> None:
        if not scan.param_object.param_index and (keep := self._after()) is not None:
            scan.param_object.remove_lambda(keep)


def _lists(domains: Domains) -> dict[str, list[Value]]:
    return {name: list(values) for name, values in domains.items()}


@contextmanager
def _without_extras() -> Iterator[None]:
    """Keep Talos from what takes long and is not used here.

    Talos would keep the source of its callers beside its log. It asks `git` for the revision of its own
    source, and fails if git is missing: here the answer is always exit code 127, as a shell gives it for a
    missing program. It also lists all files of all installed packages, to leave them out of what it copies.
    That takes a second for each scan and for each reduction, and it copies nothing from here anyway. After
    each point, Talos computes the entropy of all histories so far, which it does not write. For that it
    imports scipy.stats, which takes half a second.
    """
    from talos.experiment import provenance, runner, source_snapshot

    subprocess, list_packages = provenance.subprocess, source_snapshot._distribution_paths
    entropy = runner._entropy
    provenance.subprocess = SimpleNamespace(run=lambda command, **_: CompletedProcess(command, 127))
    source_snapshot._distribution_paths = lambda: (set(), set())
    runner._entropy = lambda history: {}
    try:
        yield
    finally:
        provenance.subprocess, source_snapshot._distribution_paths = subprocess, list_packages
        runner._entropy = entropy
