"""The pieces of a batch in step: each has a thread, and they add up what a layer needs of the whole batch.

BatchNorm needs a batch's mean, to which each piece contributes a sum. A piece that has contributed waits
until all have. Meanwhile another one may compute: no more of them do at once than there are threads to use.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from threading import Barrier, BrokenBarrierError, Semaphore
from typing import Any

from MNIST.engines.scratch.layer import Array, Total
from MNIST.engines.scratch.library import Item, Result


def in_step(
    function: Callable[[Item, Total], Result], items: Sequence[Item], pool: Executor, threads: int
) -> list[Result]:
    """A function's results for the pieces of a batch, in their order.

    function: is also given `total`, which it must call as often for each item, and which returns the sum of
    what the function gave it for all items, in their order. pool: has a thread for each item; threads: how
    many of them may compute at once. Raises what the function raises for the first item that fails.
    """
    meeting = _Meeting(len(items), threads)
    try:
        futures = [pool.submit(meeting.attend, index, function, item) for index, item in enumerate(items)]
        wait(futures)
    except BaseException:  # Ctrl-C, or no more threads: else the pieces that have begun would wait for ever
        meeting.abort()
        raise
    errors = [error for future in futures if (error := future.exception())]
    for error in errors:
        if not isinstance(error, BrokenBarrierError):
            raise error
    return [future.result() for future in futures]


class _Meeting:
    """Where the pieces wait for one another."""

    def __init__(self, pieces: int, threads: int) -> None:
        self._given: list[Array] = [None] * pieces
        self._total: Array = None
        self._places = Semaphore(threads)
        self._barrier = Barrier(pieces, self._add)

    def attend(self, index: int, function: Callable[[Any, Total], Result], item: Any) -> Result:
        """The function's result for one piece. If it fails, no other piece waits for it."""

        def total(sums: Array) -> Array:
            self._given[index] = sums
            self._places.release()
            try:
                self._barrier.wait()
            finally:
                self._places.acquire()
            return self._total  # it stays until all pieces, this one too, have given the next sums

        with self._places:
            try:
                return function(item, total)
            except BaseException:
                self.abort()
                raise

    def abort(self) -> None:
        """Let no piece wait for another one any longer: those that wait fail."""
        self._barrier.abort()

    def _add(self) -> None:
        first, *others = self._given
        self._total = sum(others, start=first)
