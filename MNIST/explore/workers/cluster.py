"""The executor of a Ray cluster: as many workers as its processors allow, on all of its machines.

No disk is shared. The checkpoints stay here: a trial is sent with its newest checkpoint and sends back each
new one. A machine that is lost therefore costs only unfinished epochs, and any other machine can go on.
"""

import os
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from MNIST.data import Dataset
from MNIST.errors import BusyError, MNISTError
from MNIST.explore.workers import worker
from MNIST.explore.workers.cluster_connection import connect
from MNIST.explore.workers.cluster_worker import Begun, ClusterWorker, Folder, News, read_files
from MNIST.explore.workers.protocol import (
    TRIES,
    Ended,
    EpochDone,
    Event,
    MachineGone,
    Task,
    Waiting,
    WorkerDied,
)
from MNIST.files import only_one, write_atomically
from MNIST.program import install_command

TRIALS_A_WORKER = 50  # then it is renewed: TensorFlow keeps some 7 MB of every network that it has built
START_SECONDS = 180.0  # if no worker appears for so long, those still missing are given up
ANSWER_SECONDS = 20.0  # an idle worker must answer within this time
FETCH_SECONDS = 60.0  # a task must arrive there, and a value that is ready here, within this time
SUSPECT = 3  # so many deaths on a machine, of trials that others then trained on, are the machine's fault
GONE = "has gone"
BROKEN = "its workers died of trainings that went on elsewhere"
PULSE = 0.5  # seconds between two checks of what does not report by itself: locks, new workers


@dataclass(eq=False)
class _Worker:
    """A Ray actor. born: the reference to its description, which is ready as soon as it can train."""

    actor: Any
    node: dict[str, Any]
    born: Any
    trials: int = 0


@dataclass(eq=False)
class _UnderWay:
    """A task that a worker has, and the lock of its trial.

    coming: a reference to news that are on their way, or None. begun: whether the worker has the task.
    deadline: when the worker is given up unless it answers; infinity while it trains.
    """

    task: Task
    worker: _Worker
    news: Any
    lock: ExitStack
    deadline: float
    coming: Any = None
    begun: bool = False


class ClusterWorkers:
    """Workers on a cluster's machines. See `Executor` for what each method promises.

    address: "auto" for the cluster that runs on this machine, "HOST:PORT" for the head of a cluster,
    "local" to start one here for this exploration. workers: how many at most; the default is as many as
    the processors allow. threads: how many processors each worker takes. engine: what it trains with.
    description: what `worker.describe` returns on every worker, in float32.
    left_out: machines that do not train (any more), and why. Machines that would compute other digits than
    most are left out, too: results must not depend on where a trial runs.
    Raises MNISTError if there is no such cluster or none of its machines can train, UsageError if Ray
    is not installed.
    """

    def __init__(
        self,
        address: str,
        workers: int | None,
        threads: int,
        dataset: Dataset,
        checkpoints: Path,
        engine: str = "keras",
    ) -> None:
        self.workers = 0
        self.left_out: list[str] = []
        self.description: tuple[str, str, str] | None = None
        self._checkpoints, self._threads, self._engine = checkpoints, threads, engine
        self._starting: list[_Worker] = []
        self._free: list[_Worker] = []
        self._queue: dict[str, tuple[Task, float]] = {}  # a task, and when its lock was last found taken
        self._newest: dict[str, int] = {}  # the newest epoch of each trial that a worker has sent
        self._died_on: dict[str, list[str]] = {}  # where a trial's workers have died since that epoch
        self._abandoned: set[str] = set()  # machines that are left out for these deaths
        self._blamed: Counter[str] = Counter()  # machines, for deaths that were not their trials' fault
        self._lost: Counter[str] = Counter()  # how often a trial was sent to a worker that did not take it
        self._under_way: dict[str, _UnderWay] = {}
        self._found: list[Event] = []
        self._last_birth = time.monotonic()
        self._ray = connect(address, (workers or 1) * threads)
        try:
            nothing = dataset.test_images[:0], dataset.test_labels[:0]
            images = replace(dataset, test_images=nothing[0], test_labels=nothing[1])
            self._new_actor = self._ray.remote(ClusterWorker)
            self._dataset = self._ray.put(images)  # one copy for each machine, which its workers share
            self._start_workers(workers)
        except BaseException:
            self.close()
            raise

    def start(self, task: Task) -> None:
        self._queue[task.trial.identity] = task, float("-inf")
        self._start_queued()

    def events(self, seconds: float) -> Sequence[Event]:
        until = time.monotonic() + seconds
        self._receive(0)
        while not self._found and (left := until - time.monotonic()) > 0:
            self._receive(min(left, PULSE))
        found, self._found = self._found, []
        return found

    def stop(self, identity: str) -> None:
        if self._queue.pop(identity, None):
            self._found.append(Ended(identity, WorkerDied("stopped")))
        elif identity in self._under_way:
            self._end(self._under_way[identity], WorkerDied("stopped"), again=False)

    def map(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        waiting = deque(enumerate(arguments))
        running: dict[Any, tuple[int, _Worker]] = {}
        known: dict[int, Any] = {}
        deaths: Counter[int] = Counter()
        try:
            for index in range(len(arguments)):
                while index not in known:
                    while waiting and (member := self._living_worker()):
                        number, words = waiting.popleft()
                        ref = member.actor.call.remote(function, [self._carried(word) for word in words])
                        running[ref] = number, member
                    self._receive(0 if running else PULSE)
                    for ref in self._ready(list(running), PULSE):
                        number, member = running.pop(ref)
                        try:
                            known[number] = self._value(ref, member)
                        except WorkerDied:
                            deaths[number] += 1
                            if deaths[number] == TRIES:
                                raise
                            waiting.appendleft((number, arguments[number]))
                yield known.pop(index)
        finally:
            self._free += [member for _, member in running.values()]  # a busy one finishes its call first

    def close(self) -> None:
        for identity in list(self._under_way):
            self._under_way.pop(identity).lock.close()
        self._queue, self._starting, self._free = {}, [], []
        self._ray.shutdown()  # which ends our actors, wherever they are

    def _start_workers(self, most: int | None) -> None:
        """Start one worker on each machine, keep the largest group of equal workers, fill up their machines.

        Returns when the first worker of each machine can train; the others follow.
        """
        nodes = [node for node in self._ray.nodes() if node["Alive"]]
        room = {node["NodeID"]: int(node["Resources"].get("CPU", 0) // self._threads) for node in nodes}
        nodes = [node for node in nodes if room[node["NodeID"]]]
        if not nodes:
            raise MNISTError(f"no machine of the cluster has {self._threads} processors, as --threads asks")
        for node in nodes:
            self._add_worker(node)
        born: list[tuple[_Worker, tuple[str, str, str]]] = []
        while self._starting:
            born += self._births(PULSE)
        born = self._honest(born, room)
        weights: Counter[tuple[str, str, str]] = Counter()
        for member, description in born:
            weights[description] += room[member.node["NodeID"]]
        self.description = weights.most_common(1)[0][0] if weights else None
        for member, description in born:
            self._admit(member, description)
        for member in self._free[most:] if most else []:
            self._free.remove(member)
            self._ray.kill(member.actor)
            self.workers -= 1
        self._refuse_emptiness()
        nodes = [member.node for member in self._free]
        for number in range(1, max(room.values())):
            for node in nodes:
                if number < room[node["NodeID"]] and self.workers < (most or self.workers + 1):
                    self._add_worker(node)

    def _honest(
        self, born: list[tuple[_Worker, tuple[str, str, str]]], room: Mapping[str, int]
    ) -> list[tuple[_Worker, tuple[str, str, str]]]:
        """The first worker of each machine, without those that compute other numbers than their equals.

        Each trains the same small network; those with the same description must come to the same weights.
        The majority decides, counted by the room of the machines.
        """
        proofs = [member.actor.call.remote(worker.prove, (self._engine, self._threads)) for member, _ in born]
        weights: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        found: list[tuple[_Worker, tuple[str, str, str], str]] = []
        for (member, description), proof in zip(born, proofs, strict=True):
            try:
                digest = self._ray.get(proof, timeout=START_SECONDS)
            except self._ray.exceptions.RayError as error:
                self._leave_out(member, _reason(error) if self._is_there(member.node) else GONE)
                continue
            weights[description][digest] += room[member.node["NodeID"]]
            found.append((member, description, digest))
        honest = []
        for member, description, digest in found:
            if digest == weights[description].most_common(1)[0][0]:
                honest.append((member, description))
            else:
                self._leave_out(
                    member, f"computes other numbers than the others with {', '.join(description[:2])}"
                )
        return honest

    def _add_worker(self, node: dict[str, Any]) -> None:
        """Start a worker on this machine and on no other. It counts in `workers` from now on."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        actor = self._new_actor.options(
            num_cpus=self._threads,
            max_restarts=0,  # the caller counts the tries
            max_task_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        ).remote(self._dataset)
        born = actor.call.remote(worker.describe, (self._engine, "float32"))
        self._starting.append(_Worker(actor, node, born))
        self._last_birth = time.monotonic()
        self.workers += 1

    def _births(self, seconds: float) -> list[tuple[_Worker, Any]]:
        """The workers that have become ready, with their descriptions; failed or late ones are given up."""
        born = []
        for member in self._ready({each.born: each for each in self._starting}, seconds):
            self._starting.remove(member)
            self._last_birth = time.monotonic()
            try:
                born.append((member, self._ray.get(member.born, timeout=FETCH_SECONDS)))
            except self._ray.exceptions.RayError as error:
                reason = _reason(error) if self._is_there(member.node) else GONE
                self._leave_out(member, reason)
        if time.monotonic() > self._last_birth + START_SECONDS:
            for member in self._starting[:]:
                self._starting.remove(member)
                self._leave_out(member, f"did not start within {START_SECONDS:.0f} seconds")
        return born

    def _admit(self, member: _Worker, description: tuple[str, str, str]) -> None:
        """Let a worker train if its description is that of all others, so that its numbers are, too."""
        if description == self.description:
            self._free.append(member)
        else:
            self._leave_out(member, f"computes with {', '.join(description[:2])}, the others not")

    def _leave_out(self, member: _Worker, reason: str) -> None:
        self._ray.kill(member.actor)
        self.workers -= 1
        self._mention(member.node, reason)

    def _mention(self, node: dict[str, Any], reason: str) -> None:
        line = f"{_name(node)}: {reason}"
        if line not in self.left_out:
            self.left_out.append(line)

    def _replace(self, member: _Worker) -> None:
        """End a worker, and start another on its machine if the machine is still there."""
        self._ray.kill(member.actor)
        self.workers -= 1
        if member.node["NodeID"] in self._abandoned:
            self._mention(member.node, BROKEN)
        elif self._is_there(member.node):
            self._add_worker(member.node)
        else:
            self._mention(member.node, GONE)

    def _living_worker(self) -> _Worker | None:
        """A free worker that answers. A worker that died while idle is replaced, and no trial is blamed."""
        while self._free:
            member = self._free.pop()
            answer = member.actor.call.remote(os.getpid, ())
            try:
                self._ray.get(answer, timeout=ANSWER_SECONDS)
            except self._ray.exceptions.RayError:
                self._replace(member)
            else:
                return member
        return None

    def _is_there(self, node: dict[str, Any]) -> bool:
        return any(each["NodeID"] == node["NodeID"] and each["Alive"] for each in self._ray.nodes())

    def _refuse_emptiness(self) -> None:
        if self.workers == 0:
            reasons = "".join(f"\n    {line}" for line in self.left_out)
            raise MNISTError(f"the cluster has no worker that can train:{reasons}")

    def _start_queued(self) -> None:
        """Send waiting tasks to free workers, except for trials that another process is training."""
        for identity, (task, last) in list(self._queue.items()):
            if not self._free:
                return
            if time.monotonic() < last + PULSE or (member := self._worker_for(identity)) is None:
                continue
            folder, lock = self._checkpoints / identity, ExitStack()
            try:
                lock.enter_context(only_one(folder.with_suffix(".lock"), busy="another process trains it"))
            except BusyError:
                self._queue[identity] = task, time.monotonic()
                self._found.append(Waiting(identity))
                self._free.append(member)
                continue
            del self._queue[identity]
            news = member.actor.train.options(num_returns="streaming").remote(task, read_files(folder))
            deadline = time.monotonic() + FETCH_SECONDS
            self._under_way[identity] = _UnderWay(task, member, news, lock, deadline)

    def _worker_for(self, identity: str) -> _Worker | None:
        """A free worker for a trial; None if it should wait for another one.

        A trial whose workers died on one machine has its last try on another one, so that no machine alone
        can make it fail.
        """
        died_on = Counter(self._died_on.get(identity, []))
        avoided = {node for node, deaths in died_on.items() if deaths >= TRIES - 1}
        for member in reversed(self._free) if avoided else self._free[-1:]:
            if member.node["NodeID"] not in avoided:
                self._free.remove(member)
                return member
        others = [*self._starting, *(busy.worker for busy in self._under_way.values())]
        if any(member.node["NodeID"] not in avoided for member in others):
            return None
        return self._free.pop()

    def _acquit(self, identity: str, node: dict[str, Any]) -> None:
        """Note that a trial goes on here: machines on which its workers died are to blame for that.

        A machine that is blamed SUSPECT times without an epoch of its own trains no more.
        """
        self._blamed.pop(node["NodeID"], None)
        self._blamed.update(each for each in self._died_on.pop(identity, []) if each != node["NodeID"])
        for each, times in list(self._blamed.items()):
            if times >= SUSPECT:
                del self._blamed[each]
                self._abandon(each)

    def _abandon(self, node_id: str) -> None:
        """Leave out a machine from now on; what is under way there comes to its end."""
        self._abandoned.add(node_id)
        for group in (self._free, self._starting):
            for member in [each for each in group if each.node["NodeID"] == node_id]:
                group.remove(member)
                self._leave_out(member, BROKEN)

    def _receive(self, seconds: float) -> None:
        """Take in what has come from the workers; if nothing has, wait at most so long."""
        coming = {busy.coming or busy.news: busy for busy in self._under_way.values()}
        self._ready([*coming, *(member.born for member in self._starting)], seconds)
        for member, description in self._births(0):
            self._admit(member, description)
        for busy in self._ready(coming, 0):
            self._take(busy)
        now = time.monotonic()
        for busy in [busy for busy in self._under_way.values() if now > busy.deadline]:
            self._end(busy, WorkerDied("it does not answer"))
        self._start_queued()
        self._refuse_emptiness()

    def _take(self, busy: _UnderWay) -> None:
        """Keep what a worker has sent: its checkpoints first, so that a reported epoch is safe."""
        identity, node = busy.task.trial.identity, busy.worker.node
        try:
            if busy.coming is None:
                busy.coming = next(busy.news)
                busy.deadline = time.monotonic() + FETCH_SECONDS
                if not self._ready([busy.coming], 0):  # wait for it beside all others
                    return
            news: Begun | News = self._ray.get(busy.coming, timeout=FETCH_SECONDS)
            busy.coming, busy.deadline = None, float("inf")
            if isinstance(news, Begun):
                busy.begun = True
                return
            _keep(self._checkpoints / identity, news)
        except StopIteration:
            self._end(busy, None)
        except self._ray.exceptions.RayError as error:
            self._end(busy, self._cause(error))
        except OSError as error:  # this disk is full
            self._ray.kill(busy.worker.actor)
            self._end(busy, error)
        else:
            if news.result is not None:
                self._found.append(EpochDone(identity, news.result, _name(node)))
                if news.result.epoch > self._newest.get(identity, 0):  # not one out of its checkpoint again
                    self._newest[identity] = news.result.epoch
                    self._acquit(identity, node)

    def _end(self, busy: _UnderWay, error: BaseException | None, again: bool = True) -> None:
        """Note that a trial is over, release its lock, and free or replace its worker.

        again: send it to another worker if this one has died without having taken it.
        """
        identity, node = busy.task.trial.identity, busy.worker.node
        del self._under_way[identity]
        busy.lock.close()
        if isinstance(error, WorkerDied):
            if not self._is_there(node):
                error = MachineGone(f"{_name(node)} {GONE}")
            elif busy.begun:
                self._died_on.setdefault(identity, []).append(node["NodeID"])
        if isinstance(error, WorkerDied) and again and not busy.begun and self._lost[identity] < TRIES:
            self._lost[identity] += 1
            self._queue[identity] = busy.task, float("-inf")  # it died while it had nothing to do
        else:
            self._lost.pop(identity, None)
            self._found.append(Ended(identity, error))
        busy.worker.trials += 1
        worn = busy.worker.trials >= TRIALS_A_WORKER or node["NodeID"] in self._abandoned
        if worn or isinstance(error, WorkerDied | OSError):
            self._replace(busy.worker)
        else:
            self._free.append(busy.worker)

    def _value(self, ref: Any, member: _Worker) -> Any:
        """What a call on a worker returned. Raises what the call raised, or WorkerDied."""
        try:
            value = self._ray.get(ref, timeout=FETCH_SECONDS)
        except self._ray.exceptions.RayError as error:
            cause = self._cause(error)
            self._replace(member) if isinstance(cause, WorkerDied) else self._free.append(member)
            raise cause from None
        self._free.append(member)
        return value

    def _carried(self, word: Any) -> Any:
        """An argument in a form that can be sent: for a checkpoint folder's path, the checkpoints."""
        if isinstance(word, Path) and word.parent == self._checkpoints:
            return Folder(word.name, read_files(word))
        return word

    def _cause(self, error: Any) -> BaseException:
        """What the worker's own code raised, or a WorkerDied if the worker died."""
        if isinstance(error, self._ray.exceptions.RayTaskError):
            return error.cause
        return WorkerDied(str(error).strip().splitlines()[0])

    def _ready(self, waited_for: Any, seconds: float) -> list[Any]:
        """The references that are ready; for a dictionary, the values of its keys that are ready.

        Waits at most so long for the first one.
        """
        references = list(waited_for)
        if not references:
            time.sleep(seconds)
            return []
        if seconds and not self._ray.wait(references, timeout=seconds)[0]:
            return []
        ready, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
        return [waited_for[ref] for ref in ready] if isinstance(waited_for, dict) else ready


def _name(node: dict[str, Any]) -> str:
    """How a machine is called: its name and its address."""
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def _keep(folder: Path, news: News) -> None:
    """Make a trial's folder here equal to the worker's; the caller holds its lock.

    Raises OSError if the folder cannot be written.
    """
    for name, content in news.files.items():
        if content is not None:
            write_atomically(folder / name, content, alone=True)
    for path in folder.glob("epoch_*.npz"):
        if path.name not in news.files:
            path.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    """The reason why a worker could not start, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    missing = [line for line in lines if "No module named" in line]
    if missing:
        return f"{missing[-1].split('Error: ')[-1]}; there: {install_command()}"
    return lines[-1]
