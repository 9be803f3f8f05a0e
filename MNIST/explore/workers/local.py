"""The executor of this machine: worker processes, which are renewed now and then, and replaced if they die.

Each worker is a pool of its own, so that what a killed worker leaves behind (a lock, half a message)
affects no other. Where the system allows it, workers are forked from a server that has imported the
engine once: with Keras, a new worker then takes a fifth of a second rather than three seconds.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from MNIST.data import Dataset
from MNIST.engines import PRELOADED
from MNIST.errors import MNISTError
from MNIST.explore.workers import worker
from MNIST.explore.workers.protocol import TRIES, Ended, EpochDone, Event, Task, Waiting, WorkerDied
from MNIST.training import EpochResult

PULSE = 0.05  # seconds between two checks whether a trial is over
TRIALS_A_WORKER = 50  # then it is renewed: TensorFlow keeps some 7 MB of every network that it has built
HEADER = 4  # bytes that a connection writes before a message
PIPE_BUF = 512  # bytes that every system writes to a pipe at once; POSIX asks for as many, Linux writes 4,096
DIED = (ProcessExpired, BrokenExecutor)


class LocalWorkers:
    """Worker processes on this machine. See `Executor` for what each method promises.

    dataset, checkpoints: what to train with, and the folder for the checkpoints. Workers that get no dataset
    only compute functions (`map`).
    engine: the name of the engine that they will compute with, so that it is imported ahead.
    """

    def __init__(
        self, workers: int, dataset: Dataset | None, checkpoints: Path = Path(), engine: str = "keras"
    ) -> None:
        self.workers = workers
        self.left_out: list[str] = []
        self._checkpoints = checkpoints
        self._receiver, self._sender = multiprocessing.Pipe(duplex=False)
        context = _context(engine)
        images = dataset and replace(
            dataset, test_images=dataset.test_images[:0], test_labels=dataset.test_labels[:0]
        )
        self._make_pool: Callable[[], ProcessPool] = lambda: ProcessPool(
            max_workers=1,
            max_tasks=TRIALS_A_WORKER,
            initializer=_begin,
            initargs=(images, self._sender),
            context=context,
        )
        # An interrupt is raised in the main thread: there it could end the start of a worker halfway.
        self._starter = ThreadPoolExecutor(1)
        self._starter.submit(int).result()  # its thread is there now, so that `close` can wait for it
        self._pools = [self._make_pool() for _ in range(workers)]
        self._free = list(self._pools)
        self._busy: dict[str, tuple[ProcessPool, ProcessFuture[None]]] = {}

    def start(self, task: Task) -> None:
        self._busy[task.trial.identity] = self._schedule(_train, (task, self._checkpoints))

    def events(self, seconds: float) -> Sequence[Event]:
        until = time.monotonic() + seconds
        while True:
            # First see which trials are over, then read: so a worker's last news come before its end.
            over = [identity for identity, (_, future) in self._busy.items() if future.done()]
            found: list[Event] = []
            while self._receiver.poll():
                found.append(pickle.loads(self._receiver.recv_bytes()))  # noqa: S301 - from our own workers
            found += [Ended(identity, self._give_back(*self._busy.pop(identity))) for identity in over]
            left = until - time.monotonic()
            if found or left <= 0:
                return found
            self._receiver.poll(min(left, PULSE))

    def stop(self, identity: str) -> None:
        if identity in self._busy:
            self._busy[identity][1].cancel()

    def map(self, function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        waiting = list(enumerate(arguments))[::-1]
        running: dict[int, tuple[ProcessPool, ProcessFuture[Any]]] = {}

        def fill() -> None:
            while waiting and self._free:
                number, words = waiting.pop()
                running[number] = self._schedule(function, words)

        def results() -> Iterator[Any]:
            try:
                for index, words in enumerate(arguments):
                    for attempt in range(TRIES):
                        pool, future = running.pop(index)
                        error = self._give_back(pool, future)
                        if not isinstance(error, WorkerDied) or attempt == TRIES - 1:
                            break
                        running[index] = self._schedule(function, words)
                    fill()
                    if error:
                        raise error
                    yield future.result()
            finally:  # after an error, others may still be at work
                self._free += [self._replaced(pool) for pool, _ in running.values()]

        fill()  # start now, so that the caller can do something else meanwhile
        return results()

    def close(self) -> None:
        self._starter.shutdown()
        for pool in self._pools:
            pool.stop()
        for pool in self._pools:
            pool.join()
        self._pools, self._free, self._busy = [], [], {}

    def _schedule(
        self, function: Callable[..., Any], arguments: Sequence[Any]
    ) -> tuple[ProcessPool, ProcessFuture[Any]]:
        pool = self._free.pop()
        try:
            return pool, self._starter.submit(pool.schedule, function, args=arguments).result()
        except RuntimeError:  # its worker was killed while it had nothing to do
            pool = self._replaced(pool)
        try:
            return pool, self._starter.submit(pool.schedule, function, args=arguments).result()
        except RuntimeError as error:
            cause = error.__cause__ or error  # the pool's own error has no words
            reason = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
            raise MNISTError(f"no worker process can be started: {reason}") from error

    def _give_back(self, pool: ProcessPool, future: ProcessFuture[Any]) -> BaseException | None:
        """Wait for a pool's task, mark the pool as free, and return what the task raised, or None."""
        try:
            error = future.exception()
        except CancelledError:
            error = WorkerDied("stopped")
        if isinstance(error, DIED):
            error = WorkerDied(f"a worker process died: {error}")
        if isinstance(error, WorkerDied):  # the pool's pipes may hold half a message
            pool = self._replaced(pool)
        self._free.append(pool)
        return error

    def _replaced(self, pool: ProcessPool) -> ProcessPool:
        """End a pool and its worker, and return a new pool in its place."""
        pool.stop()
        pool.join()
        new = self._make_pool()
        self._pools[self._pools.index(pool)] = new
        return new


def _context(engine: str) -> Any:
    """How workers are started: forked from a server where that is safe, else each by itself.

    It is safe if nothing that the server imports starts a thread. Keras with a backend other than TensorFlow
    does start one.
    """
    threadless = engine != "keras" or os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow"
    if sys.platform != "linux" or not threadless:  # macOS's own libraries do not survive a fork either
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["MNIST.explore.workers.server", __name__, PRELOADED[engine]])
    # The server inherits three things: one thread, so that it can fork safely; a blocked Ctrl-C, which only
    # the parent handles; and the path of our modules, which Python 3.11 does not pass on.
    changes = {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return context


_sender: Connection | None = None


def _begin(dataset: Dataset | None, sender: Connection) -> None:
    """In a new worker: take the dataset, and arrange to end when the parent ends for whatever reason."""
    global _sender
    _sender = sender
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a worker that is stopped ends at once
    parent = multiprocessing.parent_process()
    assert parent is not None
    sentinel = parent.sentinel
    threading.Thread(target=lambda: (wait([sentinel]), os._exit(1)), daemon=True).start()
    if dataset is not None:
        worker.hold(dataset)


def _train(task: Task, checkpoints: Path) -> None:
    """In a worker: do a task, and send its events."""
    identity = task.trial.identity

    def report(result: EpochResult) -> None:
        _send(_sender, EpochDone(identity, result))

    worker.train(task, checkpoints, report, lambda: _send(_sender, Waiting(identity)))


def _send(sender: Connection | None, message: Event) -> None:
    """Send a message without a lock: it is smaller than a pipe's atomic write, so it arrives whole.

    A worker that is killed while it holds a lock would block all others.
    """
    assert sender is not None
    content = pickle.dumps(message)
    assert len(content) + HEADER <= PIPE_BUF
    with suppress(BrokenPipeError):  # the parent has ended; this worker will, too
        sender.send_bytes(content)
