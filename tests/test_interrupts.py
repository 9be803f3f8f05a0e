"""A second interrupt ends a process whose main thread is in native code, where Python hears nothing."""

import subprocess
import sys

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
