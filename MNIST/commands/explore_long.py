"""Before an exploration that takes over an hour: its length, a shorter command, ten seconds to think."""

import os
import select
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from MNIST.program import as_typed, program

if TYPE_CHECKING:
    from MNIST.explore.smaller import Smaller

LONG = 3600.0  # seconds
WAIT = 10  # seconds


def announce(seconds: float, is_guess: bool, words: Sequence[str], shorter: "Smaller | None") -> None:
    """Say how long an exploration takes and which one is shorter, and wait for WAIT seconds.

    On a terminal the seconds are counted down, and Enter ends the wait. Elsewhere nobody is asked.
    words: the command, from `explore` on. Raises KeyboardInterrupt on Ctrl-C.
    """
    from MNIST.explore.forecast import spoken_time

    guess = " That is a guess from the speed of this machine; --plan measures it." if is_guess else ""
    lines = [f"This exploration is long: it takes {spoken_time(seconds)}.{guess}"]
    if shorter is not None:
        lines += [f"A smaller one takes {spoken_time(shorter.seconds)}:", f"    {command(words, shorter)}"]
    asked = _can_answer()
    if asked:
        lines.append("Ctrl-C stops it before anything is trained, Enter begins at once. --yes asks nothing.")
    else:
        lines.append(f"It begins in {WAIT} s. With --yes it begins at once.")
    print("\n".join(lines), file=sys.stderr, flush=True)
    try:
        _count_down(_entered) if asked else time.sleep(WAIT)
    except KeyboardInterrupt:
        print("\nStopped. Nothing was trained.", file=sys.stderr, flush=True)
        raise


def command(words: Sequence[str], shorter: "Smaller") -> str:
    """The command line of a smaller exploration, as somebody types it. words: as for `announce`."""
    place = words.index("--") if "--" in words else len(words)
    before, behind = list(words[:place]), list(words[place:])
    if shorter.halving:
        before.append("--halving")
    if shorter.fraction is not None:
        before = [*_without("--fraction", before), "--fraction", f"{shorter.fraction:g}"]
    if shorter.points is not None:
        before = [*_without("--points", before), "--points", str(shorter.points)]
    if shorter.images is not None:
        before = [*_without("--images", before), "--images", str(shorter.images)]
    return f"{program()} {as_typed(*before, *behind)}"


def _without(option: str, words: Sequence[str]) -> list[str]:
    """The words without an option and its value, however the two are written."""
    kept: list[str] = []
    skipped = False
    for word in words:
        if not skipped and word != option and not word.startswith(f"{option}="):
            kept.append(word)
        skipped = word == option
    return kept


def _can_answer() -> bool:
    """Whether somebody sees what is printed and can press Enter."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()):
        return False
    if os.name == "nt":
        return True
    # The system stops a process in the background, as with `&`, as soon as it reads from its terminal.
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:  # the terminal of another session, as after `setsid`: no Ctrl-C comes from it
        return False


def _count_down(entered: Callable[[float], bool]) -> None:
    """Count WAIT seconds down in one line, until they are over or Enter is pressed.

    entered: waits so many seconds and returns whether Enter was pressed.
    """
    for left in range(WAIT, 0, -1):
        print(f"\rIt begins in {left} s ", end="", file=sys.stderr, flush=True)
        if entered(1.0):
            break
    print("\r" + " " * 20 + "\r", end="", file=sys.stderr, flush=True)


def _entered(seconds: float) -> bool:
    """Wait for Enter, at most so long; return whether it was pressed."""
    if os.name == "nt":
        import msvcrt

        until = time.monotonic() + seconds
        while time.monotonic() < until:
            while msvcrt.kbhit():  # type: ignore[attr-defined]
                if msvcrt.getwch() in "\r\n":  # type: ignore[attr-defined]
                    return True
            time.sleep(0.05)
        return False
    if not select.select([sys.stdin], [], [], seconds)[0]:
        return False
    if os.read(sys.stdin.fileno(), 4096):
        return True
    time.sleep(seconds)  # the terminal is closed: nobody will press Enter, and there is no more to wait for
    return False
