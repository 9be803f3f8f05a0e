"""A process of its own for many calls: what it imports for one, it has for the next.

Starting the program anew for each command, or a benchmark with each of its measurements, would import Keras,
Talos or matplotlib again, which takes longer than what most tests ask for.
"""

import multiprocessing
import os
import pickle
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any


@contextmanager
def another_process() -> Iterator[ProcessPoolExecutor]:
    """A fresh Python that does what is submitted to it, one call after another."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def run_command(words: list[str], cwd: Path) -> CompletedProcess:
    """Run the program's command line in a folder; return its exit code and what it printed."""
    from MNIST import cli

    return _printed(words, cwd, lambda: cli.main(words))


def run_benchmark(name: str, words: list[str], cwd: Path) -> CompletedProcess:
    """Run a benchmark as `python -m` does, but with all of its measurements in this process."""
    from benchmarks import own_process
    from MNIST.engines.keras.backend import set_threads
    from MNIST.engines.processor import cores

    set_threads(cores())  # as our engine does; TensorFlow takes it only before its first computation
    own_process.in_own_process = _here
    sys.argv = [f"{name}.py", *words]
    module = f"benchmarks.{name}"
    return _printed(words, cwd, lambda: runpy.run_module(module, run_name="__main__", alter_sys=True))


def _here(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function with what another process would get, and return what that would send back."""
    function, arguments = pickle.loads(pickle.dumps((function, arguments)))
    return pickle.loads(pickle.dumps(function(*arguments)))


def _printed(words: list[str], cwd: Path, work: Callable[[], object]) -> CompletedProcess:
    """What work prints, and the exit code that it returns or raises."""
    before = os.environ.copy()
    with chdir(cwd), redirect_stdout(StringIO()) as output, redirect_stderr(StringIO()) as errors:
        try:
            code = work()
        except SystemExit as ended:
            code = ended.code
            if isinstance(code, str):  # as Python itself does
                errors.write(f"{code}\n")
                code = 1
        except Exception:  # noqa: BLE001 - as Python itself would
            traceback.print_exc()
            code = 1
        finally:
            os.environ.clear()
            os.environ.update(before)
    code = code if isinstance(code, int) else 0
    return CompletedProcess(words, code, output.getvalue(), errors.getvalue())
