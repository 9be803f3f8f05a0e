"""Neural networks as text files.

Usage:
    python MNIST <command> [<arguments>...]
    python MNIST <command> --help
    python MNIST --help | --version

The main job:
    download    fetch a dataset and verify it
    import      make a dataset out of your own pictures, a table or other files; take in networks
                of a laboratory
    show        show some of its images with their labels
    check       read model files: print a table of layers, or every mistake
    draw        draw the network of a model file as an SVG picture
    rate        find which learning rates suit a network
    train       train the network that a model file describes
    test        evaluate trained networks on the test set
    explore     scan a grid of hyper-parameters
    pictures    draw the pictures of explore from a table of any program
    list        list the trained networks, and compare two
    prune       show what takes how much room on the disk, and remove what you name

To look into it, try it and share it:
    predict     tell which digit is in your own pictures
    explain     show what each layer makes of one image, and why the network answers so
    page        write a web page on which you draw digits and the networks answer
    lab         write a web page in which networks are written, trained and tested
    export      write a trained network as a file for other programs (ONNX, Keras), or as a script to read

To trust it:
    certify     prove that every engine computes the same step
    reproduce   train a network again, and compare it with its record, bit for bit

To begin:
    demo        run all of it, once, quickly
    completion  print a script that completes commands, names and files in bash, zsh or fish

A model file is text with one line for each layer; see Models/ and Model_Specification.md.
With --debug, any command shows where an error came from.
"""

# This file parses the command line, calls the command, and turns errors into exit codes. It imports
# nothing heavy, so that `--help` and `check` answer at once.

import importlib
import os
import re
import sys
from collections.abc import Collection, Mapping, Sequence
from keyword import iskeyword
from pathlib import Path
from types import ModuleType
from typing import Any

from MNIST import __version__
from MNIST.errors import MNISTError, UsageError, did_you_mean, quoted
from MNIST.interrupts import EXIT_CODE as INTERRUPTED
from MNIST.interrupts import Interrupts
from MNIST.output import directed, open_closed_streams
from MNIST.paths import has_data
from MNIST.program import as_started, install_command, library_of, program, why_missing

COMMANDS = (
    *("download", "import", "show", "check", "draw", "rate", "train", "test", "explore", "list", "prune"),
    *("pictures", "predict", "explain", "page", "lab", "export", "certify", "reproduce", "demo"),
    "completion",
)

USAGE = __doc__ or ""
QUIET = ("-q", "--quiet")
BROKEN_PIPE = 141  # a shell reports this for a program that the signal SIGPIPE has ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code: one that README.md lists."""
    words = list(sys.argv[1:] if argv is None else argv)
    before = words[: words.index("--")] if "--" in words else words
    debug = "--debug" in before
    words = [word for word in before if word != "--debug"] + words[len(before) :]
    open_closed_streams()
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
            import traceback

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
    if isinstance(error, ImportError) and (library := library_of(error)):
        if isinstance(error, ModuleNotFoundError):
            return (
                f"{error.name} is not installed in this Python ({sys.executable}).\n"
                "Activate the environment that it is installed in, or install what is needed:\n"
                f"    {install_command()}"
            )
        return f"{library} {why_missing(error)}"
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
    command = module_of(name)
    usage = command.__doc__ or ""
    if {"--help", "-h"}.intersection(_parted(rest)[0]):
        print(as_started(usage.strip()))
        return 0
    options = parse(name, usage, rest)
    _refuse_other_order(name, options)
    with directed(bool(options.get("--quiet")), bool(options.get("--json"))):
        return command.run(options) or 0


def usage_of(command: str) -> str:
    """The usage text of a command, read without importing what the command imports; "" if there is none."""
    import ast

    if command not in COMMANDS:
        return ""
    source = Path(__file__).parent / "commands" / f"{command}{'_' * iskeyword(command)}.py"
    return ast.get_docstring(ast.parse(source.read_bytes())) or ""


def module_of(command: str) -> ModuleType:
    """The module of a command; that of `import` is called `import_`, because Python has that word."""
    return importlib.import_module(f"MNIST.commands.{command}{'_' * iskeyword(command)}")


def _refuse_other_order(command: str, options: Mapping[str, Any]) -> None:
    """Raise UsageError if another argument than `<dataset-dir>` is the folder with the data."""
    folder = options.get("<dataset-dir>")
    if folder is None or command in ("download", "import") or Path(folder).is_dir():
        return
    others = {name: value for name, value in options.items() if name[0] == "<" and isinstance(value, str)}
    for name, value in others.items():
        if name != "<dataset-dir>" and has_data(Path(value)):
            place = f"<dataset-dir>, and {folder} in the place of {name}"
            raise UsageError(f"{value} has the data: it belongs in the place of {place}")


def parse(command: str, usage: str, words: Sequence[str]) -> Mapping[str, Any]:
    """Parse a command's words by its usage text; option values stay strings.

    The result's "words" is the whole command for run.json. It always begins with `python MNIST`, whichever
    name started the program, and lacks --quiet, which changes no number.
    Raises UsageError, with the usage line, for anything that the usage does not allow. docopt-ng alone would
    accept `--epo` for `--epochs`, and would print its own objects in its errors.
    """
    from docopt import DocoptExit, docopt

    before, after = _parted(words)
    said = [word for word in before if word not in QUIET] + list(words[len(before) :])
    # To docopt, `-r=0.001` is written `-r0.001`.
    before = [re.sub(r"^(-[A-Za-z])=(?=.)", r"\1", word) for word in before]
    known = set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", usage))
    for word in before:
        option = word.split("=", 1)[0]
        if option.startswith("--") and option not in known:
            hint = _other_name(option, known) or did_you_mean(option, sorted(known))
            raise _refused(f"unknown option {quoted(option)}{hint}", usage)
        if re.match(r"-[A-Za-z]", word) and word[:2] not in known:
            raise _refused(f"unknown option {quoted(word)}", usage)
    # To docopt, a word behind `--` that begins with a dash would be an option.
    hidden = {f"\0{number}": word for number, word in enumerate(after)}
    try:
        # docopt takes `python` for the program, and the two words after it for commands.
        found = docopt(usage, argv=["MNIST", command, *before, *hidden], default_help=False)
    except DocoptExit:
        raise _refused(_why_not(command, usage, before, after), usage) from None
    options = {name: _shown(value, hidden) for name, value in found.items()}
    return {**options, "words": ["python", "MNIST", command, *said]}


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words before the first `--`, and those behind it, which are no options whatever they begin with."""
    place = list(words).index("--") if "--" in words else len(words)
    return list(words[:place]), list(words[place + 1 :])


def _shown(value: Any, hidden: Mapping[str, str]) -> Any:
    """A value of docopt's with the words that were hidden from it."""
    if isinstance(value, list):
        return [_shown(one, hidden) for one in value]
    return hidden.get(value, value) if isinstance(value, str) else value


OTHER_NAMES = {
    **dict.fromkeys(("--lr", "--learning-rate", "--learning_rate"), "--rate"),
    **dict.fromkeys(("--batch-size", "--batch_size", "--bs"), "--batch"),
    **dict.fromkeys(("--optimizer", "--optimiser"), "--opt"),
    **dict.fromkeys(("--gpu", "--device", "--backend"), "--engine"),
}


def _other_name(option: str, known: Collection[str]) -> str:
    """A hint for an option that other programs call so; "" if there is none."""
    ours = OTHER_NAMES.get(option.lower(), "")
    return f"; here it is '{ours}'" if ours in known else ""


def _why_not(command: str, usage: str, before: Sequence[str], after: Sequence[str]) -> str:
    """Say which argument is missing, or which word is too many."""
    from docopt import DocoptExit, docopt

    spaced = next((one for one in before if one.endswith(",") and len(one) > 1), None)
    if spaced is not None:
        return f"{quoted(spaced)} ends in a comma: write a list without spaces, as in 0.001,0.01"
    lines = usage.split("Usage:\n", 1)[1].split("\n\n", 1)[0].splitlines()
    head, *rest = [line for line in lines if "--help" not in line]
    pattern = next((line for line in rest if "--image" not in before), head) if "--image" in head else head
    for option in {"--all", "--diff"}.intersection(before):
        pattern = next((line for line in rest if option in line), pattern)
    names, needed = (
        re.findall(r"<[\w-]+>(?:\.\.\.)?", part) for part in (pattern, re.sub(r"\[<[^]]+\]", "", pattern))
    )
    free = re.sub(r"<[\w-]+>(\.\.\.)?", "", head).replace("--image N", "[--image N]")
    relaxed = usage.replace("\n".join(lines), f"{free} [<word>...]", 1)
    try:
        words = docopt(relaxed, argv=["MNIST", command, *before], default_help=False)["<word>"] + list(after)
    except DocoptExit:
        return "an option lacks its value, or is given twice"
    if len(words) < len(needed):
        missing = " and ".join(name.removesuffix("...") for name in needed[len(words) :])
        return f"{missing} {'is' if len(needed) - len(words) == 1 else 'are'} missing"
    if len(words) > len(names):
        return f"{quoted(words[len(names)])} is one word too many"
    return "those words do not fit the command"


def _refused(reason: str, usage: str) -> UsageError:
    lines = usage.split("Usage:", 1)[1].strip("\n").split("\n\n", 1)[0]
    return UsageError(f"{reason}\nUsage:\n{as_started(lines)}")
