"""Where a command's words go: to stdout; nowhere, with --quiet; or to stderr, beside a document on stdout.

Warnings and errors always go to stderr.
"""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Any, TextIO

_documents: list[TextIO] = []  # stdout itself, while what is printed goes elsewhere


def open_closed_streams() -> None:
    """Give standard streams that are closed, as by `>&-`, an empty input and an output that nobody hears.

    In this order each gets its own descriptor again, so that no other file is taken for it, neither here nor
    in a process that is started.
    """
    for name, mode in ("stdin", "r"), ("stdout", "w"), ("stderr", "w"):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123, SIM115 - until the program ends
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)


@contextmanager
def directed(quiet: bool, with_document: bool) -> Iterator[None]:
    """While this lasts, send what is printed to where the options want it.

    quiet: nothing is printed, by libraries and by the processes that are started meanwhile neither.
    with_document: only what `print_json` prints goes to stdout.
    """
    if not quiet and not with_document:
        yield
        return
    with ExitStack() as stack:
        _documents.append(sys.stdout)
        stack.callback(_documents.pop)
        target = sys.stderr
        if quiet:
            target = stack.enter_context(open(os.devnull, "w", encoding="utf-8", errors="replace"))  # noqa: PTH123
        if quiet and not with_document:
            stack.enter_context(_silent_descriptor(1, target.fileno()))
        stack.enter_context(redirect_stdout(target))
        yield


@contextmanager
def _silent_descriptor(number: int, silent: int) -> Iterator[None]:
    """Let an open file of this process, and of those that it starts, be another one for a while."""
    try:
        saved = os.dup(number)
    except OSError:  # it is closed
        yield
        return
    sys.stdout.flush()
    os.dup2(silent, number)
    try:
        yield
    finally:
        os.dup2(saved, number)
        os.close(saved)


def print_json(document: object) -> None:
    """Print a document as JSON on stdout. A number that is not finite is null in it."""
    import json

    stream = _documents[-1] if _documents else sys.stdout
    print(json.dumps(_finite(document), indent=2, allow_nan=False), file=stream)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
