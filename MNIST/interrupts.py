"""Ctrl-C, or a polite `kill`, ends a command in order; a second one ends the process at once."""

import os
import signal
import socket
import threading
from types import FrameType
from typing import Self

EXIT_CODE = 130  # as a shell reports programs that Ctrl-C has ended


class Interrupts:
    """While this context lasts, an interrupt raises KeyboardInterrupt, and the second one exits.

    Python hears a signal only between two of its own instructions, and a training step in native code
    may take seconds. So a thread listens too: it is told of each signal as it comes. To exit there is
    safe, since no file is ever there in part. Does nothing outside the main thread, which hears signals.

    heard: how many have come.
    """

    def __init__(self) -> None:
        self.heard = 0
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        threading.Thread(target=self._listen, args=(ear,), daemon=True).start()
        self._wakeup = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, _interrupt)
        return self

    def __exit__(self, *ignored: object) -> None:
        for number, handler in self._before.items():
            # Once interrupted, what is left is to leave: another one need not be polite.
            signal.signal(number, signal.SIG_DFL if self.heard else handler)  # type: ignore[arg-type]
        if self._before:
            signal.set_wakeup_fd(self._wakeup)
            self._mouth.close()

    def _listen(self, ear: socket.socket) -> None:
        with ear:
            while number := ear.recv(1):
                self.heard += number[0] in (signal.SIGINT, signal.SIGTERM)
                if self.heard == 2:
                    os._exit(EXIT_CODE)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
