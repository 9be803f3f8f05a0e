"""A second interrupt ends a process whose main thread is in native code, where Python hears nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

DEAF = """
import hashlib, signal, sys, threading
from MNIST.interrupts import Interrupts

sys.setswitchinterval(1000)  # the main thread goes on until it is in native code
busy = threading.Event()

def interrupt():
    busy.wait()
    print("once", flush=True)
    signal.raise_signal(signal.SIGINT)
    if len(sys.argv) > 1:
        signal.raise_signal(signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
with Interrupts():
    busy.set()
    hashlib.pbkdf2_hmac("sha256", b"", b"", int(sys.argv[-1]) if len(sys.argv) > 1 else 3_000_000)
    print("this line is not reached")
"""


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", DEAF, *words], capture_output=True, text=True, timeout=300)


def test_one_interrupt_is_heard_when_the_native_code_ends():
    ended = run()
    assert ended.stdout == "once\n"
    assert ended.stderr.endswith("KeyboardInterrupt\n")


def test_a_second_one_ends_the_process_at_once():
    ended = run(str(10**9))  # ten minutes
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "once\n", "")


LOST = """
import signal
from MNIST import cli
from MNIST.commands import check

class Deaf:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)  # Python ignores every exception here

def run(options):
    deaf = Deaf()
    del deaf
    for number in range(10**9):
        pass

check.run = run
raise SystemExit(cli.main(["check", "lenet5"]))
"""

TAKEN = """
import signal
from MNIST import cli
from MNIST.commands import check

def run(options):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        pass  # as some libraries do

check.run = run
raise SystemExit(cli.main(["check", "lenet5"]))
"""


@pytest.mark.parametrize("program", [LOST, TAKEN], ids=["lost", "taken"])
def test_an_interrupt_that_did_not_end_the_command_is_no_success(program):
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "interrupted\n")


WITHIN = """
import signal
from MNIST import cli
from MNIST.commands import check

def run(options):
    exec("signal.raise_signal(signal.SIGINT)", {"signal": signal})  # as a dataclass is made

check.run = run
raise SystemExit(cli.main(["check", "demo"]))
"""


def test_an_interrupt_while_a_dataclass_is_made_has_the_same_exit_code(tmp_path):
    """Python ends a program that is started as a folder, as ours is, in another way than a file."""
    (tmp_path / "__main__.py").write_text(WITHIN)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run([sys.executable, str(tmp_path)], capture_output=True, text=True, env=environment)
    assert (ended.returncode, ended.stderr) == (130, "interrupted\n")


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.02, 0.03, 0.05])
def test_while_the_program_is_imported_it_ends_without_a_traceback(seconds):
    """What Python itself says in the first moments is not ours."""
    words = [sys.executable, "-X", "importtime", str(ROOT / "MNIST"), "check", "lenet5"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.endswith("| signal\n"):  # the program has begun, and its first statement follows
            break
    next(process.stderr)  # it has imported one thing more
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert "Traceback" not in errors
    assert process.returncode in (-signal.SIGINT, 130, 0)
