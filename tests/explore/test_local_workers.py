"""Worker processes: their results come back in order; one that dies is replaced; none is left behind."""

import errno
import math
import os
import pickle
import select
import signal
import subprocess
import sys
import time
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
import pytest
from examples import slowly
from pebble import ProcessPool
from stub_exploration import epoch_of, plan_of
from waiting import eventually

from MNIST.data import About, Dataset
from MNIST.engines import PRELOADED
from MNIST.errors import MNISTError
from MNIST.explore.workers import local
from MNIST.explore.workers.local import LocalWorkers
from MNIST.explore.workers.protocol import Ended, EpochDone, Task, Waiting, WorkerDied
from MNIST.training import EpochResult

IMAGES, LABELS = np.zeros((20, 28, 28), np.uint8), np.zeros(20, np.uint8)
DATASET = Dataset(About(), IMAGES, LABELS, IMAGES, LABELS, "d" * 64)


@pytest.fixture
def workers(tmp_path):
    executor = LocalWorkers(2, DATASET, tmp_path / "checkpoints", "numpy")
    yield executor
    executor.close()


def is_alive(process: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:  # it may end between opening the file and reading it
        return False


def test_values_come_in_the_order_of_the_arguments_from_several_processes(workers, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    processes = set(workers.map(_meet, [(one, other), (other, one)]))
    assert len(processes - {os.getpid()}) == 2
    assert list(workers.map(pow, [(2, n) for n in range(5)])) == [1, 2, 4, 8, 16]


def _meet(mine: Path, other: Path) -> int:
    """Write a file, wait until another process has written its own, and return this process's id."""
    mine.touch()
    eventually(other.exists)
    return os.getpid()


def test_what_a_function_raises_is_raised_here_and_the_worker_goes_on(workers):
    with pytest.raises(ZeroDivisionError):
        list(workers.map(divmod, [(1, 0)]))
    assert list(workers.map(divmod, [(7, 2)])) == [(3, 1)]


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_worker_that_dies_is_said_so_and_replaced(workers):
    with pytest.raises(WorkerDied):
        list(workers.map(os._exit, [(1,)]))
    assert list(workers.map(pow, [(2, 3)] * 3)) == [8] * 3


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_an_idle_worker_that_is_killed_is_replaced(workers):
    processes = set(workers.map(os.getpid, [()] * 4))
    for process in processes:
        os.kill(process, signal.SIGKILL)
    eventually(lambda: not any(map(is_alive, processes)))
    assert list(workers.map(pow, [(2, 3)] * 3)) == [8] * 3


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupt_does_not_end_the_start_of_a_worker_halfway(tmp_path, monkeypatch):
    """Else the worker prints a traceback, because what it was to read never comes."""
    executor, begun = LocalWorkers(1, DATASET, tmp_path / "checkpoints", "numpy"), []
    real = ProcessPool.schedule

    def interrupted(pool, *arguments, **named):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)  # lets the main thread take notice
        begun.append(real(pool, *arguments, **named))
        return begun[-1]

    monkeypatch.setattr(ProcessPool, "schedule", interrupted)
    with pytest.raises(KeyboardInterrupt):
        executor.map(pow, [(2, 3)])
    executor.close()
    assert len(begun) == 1


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_none_is_left_behind_not_even_one_that_is_at_work(tmp_path):
    executor = LocalWorkers(2, DATASET, tmp_path / "checkpoints", "numpy")
    processes = set(executor.map(os.getpid, [()] * 4))
    executor.map(time.sleep, [(3600,)])  # nobody may wait for this, or the test takes an hour
    executor.close()
    assert not any(map(is_alive, processes))


@pytest.mark.skipif(os.name == "nt", reason="a pipe of POSIX")
def test_trials_can_be_stopped_while_many_epochs_wait_to_be_read(workers, monkeypatch):
    """There are more epochs than the pipe holds, and whoever stops the trials also has to read it."""
    monkeypatch.setattr(local, "_train", _report_for_ever)
    tasks = [Task(trial, 10**6) for trial in plan_of().trials.values()][:2]
    for task in tasks:
        workers.start(task)
    eventually(lambda: select.select([], [workers._sender], [], 0)[1] == [])  # the pipe is full
    for task in tasks:
        workers.stop(task.trial.identity)
    ended = []
    while len(ended) < 2:
        ended += [event for event in workers.events(1) if isinstance(event, Ended)]
    assert sorted(event.identity for event in ended) == sorted(task.trial.identity for task in tasks)
    assert all(isinstance(event.error, WorkerDied) for event in ended)


def _report_for_ever(task, checkpoints):
    for epoch in range(1, task.epochs):
        local._send(local._sender, EpochDone(task.trial.identity, epoch_of(task.trial.identity, epoch)))


def test_a_worker_has_the_images_but_not_those_of_the_test_set(workers):
    (shapes,) = workers.map(_shapes, [()])
    assert shapes == [(20, 28, 28), (0, 28, 28)]


@pytest.mark.parametrize(
    "any_engine", ["numpy", "sonn", *slowly(["keras", "tensors", "autograd", "modules"])], indirect=True
)
@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_what_workers_are_forked_from_has_one_thread(any_engine):
    """A fork loses all other threads, and the locks that they hold stay locked for ever."""
    code = f"import os, {PRELOADED[any_engine]}; print(len(os.listdir('/proc/self/task')))"
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    words = [sys.executable, "-c", code]
    outcome = subprocess.run(words, capture_output=True, text=True, check=True, env=environment)
    assert outcome.stdout.strip() == "1"


ASK_WORKER = """
import sys
from pathlib import Path
from MNIST.data import load
from MNIST.explore.workers import worker
from MNIST.explore.workers.local import LocalWorkers

executor = LocalWorkers(1, load(sys.argv[2]), Path("nowhere"), sys.argv[1])
try:
    list(executor.map(worker.describe, [(sys.argv[1], "auto")]))
    heavy = "{'tensorflow', 'keras', 'torch', 'sklearn', 'pandas', 'matplotlib'}"
    question = f"sorted({heavy} & __import__('sys').modules.keys())"
    print(*next(executor.map(eval, [(question,)])))
finally:
    executor.close()
assert not {"tensorflow", "keras", "torch"} & sys.modules.keys()
"""


@pytest.mark.parametrize(
    ("engine", "expected"), [("numpy", ""), pytest.param("keras", "keras tensorflow", marks=pytest.mark.slow)]
)
def test_workers_import_their_engine_and_no_other(engine, expected, digits_folder):
    """It runs in a process of its own: the server that workers are forked from lives as long as that."""
    words = [sys.executable, "-c", ASK_WORKER, engine, str(digits_folder)]
    outcome = subprocess.run(words, capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == expected


def _shapes() -> list[tuple[int, ...]]:
    from MNIST.explore.workers import worker

    return [worker._dataset.train_images.shape, worker._dataset.test_images.shape]


def test_a_worker_that_cannot_be_started_has_its_reason(workers, monkeypatch):
    """The pool says only that it is broken."""

    def fail(*_, **__):
        raise BrokenProcessPool from OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(ProcessPool, "schedule", fail)
    with pytest.raises(MNISTError, match=r"^no worker process can be started: Too many open files$"):
        workers.map(pow, [(2, 3)])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no worker is forked from a server")
def test_the_server_of_workers_ends_with_its_parent_even_while_it_imports(tmp_path):
    (tmp_path / "endless.py").write_text(
        "import pathlib, threading\npathlib.Path('begun').touch()\nthreading.Event().wait()\n"
    )
    begin = "from MNIST.explore.workers import local; local.PRELOADED['keras'] = 'endless'"
    parent = subprocess.Popen(
        [sys.executable, "-c", f"{begin}; local._context('keras'); input()"],
        stdin=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
    )
    eventually((tmp_path / "begun").exists)
    children = [
        int(child) for child in Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    ]
    assert children
    parent.kill()
    parent.wait()
    eventually(lambda: not any(map(is_alive, children)))


def test_every_message_is_written_to_its_pipe_at_once():
    """Even on a system that writes no more than POSIX asks for."""
    numbers = [-math.pi * 10.0**300] * 7
    result = EpochResult(10**9, *numbers, math.pi * 1e7, 2**50)
    for message in (EpochDone("f" * 64, result), Waiting("f" * 64)):
        assert len(pickle.dumps(message)) + local.HEADER <= local.PIPE_BUF
