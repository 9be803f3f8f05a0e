"""What takes over an hour is announced with a shorter command, and begins after a while, or with Enter."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from MNIST import cli
from MNIST.commands import explore, explore_long
from MNIST.explore.smaller import Smaller

pty = pytest.importorskip("pty")  # Windows has none
ROOT = Path(__file__).resolve().parents[2]
LONG = "-e", "100000", "-m", "0.5", "--engine", "numpy", "--workers", "1"


@pytest.mark.parametrize(
    ("words", "shorter", "typed"),
    [
        ("Data s", Smaller(1, halving=True), "Data s --halving"),
        ("Data s -r 0.001,0.01", Smaller(1, fraction=0.05), "Data s -r 0.001,0.01 --fraction 0.05"),
        ("Data s --fraction 0.5 -e 1", Smaller(1, fraction=0.02), "Data s -e 1 --fraction 0.02"),
        ("--fraction=0.5 --images=9 Data s", Smaller(1, images=7), "--fraction=0.5 Data s --images 7"),
        ("'my data' s", Smaller(1, fraction=0.1, images=7), "'my data' s --fraction 0.1 --images 7"),
        ("--halving -- Data s", Smaller(1, fraction=0.1), "--halving --fraction 0.1 -- Data s"),
        ("Data s --set 'units=1,2'", Smaller(1, fraction=1e-5), "Data s --set units=1,2 --fraction 1e-05"),
    ],
)
def test_the_shorter_command_is_what_one_would_type(words, shorter, typed):
    said = explore_long.command(["explore", *shlex.split(words)], shorter)
    assert said == f"python MNIST explore {typed}"
    options = cli.parse("explore", explore.__doc__, shlex.split(said)[3:])
    if shorter.fraction:
        assert float(options["--fraction"]) == shorter.fraction
    if shorter.images:
        assert options["--images"] == str(shorter.images)


def test_without_a_terminal_it_waits_and_goes_on(monkeypatch, capsys):
    waited = []
    monkeypatch.setattr(explore_long.time, "sleep", waited.append)
    explore_long.announce(90_000, True, ["explore", "Data", "s"], Smaller(1800, fraction=0.05))
    assert waited == [explore_long.WAIT]
    said = capsys.readouterr().err
    assert "it takes about 25 h. That is a guess" in said
    assert "A smaller one takes about 30 min:\n    python MNIST explore Data s --fraction 0.05\n" in said
    assert "It begins in 10 s. With --yes it begins at once." in said


@pytest.fixture
def terminal(monkeypatch):
    """A terminal; what is written to the number that it gives is typed there."""
    typed, here = pty.openpty()
    with os.fdopen(here, "r+b", buffering=0) as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        yield typed
    os.close(typed)


def test_nobody_is_asked_at_the_terminal_of_another_session(terminal, monkeypatch):
    """As after `setsid`: the terminal is there, but it does not control this process."""
    for name in "stdout", "stderr":
        monkeypatch.setattr(sys, name, sys.stdin)
    assert not explore_long._can_answer()


def test_enter_ends_the_wait(terminal, capsys):
    os.write(terminal, b"\n")
    explore_long._count_down(explore_long._entered)
    assert capsys.readouterr().err.count("It begins in") == 1


def test_the_seconds_are_counted_down(capsys):
    explore_long._count_down(lambda seconds: False)
    assert re.findall(r"It begins in (\d+) s", capsys.readouterr().err) == [str(n) for n in range(10, 0, -1)]


@pytest.mark.slow
def test_ctrl_c_on_a_terminal_stops_it_before_anything_is_trained(tmp_path, digits_folder):
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "MNIST"), "explore", str(digits_folder), "scan", *LONG]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, **_session()
    )
    os.close(theirs)
    shown = b""
    while b"It begins in" not in shown and (part := _read(ours)):
        shown += part
    process.send_signal(signal.SIGINT)
    while part := _read(ours):
        shown += part
    said = shown.decode()
    assert process.wait() == 130, said
    os.close(ours)
    assert re.search(r"A smaller one takes about .*:\s+python \S+ explore .* --images \d+", said)
    assert "Enter begins at once" in said
    assert "Stopped. Nothing was trained." in said
    assert "Traceback" not in said
    files = {path.name for path in (tmp_path / "Hyperparam_Search").rglob("*") if path.is_file()}
    assert files == {"trials.sqlite"}  # no page took the place of an earlier one


def _session() -> dict:
    """The new process has the terminal for its own, as in a shell."""
    import fcntl
    import termios

    return {"start_new_session": True, "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)}


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when nobody has the other end any more
        return b""
