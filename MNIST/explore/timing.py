"""How long a search will take, measured before it begins: a step of each shape of network is timed."""

from collections.abc import Mapping

from MNIST.explore.forecast import BACKWARD
from MNIST.explore.plan import Plan, Trial
from MNIST.explore.search import Search
from MNIST.explore.workers.protocol import Executor
from MNIST.explore.workers.worker import time_step


def shapes(plan: Plan) -> dict[str, str]:
    """For each trial, the first trial whose network and batches have the same shape; by identity."""
    first: dict[object, str] = {}
    return {
        identity: first.setdefault(_shape(plan, trial), identity) for identity, trial in plan.trials.items()
    }


def timed(
    search: Search, first: Mapping[str, str], left: Mapping[str, int], images: int, executor: Executor
) -> float:
    """Seconds that the rest of a search will take, estimated by timing a step of each distinct shape here.

    first: as `shapes` gives it. left: how many epochs each trial still needs, at most.
    images: the number of training images. Validation counts as one forward pass, a third of a step, for each
    of its images. A network that does not fit into memory counts as no time.
    """
    plan = search.plan
    distinct = list(dict.fromkeys(first.values()))
    trials = [plan.trials[identity] for identity in distinct]
    measured = executor.map(time_step, [(trial.spec, trial.settings) for trial in trials])
    seconds = dict(zip(distinct, measured, strict=True))
    total = 0.0
    for identity, trial in plan.trials.items():
        start, step = seconds[first[identity]] or (0.0, 0.0)
        steps = images / trial.spec.batch_size * (1 + (1 / trial.settings.split - 1) / BACKWARD)
        total += start + left[identity] * max(1, steps) * step if left[identity] else 0
    return total * search.epochs / plan.epochs_shared / executor.workers


def _shape(plan: Plan, trial: Trial) -> tuple[object, ...]:
    nodes = [(type(node.layer), node.output_shape, node.flops) for node in plan.network(trial).walk()]
    return tuple(nodes), type(trial.spec.optimizer), trial.spec.batch_size
