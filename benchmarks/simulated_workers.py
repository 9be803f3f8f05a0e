"""Simulated workers of a cluster, on a clock of their own: random epochs, delays, deaths, lost machines."""

import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from heapq import heappop, heappush
from typing import Any

from MNIST.explore.workers.protocol import Ended, EpochDone, Event, MachineGone, Task, WorkerDied
from MNIST.training import EpochResult


@dataclass
class Machine:
    """A machine: how many workers it has, how many of them have no work, and the trials of the others."""

    workers: int
    free: int
    under_way: dict[str, "Work"] = field(default_factory=dict)


@dataclass(eq=False)
class Work:
    """A trial under way: from which epoch on, and on which machine."""

    task: Task
    machine: Machine
    done: int


class SimulatedWorkers:
    """An Executor without workers. `now` is its clock, in seconds, which `events` moves to the next event.

    It does what a cluster does: a task waits while no worker is free, a dead worker is replaced, a trial goes
    on after its last epoch that has arrived, and nothing enters that a worker says after it was given up.
    fails: whether workers are killed, machines go away and come back, and connections are lost for a while.
    hangs: the part of epochs that never end, until `stop`. each: how many workers a machine has.
    """

    EPOCH = (
        60.0  # seconds of an epoch; from one trial to the next between two thirds and one and a half of it
    )
    DELAY = 1.0  # seconds until what is sent arrives, at most
    KILLED = 0.003  # the part of epochs in which the worker dies
    START = 10.0  # seconds until there is another worker
    MACHINE_LIFE, ABSENCE = 40_000.0, 600.0  # seconds until a machine goes away, on average; until it is back
    SILENCE = 60.0  # seconds for which a connection is lost
    SILENT = 0.001  # the part of messages at which it is lost

    def __init__(
        self, workers: int, seed: int = 0, *, fails: bool = True, hangs: float = 0.0, each: int = 10
    ) -> None:
        self.workers = workers
        self.left_out: list[str] = []
        self.now = 0.0
        self.deaths = 0
        self.own_seconds = 0.0  # processor time of the simulation itself
        self.useful = self.offered = 0.0  # seconds of epochs that count; of all workers that were there
        self._chance, self._fails, self._hangs = random.Random(seed), fails, hangs
        self._coming: list[tuple[float, int, Callable[[], list[Event]]]] = []  # a heap: when, a number, what
        self._number = 0
        self._done: dict[str, int] = {}
        self._under_way: dict[str, Work] = {}
        self._queue: deque[Task] = deque()
        self._found: list[Event] = []
        sizes = [each] * (workers // each) + [workers % each] * (workers % each > 0)
        self._machines = [Machine(size, size) for size in sizes]
        self._with_room = list(self._machines)
        for machine in self._machines if fails else ():
            self._later(self._chance.expovariate(1 / self.MACHINE_LIFE), partial(self._lose, machine))

    @property
    def efficiency(self) -> float:
        """The useful part of the time of all workers that were there."""
        return self.useful / self.offered

    def start(self, task: Task) -> None:
        with self._in_own_time():
            assert len(self._under_way) + len(self._queue) < self.workers, "no worker is free"
            assert task.trial.identity not in self._under_way, "it is under way"
            self._queue.append(task)
            self._start_queued()

    def events(self, seconds: float) -> Sequence[Event]:
        with self._in_own_time():
            while not self._found:
                when = self._coming[0][0] if self._coming else self.now + seconds
                if not self._under_way or not self._coming:  # nothing will come by itself
                    when = min(when, self.now + seconds)
                self.offered += self.workers * (when - self.now)
                self.now = when
                if not self._coming or self._coming[0][0] > when:
                    break
                self._found += heappop(self._coming)[2]()
                self._start_queued()
            found, self._found = self._found, []
            return found

    def stop(self, identity: str) -> None:
        with self._in_own_time():
            for task in [task for task in self._queue if task.trial.identity == identity]:
                self._queue.remove(task)
                self._found.append(Ended(identity, WorkerDied("stopped")))
            if identity in self._under_way:
                self._found += self._die(self._under_way[identity], "stopped")

    def map(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        return iter([function(*words) for words in arguments])

    def close(self) -> None:
        self._under_way, self._coming = {}, []

    def _start_queued(self) -> None:
        while self._queue and self._with_room:
            machine = self._with_room[-1]
            machine.free -= 1
            if not machine.free:
                self._with_room.pop()
            task = self._queue.popleft()
            work = Work(task, machine, self._done.get(task.trial.identity, 0))
            self._under_way[task.trial.identity] = machine.under_way[task.trial.identity] = work
            self._send(partial(self._next, work))

    def _next(self, work: Work) -> list[Event]:
        """Begin the next epoch of a trial; it ends after its last one."""
        if not self._is_under_way(work):
            return []
        identity = work.task.trial.identity
        if work.done == work.task.epochs:
            self._leave(work)
            self._free(work.machine)
            return [Ended(identity)]
        of_trial = 1.5 ** (int(identity[:6], 16) / 2**23 - 1)
        seconds = self.EPOCH * of_trial * self._chance.uniform(0.9, 1.1)
        fate = self._chance.random()
        if fate < self._hangs:
            return []
        if self._fails and fate < self._hangs + self.KILLED:
            self._later(self._chance.random() * seconds, lambda: self._die(work, "killed"))
        else:
            self._later(seconds, lambda: self._done_there(work, seconds))
        return []

    def _done_there(self, work: Work, seconds: float) -> list[Event]:
        """An epoch is done: the news are on their way, and the worker goes on."""
        if self._is_under_way(work):
            work.done += 1
            self._send(partial(self._arrived, work, work.done, seconds))
        return []

    def _arrived(self, work: Work, epoch: int, seconds: float) -> list[Event]:
        if not self._is_under_way(work):  # too late: it was given up
            return []
        identity = work.task.trial.identity
        self._done[identity] = epoch
        self.useful += seconds
        return [EpochDone(identity, result_of(identity, epoch)), *self._next(work)]

    def _die(self, work: Work, why: str) -> list[Event]:
        """End a worker; there is another one in a while."""
        if not self._is_under_way(work):
            return []
        self.deaths += 1
        self._leave(work)
        self._later(self.START, partial(self._born, work.machine, work.machine.under_way))
        return [Ended(work.task.trial.identity, WorkerDied(why))]

    def _born(self, machine: Machine, life: object) -> list[Event]:
        if life is machine.under_way:  # the machine has not gone away meanwhile
            self._free(machine)
        return []

    def _lose(self, machine: Machine) -> list[Event]:
        """A machine goes away with all its workers, and comes back after a while."""
        lost = list(machine.under_way.values())
        for work in lost:
            self._leave(work)
        self.deaths += machine.workers
        self.workers -= machine.workers
        machine.free, machine.under_way = 0, {}
        if machine in self._with_room:
            self._with_room.remove(machine)
        self._later(self.ABSENCE, lambda: self._return(machine))
        return [Ended(work.task.trial.identity, MachineGone("its machine has gone")) for work in lost]

    def _return(self, machine: Machine) -> list[Event]:
        self.workers += machine.workers
        for _ in range(machine.workers):
            self._free(machine)
        self._later(self._chance.expovariate(1 / self.MACHINE_LIFE), lambda: self._lose(machine))
        return []

    def _free(self, machine: Machine) -> None:
        machine.free += 1
        if machine.free == 1:
            self._with_room.append(machine)

    def _leave(self, work: Work) -> None:
        del self._under_way[work.task.trial.identity], work.machine.under_way[work.task.trial.identity]

    def _is_under_way(self, work: Work) -> bool:
        return self._under_way.get(work.task.trial.identity) is work

    def _send(self, what: Callable[[], list[Event]]) -> None:
        """Let something happen once a message has arrived."""
        lost = self._fails and self._chance.random() < self.SILENT
        self._later(self._chance.random() * self.DELAY + self.SILENCE * lost, what)

    def _later(self, seconds: float, what: Callable[[], list[Event]]) -> None:
        self._number += 1
        heappush(self._coming, (self.now + seconds, self._number, what))

    @contextmanager
    def _in_own_time(self) -> Iterator[None]:
        begun = time.process_time()
        yield
        self.own_seconds += time.process_time() - begun


def result_of(identity: str, epoch: int) -> EpochResult:
    """The numbers of an epoch, which follow from its trial alone: better with each epoch."""
    accuracy = 1 - (1 + int(identity[:6], 16) / 2**24) / (10 * epoch)
    return EpochResult(epoch, 1 / epoch, accuracy, 1.1 / epoch, accuracy, 0.001, 1.0, 0.1, 60.0, 0)
