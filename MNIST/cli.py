"""Neural networks as text files.

Usage:
    python MNIST <command> [<arguments>...]
    python MNIST <command> --help
    python MNIST --help | --version

The main job:
    download    fetch a dataset and verify it
    show        show some of its images with their labels
    check       read model files: print a table of layers, or every mistake
    train       train the network that a model file describes
    test        evaluate trained networks on the test set
    explore     scan a grid of hyper-parameters

To look into it, try it and share it:
    predict     tell which digit is in your own pictures
    explain     show what each layer makes of one image, and why the network answers so
    page        write a web page on which you draw digits and the networks answer
    export      write a trained network as a file for other programs: ONNX, Keras

To trust it:
    certify     prove that every engine computes the same step

To begin:
    demo        run all of it, once, quickly

A model file is text with one line for each layer; see Models/ and Model_Specification.md.
With --debug, any command shows where an error came from.
"""

# This file parses the command line, calls the command, and turns errors into exit codes. It imports
# nothing heavy, so that `--help` and `check` answer at once.

import importlib
import os
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from MNIST import __version__
from MNIST.errors import MNISTError, UsageError, did_you_mean, quoted
from MNIST.interrupts import EXIT_CODE as INTERRUPTED
from MNIST.interrupts import Interrupts
from MNIST.program import as_started, install_command, program

COMMANDS = (
    *("download", "show", "check", "train", "test", "explore"),
    *("predict", "explain", "page", "export", "certify", "demo"),
)

USAGE = __doc__ or ""
BROKEN_PIPE = 141  # a shell reports this for a program that the signal SIGPIPE has ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: one that README.md lists, or BROKEN_PIPE."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # else a plain C locale raises UnicodeEncodeError
    interrupts = Interrupts()
    try:
        with interrupts:
            code = _dispatch(words)
        sys.stdout.flush()
        if interrupts.raised:  # some library took it for an error of its own, and went on
            raise KeyboardInterrupt
        return code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has closed the pipe. Python flushes stdout again at exit, so it gets a sink.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the one place where every error ends
        if interrupts.heard:  # some libraries turn an interrupt into an error of their own
            print("interrupted", file=sys.stderr)
            return INTERRUPTED
        if debug:
            traceback.print_exc()
        else:
            print(_explained(error), file=sys.stderr)
        return error.exit_code if isinstance(error, MNISTError) else 1


def _explained(error: Exception) -> str:
    """Say in a few lines what went wrong, for the person who typed the command."""
    if isinstance(error, MNISTError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory: try a smaller batch, fewer images or a smaller network"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("MNIST"):
        return (
            f"{error.name} is not installed in this Python ({sys.executable}).\n"
            "Activate the environment that it is installed in, or install what is needed:\n"
            f"    {install_command()}"
        )
    return (
        f"internal error: {type(error).__name__}: {error}\n"
        "This is a fault of the program; run again with --debug to see where."
    )


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("--help", "-h", "help"):
        print(as_started(USAGE.strip()))
        return 0 if words else UsageError.exit_code
    if words[0] == "--version":
        print(__version__)
        return 0
    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        raise UsageError(
            f"unknown command {quoted(name)}{did_you_mean(name, COMMANDS)}\nSee: {program()} --help"
        )
    command = importlib.import_module(f"MNIST.commands.{name}")
    usage = command.__doc__ or ""
    if "--help" in rest or "-h" in rest:
        print(as_started(usage.strip()))
        return 0
    return command.run(parse(name, usage, rest)) or 0


def parse(command: str, usage: str, words: Sequence[str]) -> Mapping[str, Any]:
    """Parse a command's words by its usage text; option values stay strings.

    The result's "words" is the whole command for run.json. It always begins with `python MNIST`, whichever
    name started the program.
    Raises UsageError, with the usage line, for anything that the usage does not allow. docopt-ng alone would
    accept `--epo` for `--epochs`, and would print its own objects in its errors.
    """
    from docopt import DocoptExit, docopt

    known = set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", usage))
    for word in words:
        if word == "--":
            break
        option = word.split("=", 1)[0]
        if option.startswith("--") and option not in known:
            raise _refused(f"unknown option {quoted(option)}{did_you_mean(option, sorted(known))}", usage)
        if re.match(r"-[A-Za-z]", word) and word[:2] not in known:
            raise _refused(f"unknown option {quoted(word)}", usage)
    try:
        # docopt takes `python` for the program, and the two words after it for commands.
        options = docopt(usage, argv=["MNIST", command, *words], default_help=False)
        return {**options, "words": ["python", "MNIST", command, *words]}
    except DocoptExit:
        raise _refused("those words do not fit the command", usage) from None


def _refused(reason: str, usage: str) -> UsageError:
    lines = usage.split("Usage:", 1)[1].strip("\n").split("\n\n", 1)[0]
    return UsageError(f"{reason}\nUsage:\n{as_started(lines)}")
