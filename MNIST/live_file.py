"""Files that tell how a long command goes on, written now and then while it works: live.html.

They are news, and nothing depends on them: whatever goes wrong while one is written costs a line of warning,
and takes at most a small part of the command's time.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from MNIST.files import read_whole, write_atomically

Result = TypeVar("Result")
LIVE = "live.html"
SHARE = 0.005  # of the time; so all of its writing takes at most so much
MOST = 2**27  # bytes of a page that is kept
TRIES = 5  # to write the last state, on Windows, while a browser reads the file
PAUSE = 0.2  # seconds between them


class Pace:
    """Says when something is due again: after `least` seconds, and late enough to take `share` of the time.

    first: seconds from now until it is due for the first time. That time decides nothing, because it also
    imports what it needs.
    """

    def __init__(self, least: float, share: float = SHARE, first: float = 0) -> None:
        self.interval = least
        self._least, self._share = least, share
        self._next, self._is_first = time.monotonic() + first, True

    def is_due(self) -> bool:
        return time.monotonic() >= self._next

    @contextmanager
    def taken(self) -> Iterator[None]:
        """A context in which it is done; its length says when it is due again."""
        begun = time.monotonic()
        try:
            yield
        finally:
            ended = time.monotonic()
            if not self._is_first:
                self.interval = max(self._least, (ended - begun) / self._share)
            self._next, self._is_first = ended + self.interval, False


class LiveFile:
    """A page that is written as often as its pace allows, unless it cannot be written.

    warn: called at most once, with the reason. least, share: as in `Pace`.
    """

    def __init__(self, path: Path, warn: Callable[[str], None], least: float, share: float = SHARE) -> None:
        self.path = path
        self.pace = Pace(least, share)
        self._warn = warn
        self._has_warned = False

    def write_if_due(self, page: Callable[[], str]) -> None:
        """Write what `page` returns, if the last time was long enough ago."""
        if self.pace.is_due():
            self.write(page)

    def write(self, page: Callable[[], str], tries: int = 1) -> None:
        """Write what `page` returns. tries: how often, if another program has the file open (on Windows)."""
        with self.pace.taken():
            text = self.guarded(page)
            if text is not None:
                self._write(text, tries)

    def guarded(self, work: Callable[[], Result]) -> Result | None:
        """What `work` for the page returns; None if it fails, because the command must go on."""
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - no page is worth the end of a training
            self._complain(f"{type(error).__name__}: {error}")
            return None

    def write_last(self, page: Callable[[], str]) -> None:
        """Write the state after which there will be no other."""
        self.write(page, TRIES)

    def content(self) -> bytes | None:
        """What the file holds; None if there is none that can be read."""
        with suppress(OSError):
            return read_whole(self.path, MOST)
        return None

    def put_back(self, content: bytes | None) -> None:
        """Write what the file held before, or remove it, if that is possible."""
        with suppress(OSError):
            if content is None:
                self.path.unlink(missing_ok=True)
            else:
                write_atomically(self.path, content, alone=True)

    def _write(self, text: str, tries: int) -> None:
        for left in reversed(range(tries)):
            try:
                # News that a power cut loses was not worth the wait for the disk.
                write_atomically(self.path, text, alone=True, lasting=False)
                return
            except OSError as error:
                is_open = os.name == "nt" and isinstance(error, PermissionError)  # in a browser, say
                if not is_open:
                    self._complain(error.strerror)
                    return
                if left:
                    time.sleep(PAUSE)

    def _complain(self, reason: object) -> None:
        if not self._has_warned:
            self._has_warned = True
            self._warn(f"{self.path} cannot be written: {reason}")
