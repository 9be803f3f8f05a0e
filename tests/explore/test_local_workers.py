"""Worker processes: what they compute comes back in order; one that dies is replaced; none is left behind."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from MNIST.data import Dataset
from MNIST.explore.workers.local import LocalWorkers
from MNIST.explore.workers.protocol import WorkerDied

IMAGES, LABELS = np.zeros((20, 28, 28), np.uint8), np.zeros(20, np.uint8)
DATASET = Dataset("custom", IMAGES, LABELS, IMAGES, LABELS, "d" * 64)


@pytest.fixture
def workers(tmp_path):
    executor = LocalWorkers(2, DATASET, tmp_path / "checkpoints")
    yield executor
    executor.close()


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_values_come_in_the_order_of_the_arguments_from_several_processes(workers):
    processes = set(workers.map(os.getpid, [()] * 8))
    assert os.getpid() not in processes
    assert 1 <= len(processes) <= 2
    assert list(workers.map(pow, [(2, n) for n in range(5)])) == [1, 2, 4, 8, 16]


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
    for process in set(workers.map(os.getpid, [()] * 4)):
        os.kill(process, signal.SIGKILL)
    time.sleep(0.5)
    assert list(workers.map(pow, [(2, 3)] * 3)) == [8] * 3


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_none_is_left_behind_not_even_one_that_is_at_work(tmp_path):
    executor = LocalWorkers(2, DATASET, tmp_path / "checkpoints")
    processes = set(executor.map(os.getpid, [()] * 4))
    executor.map(time.sleep, [(60,)])
    start = time.monotonic()
    executor.close()
    assert time.monotonic() - start < 10
    assert not any(map(is_alive, processes))


def test_a_worker_has_the_images_but_not_those_of_the_test_set(workers):
    (shapes,) = workers.map(_shapes, [()])
    assert shapes == [(20, 28, 28), (0, 28, 28)]


def _shapes() -> list[tuple[int, ...]]:
    from MNIST.explore.workers import worker

    return [worker._dataset.train_images.shape, worker._dataset.test_images.shape]
