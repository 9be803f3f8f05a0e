"""Waits for events elsewhere: in another process or in a browser."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")
GIVEN_UP = 300  # seconds, many times what it takes on a busy machine


def eventually(ask: Callable[[], Answer]) -> Answer:
    """Call the function until its result counts as true, and return that; fail after a very long time."""
    end = time.monotonic() + GIVEN_UP
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {GIVEN_UP} seconds"
        time.sleep(0.02)
    return answer
