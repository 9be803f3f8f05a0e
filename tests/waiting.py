"""Waiting for what happens elsewhere: in another process, in a browser."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")
GIVEN_UP = 300  # seconds, many times what it takes on a busy machine


def eventually(ask: Callable[[], Answer]) -> Answer:
    """Ask until an answer counts as true, and return it. Fails if there is none for a very long time."""
    end = time.monotonic() + GIVEN_UP
    while not (answer := ask()):
        assert time.monotonic() < end, f"not within {GIVEN_UP} seconds"
        time.sleep(0.02)
    return answer
