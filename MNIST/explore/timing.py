"""How long a search will take, measured before it begins: an epoch of each shape of network is timed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heapreplace
from math import ceil
from statistics import fmean

from MNIST.engines.processor import cores
from MNIST.explore.plan import Plan, Trial
from MNIST.explore.search import Search
from MNIST.explore.workers.protocol import Executor
from MNIST.explore.workers.worker import time_epoch


def shapes(plan: Plan) -> dict[str, str]:
    """For each trial, the first trial whose network and batches have the same shape; by identity."""
    first: dict[object, str] = {}
    return {
        identity: first.setdefault(_shape(plan, trial), identity) for identity, trial in plan.trials.items()
    }


def timed(
    search: Search,
    first: Mapping[str, str],
    left: Mapping[str, float],
    executor: Executor,
    on_shape: Callable[[], None] = lambda: None,
) -> float:
    """Seconds that the rest of a search will take, estimated by timing an epoch of each distinct shape here.

    first: as `shapes` gives it, for the trials that count. left: how many epochs each of them is expected to
    need. on_shape: called after each shape.
    A network that does not fit into memory counts as no time.
    """
    plan = search.plan
    distinct = list(dict.fromkeys(first.values()))
    spare = cores() > executor.workers * plan.settings.threads
    tasks = [(plan.trials[identity].spec, plan.trials[identity].settings, spare) for identity in distinct]
    rounds = ceil(executor.workers / len(tasks))  # as in earnest, no worker is to have the machine for itself
    measured = []
    for number, times in enumerate(executor.map(time_epoch, tasks * rounds)):
        measured.append(times or (0.0, 0.0, 0.0))
        if number < len(distinct):
            on_shape()
    seconds = dict(zip(distinct, measured, strict=False))
    trials = []
    for identity, shape in first.items():
        if epochs := left.get(identity, 0):
            start, epoch, _ = seconds[shape]
            trials.append(start + epochs * epoch)
    trials += _to_come(search, [seconds[shape] for shape in first.values()])
    once = max(times[2] for times in measured) if any(trials) else 0.0
    return once + _shared(trials, executor.workers)


def _to_come(search: Search, measured: Sequence[tuple[float, ...]]) -> list[float]:
    """Seconds of each training that is to be proposed. measured: of the trainings known so far."""
    count = search.trainings_to_come
    if not count:
        return []
    start, epoch, _ = (fmean(times) for times in zip(*measured, strict=True))
    return [start + search.epochs_to_come / count * epoch] * count


def _shared(trials: Iterable[float], workers: int) -> float:
    """Seconds until the last worker is done if each, as soon as it is free, takes the next trial."""
    busy = [0.0] * max(1, workers)
    for seconds in trials:
        heapreplace(busy, busy[0] + seconds)
    return max(busy)


def _shape(plan: Plan, trial: Trial) -> tuple[object, ...]:
    nodes = [(type(node.layer), node.output_shape, node.flops) for node in plan.network(trial).walk()]
    spec = trial.spec
    return tuple(nodes), type(spec.optimizer), spec.batch_size, spec.augment
