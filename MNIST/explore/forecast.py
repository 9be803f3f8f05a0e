"""How long an exploration will take: the operations left, divided by the speed of the epochs so far."""

import time
from dataclasses import dataclass
from math import ceil
from statistics import fmean

from MNIST import engines
from MNIST.explore.halving import work_left
from MNIST.explore.plan import Plan, epochs_left
from MNIST.explore.search import Search
from MNIST.explore.trials import TrialService
from MNIST.explore.workers.protocol import Executor
from MNIST.training import EpochResult

# Fitted to epochs of the default exploration with Keras and TensorFlow, one thread, on an AMD EPYC. They are
# only used until epochs of the engine itself are known.
BACKWARD = 3  # a training step costs as much as 3 forward passes: one forward, two products backward
BESIDES = 2.3e6  # an image's cost apart from matrix products, in operations that would take as long
AUGMENTED = 1e6  # the same for making an augmented image
# The same for a step, by engine.
STEPS = {"keras": 3e7, "numpy": 1e7, "tensors": 6e7, "autograd": 7e7, "modules": 5e7, "sonn": 4e7}
# The speed of an epoch, as a proportion of the speed of a float32 matrix product.
EFFICIENCY = {"float32": 0.4, "bfloat16": 0.75, "float64": 0.2}
STARTS = {"keras": 2.0}  # seconds to build a network and compile its step; other engines compile nothing


@dataclass(frozen=True)
class Outlook:
    """How far an exploration is.

    epochs_done: how many of all its epochs need no more work: trained, given up, or saved by a `Stop:`.
    done: the proportion of this session's work that is done, from 0 to 1.
    seconds_left: estimated from the speed of the epochs that are known.
    """

    epochs_done: int
    done: float
    seconds_left: float


class Forecast:
    """The work of an exploration that is left, and how long it takes.

    images: the number of training images. speed: a guess for one worker, in operations per second, which is
    used until an epoch is known. A trial's first epoch takes longer, since it includes the compiling.
    """

    def __init__(
        self, search: Search, service: TrialService, images: int, speed: float, executor: Executor
    ) -> None:
        self.search = search
        self._service = service
        self._executor = executor
        self._usual_start = STARTS.get(engines.name_of(service.plan.settings.engine), 0.0)
        self._known_costs: dict[str, float] = {}
        self.images = images
        self._speed = speed
        self._later = 0.0, 0.0  # operations and seconds of the epochs after each trial's first
        self._first = 0.0, 0.0  # the same for first epochs, without the time that a start takes
        self._starts: list[float] = []
        self._counted: dict[str, int] = {}
        for identity, history in service.readings.histories.items():
            for epoch in history:
                self.note(identity, epoch)
        self._open_rung = search.open_rung(service.readings)
        self._at_first = self._left()[1]

    def note(self, identity: str, epoch: EpochResult) -> None:
        """Learn from the time of an epoch, unless it was noted before."""
        if epoch.epoch <= self._counted.get(identity, 0):
            return
        self._counted[identity] = epoch.epoch
        cost = self._cost(identity)
        if epoch.epoch == 1:
            training = max(epoch.seconds - self._usual_start, epoch.seconds / 4)
            self._first = self._first[0] + cost, self._first[1] + training
            self._starts.append(epoch.seconds - cost / self.speed)
        else:
            self._later = self._later[0] + cost, self._later[1] + epoch.seconds

    @property
    def epochs(self) -> int:
        """How many epochs all of it takes, as far as that is known."""
        return self.search.epochs

    @property
    def trainings(self) -> int | None:
        """How many trainings there will be, as far as that is known; None if most are to stop early."""
        return self.search.trainings

    @property
    def is_guess(self) -> bool:
        """Whether no epoch is known yet, so that the speed is a guess."""
        return not (self._later[1] or self._first[1])

    @property
    def speed(self) -> float:
        """The speed of one worker, in operations per second."""
        operations, seconds = self._later if self._later[1] else self._first
        return operations / seconds if seconds else self._speed

    def look(self) -> Outlook:
        """How far the exploration is now."""
        epochs, operations, starts = self._left()
        return Outlook(
            epochs_done=max(0, self.epochs - round(epochs)),
            done=max(0.0, 1 - operations / self._at_first) if self._at_first else 1.0,
            seconds_left=self._seconds(operations, starts),
        )

    def seconds_of(self, search: Search, images: int) -> float:
        """Seconds that another search would take with so many training images, at the speed known now."""
        histories, plan = self._service.readings.histories, search.plan
        costs = epoch_costs(plan, images)
        left = {
            identity: epochs_left(trial, histories.get(identity, ()), trial.horizon)
            for identity, trial in plan.trials.items()
        }
        operations = sum(epochs * costs[identity] for identity, epochs in left.items())
        starts = sum(epochs > 0 for epochs in left.values())
        part = (search.epochs - search.epochs_to_come) / plan.epochs_shared  # halving drops the rest
        to_come = search.epochs_to_come * fmean(costs.values())
        return self._seconds(part * operations + to_come, part * starts + search.trainings_to_come)

    def _seconds(self, operations: float, starts: float) -> float:
        """Seconds that all workers together take for so many operations, and so many starts of a trial."""
        start = max(0.0, fmean(self._starts)) if self._starts else self._usual_start
        return (operations / self.speed + starts * start) / max(1, self._executor.workers)

    def _left(self) -> tuple[float, float, float]:
        """The epochs, operations and starts of trials that are left, on this rung and on later ones."""
        targets = self._service.ahead if self._open_rung is None else self._open_rung.targets()
        rungs = self.search.rungs if self.search.halving else ()
        work = work_left(targets, rungs, self._service.readings)
        epochs = sum(of_trial for of_trial, _ in work.values())
        operations = sum(of_trial * self._cost(identity) for identity, (of_trial, _) in work.items())
        starts = sum(of_trial for _, of_trial in work.values())
        if to_come := self.search.epochs_to_come:
            epochs += to_come
            operations += to_come * fmean(self._cost(identity) for identity in self._service.plan.trials)
            starts += self.search.trainings_to_come
        return epochs, operations, starts

    def _cost(self, identity: str) -> float:
        """The operations in one epoch of a trial."""
        if identity not in self._known_costs:
            self._known_costs |= epoch_costs(self._service.plan, self.images)
        return self._known_costs[identity]


def epoch_costs(plan: Plan, images: int) -> dict[str, float]:
    """The operations in one epoch of each trial. images: the number of training images."""
    step = STEPS.get(engines.name_of(plan.settings.engine), 0.0) if plan.trials else 0.0
    costs = {}
    for identity, trial in plan.trials.items():
        image = BACKWARD * plan.network(trial).flops + BESIDES + AUGMENTED * bool(trial.spec.augment)
        costs[identity] = images * image + ceil(images / trial.spec.batch_size) * step
    return costs


def guessed_speed(precision: str, size: int = 256) -> float:
    """Operations per second of an epoch on one core here, guessed from the speed of a matrix product.

    size: of the matrices; their product takes less than the system lets a process run at a time.
    """
    import numpy as np
    from threadpoolctl import threadpool_limits  # scikit-learn brings it

    a = np.ones((size, size), np.float32)
    seconds = []
    with threadpool_limits(1):
        for _ in range(100):  # workers start meanwhile: the fastest round was the least disturbed
            start = time.perf_counter()
            a @ a
            seconds.append(time.perf_counter() - start)
    return EFFICIENCY[precision] * 2 * size**3 / min(seconds)


def spoken_time(seconds: float) -> str:
    """A duration in everyday words: "about 40 s", "about 12 min", "about 3 h"."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s"
    minutes = seconds / 60
    if minutes < 90:
        return f"about {round(minutes)} min"
    hours = minutes / 60
    return f"about {round(hours)} h" if hours < 48 else f"about {round(hours / 24)} days"
