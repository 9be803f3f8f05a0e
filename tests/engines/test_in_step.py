"""Pieces of a batch that wait for one another: what they add up, and that none waits for ever."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from threading import BrokenBarrierError

import pytest

from MNIST.engines.scratch.in_step import in_step


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_each_piece_gets_every_sum_and_no_more_compute_than_there_are_threads(threads):
    computing, most, lock, together = set(), [], threading.Lock(), threading.Event()

    def one(item, total):
        sums = []
        for number in (item, 10 * item):
            with lock:
                computing.add(item)
                most.append(len(computing))
                if len(computing) == min(threads, 2):
                    together.set()
            assert together.wait(60)
            time.sleep(0.02)  # without their places, all three would be here at once
            with lock:
                computing.discard(item)
            sums.append(total(number))
        return item, sums

    with ThreadPoolExecutor(3) as pool:
        assert in_step(one, [1, 2, 3], pool, threads) == [(item, [6, 60]) for item in (1, 2, 3)]
    assert max(most) <= threads


def test_pieces_in_step_do_not_wait_for_one_that_never_begins():
    """Ctrl-C can come between two of them; the threads must end, else the program would not."""
    with ThreadPoolExecutor(3) as pool:
        real, begun = pool.submit, []

        def interrupted(*words):
            if len(begun) == 2:
                raise KeyboardInterrupt
            begun.append(real(*words))
            return begun[-1]

        pool.submit = interrupted
        with pytest.raises(KeyboardInterrupt):
            in_step(lambda item, total: total(item), [1, 2, 3], pool, 2)
        assert all(isinstance(future.exception(timeout=30), BrokenBarrierError) for future in begun)
