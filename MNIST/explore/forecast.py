"""How long an exploration will take: arithmetic to do, at the speed that epochs have had so far."""

import time
from collections.abc import Mapping
from statistics import fmean

from MNIST.explore.plan import Plan
from MNIST.explore.trials import TrialService
from MNIST.spec import lay_out

# Fitted to epochs of the default exploration: Keras with TensorFlow, bfloat16, two cores of an AMD EPYC.
BACKWARD = 3  # operations of a training step, in forward passes: forward, and two products backward
BESIDES = 2.3e6  # what an image costs beside matrix products, in operations that would take as long
EFFICIENCY = 0.5  # the speed of an epoch, in that of a large matrix product
START = 2.0  # seconds to build a network and compile its step


def epoch_costs(plan: Plan, images: int) -> dict[str, float]:
    """Operations of one epoch of each run. images: how many are trained on."""
    return {
        identity: images * (BACKWARD * lay_out(run.spec).flops + BESIDES)
        for identity, run in plan.runs.items()
    }


def left_to_train(service: TrialService, costs: Mapping[str, float]) -> float:
    """Operations of all epochs that are neither known nor given up."""
    return sum(
        costs[identity] * (run.horizon - len(service.histories[identity]))
        for identity, run in service.plan.runs.items()
        if not service.is_finished(run)
    )


def seconds_left(service: TrialService, costs: Mapping[str, float], guess: float) -> float:
    """How long the rest will take, at the speed of the epochs that are known.

    guess: the speed, in operations a second, as long as no run has a second epoch; a run's first
    also compiles its step.
    """
    runs = service.histories.items()
    later = [(costs[identity], epoch.seconds) for identity, history in runs for epoch in history[1:]]
    speed = sum(cost for cost, _ in later) / sum(seconds for _, seconds in later) if later else guess
    starts = [history[0].seconds - costs[identity] / speed for identity, history in runs if history]
    start = max(0.0, fmean(starts)) if starts else START
    unfinished = sum(not service.is_finished(run) for run in service.plan.runs.values())
    return left_to_train(service, costs) / speed + unfinished * start


def guessed_speed(size: int = 1024) -> float:
    """Operations a second that an epoch will reach here, judged by the speed of a matrix product."""
    import numpy as np

    a = np.ones((size, size), np.float32)
    seconds = []
    for _ in range(5):  # the first starts the library's threads
        start = time.perf_counter()
        a @ a
        seconds.append(time.perf_counter() - start)
    return EFFICIENCY * 2 * size**3 / min(seconds)


def spoken_time(seconds: float) -> str:
    """A duration as one says it: "about 40 s", "about 12 min", "about 3 h"."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    minutes = seconds / 60
    if minutes < 90:
        return f"about {round(minutes)} min"
    hours = minutes / 60
    return f"about {round(hours)} h" if hours < 48 else f"about {round(hours / 24)} days"
