"""Ctrl-C, or a plain `kill`, ends a command in good order; a second one ends the process at once."""

import _thread
import os
import signal
import socket
import sys
import threading
from types import FrameType
from typing import Self

EXIT_CODE = 130  # a shell reports this for a program that Ctrl-C has ended


class Interrupts:
    """Within this context the first interrupt raises KeyboardInterrupt, and the second ends the process.

    Python handles a signal only between two of its own instructions, and a training step in native code
    may take seconds. So a thread listens too and hears of each signal at once. It may end the process at any
    moment, because no file is ever written in part. Outside the main thread, which receives the signals, this
    context does nothing.

    Where Python ignores every exception, while it deletes an object, an interrupt is raised again afterwards.
    heard: how many interrupts have come. raised: whether one was raised, even if the command went on.
    """

    def __init__(self) -> None:
        self.heard = 0
        self.raised = False
        self._again_raised = 0
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)
        threading.Thread(target=self._listen, args=(ear,), daemon=True).start()
        self._wakeup = signal.set_wakeup_fd(self._mouth.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._interrupt)
        self._unraisable = sys.unraisablehook
        sys.unraisablehook = self._again
        return self

    def __exit__(self, *ignored: object) -> None:
        for number, handler in self._before.items():
            # After an interrupt the command only has to end, so a further signal may kill it.
            signal.signal(number, signal.SIG_DFL if self.heard else handler)  # type: ignore[arg-type]
        if self.raised:
            # If it was raised within an `exec` of a text, as when a dataclass is made, Python would end by
            # the signal, and not with our exit code. The next `exec` makes Python forget that.
            exec("")
        if self._before:
            signal.set_wakeup_fd(self._wakeup)
            self._mouth.close()
            sys.unraisablehook = self._unraisable

    def _listen(self, ear: socket.socket) -> None:
        with ear:
            while number := ear.recv(1):
                self.heard += number[0] in (signal.SIGINT, signal.SIGTERM)
                if self.heard - self._again_raised == 2:
                    os._exit(EXIT_CODE)

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:
        self.raised = True
        raise KeyboardInterrupt

    def _again(self, ignored: "sys.UnraisableHookArgs") -> None:
        """Raise an interrupt again that Python was about to ignore; report other exceptions as usual."""
        if issubclass(ignored.exc_type, KeyboardInterrupt):
            self._again_raised += 1
            threading.Timer(0.01, _thread.interrupt_main).start()  # when Python is done with the ignored one
        else:
            self._unraisable(ignored)
