"""How long an exploration will take: arithmetic to do, at the speed that epochs have had so far."""

import time
from collections.abc import Mapping

from MNIST.explore.plan import Plan
from MNIST.explore.trials import TrialService
from MNIST.spec import lay_out

BACKWARD = 3  # a training step's arithmetic, in forward passes: forward, and two products backward
EFFICIENCY = 0.15  # of the speed of a large matrix product, reached by the small layers of a small network


def epoch_costs(plan: Plan, images: int) -> dict[str, float]:
    """Floating-point operations of one epoch of each run. images: how many are trained on."""
    return {
        identity: BACKWARD * images * float(lay_out(run.spec).flops) for identity, run in plan.runs.items()
    }


def left_to_train(service: TrialService, costs: Mapping[str, float]) -> float:
    """The cost of all epochs that are neither known nor given up."""
    return sum(
        costs[identity] * (run.horizon - len(service.histories[identity]))
        for identity, run in service.plan.runs.items()
        if not service.is_finished(run)
    )


def expected_seconds(service: TrialService, costs: Mapping[str, float]) -> float:
    """How long the rest will take, at the speed of the epochs in the store or else at a guess."""
    known = [(costs[i], epoch.seconds) for i, history in service.histories.items() for epoch in history]
    seconds = sum(seconds for _, seconds in known)
    speed = sum(cost for cost, _ in known) / seconds if seconds else EFFICIENCY * matrix_product_speed()
    return left_to_train(service, costs) / speed


def matrix_product_speed(size: int = 1024) -> float:
    """Floating-point operations a second of a float32 matrix product here, measured once, in a moment."""
    import numpy as np

    a = np.ones((size, size), np.float32)
    a @ a  # the first one starts the library's threads
    start = time.perf_counter()
    a @ a
    return 2 * size**3 / (time.perf_counter() - start)


def spoken_time(seconds: float) -> str:
    """A duration as one says it: "about 40 s", "about 12 min", "about 3 h"."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    minutes = seconds / 60
    if minutes < 90:
        return f"about {round(minutes)} min"
    hours = minutes / 60
    return f"about {round(hours)} h" if hours < 48 else f"about {round(hours / 24)} days"
