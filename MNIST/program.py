"""How the program was started and where it is installed, so that the commands in its messages work.

Texts in the code say `python MNIST` and `".[torch]"`, as in a checkout; `as_started` changes a help text to
what works here. Texts saved to a file keep the words of a checkout, so that they do not depend on the start.
"""

import os
import re
import shlex
import sys
from pathlib import Path, PurePath
from traceback import walk_tb

DISTRIBUTION = "mnist-text-networks"
CHECKOUT_NAME = "python MNIST"

_PACKAGE = Path(__file__).resolve().parent
_SYSTEM = os.name


def in_checkout() -> bool:
    """Whether this is the project's own folder, with Models/ and docs/, and not an installation."""
    return (_PACKAGE.parent / "pyproject.toml").is_file()


def program() -> str:
    """What to type to start this program again: `python MNIST`, `python -m MNIST` or `mnist`.

    In a notebook, which was started otherwise, it is the name that would work here.
    """
    started = PurePath(sys.argv[0] if sys.argv else "")
    if started.stem == "mnist" and not Path(started).is_dir():  # the installed script; mnist.exe on Windows
        return "mnist"
    if started.name == "__main__.py" and started.parent.name == _PACKAGE.name:
        return f"python -m {_PACKAGE.name}"
    if started.name.lower() == _PACKAGE.name.lower():  # the folder, as it was typed: some systems ignore case
        return f"python {as_typed(str(started))}"
    return CHECKOUT_NAME if in_checkout() else "mnist"


def as_typed(*words: str) -> str:
    """Words of a command as one types them here: quoted for Windows' shell, or for those of other systems."""
    return " ".join(map(_quoted_for_windows if _SYSTEM == "nt" else shlex.quote, words))


def _quoted_for_windows(word: str) -> str:
    from subprocess import list2cmdline

    if word and not re.search(r'[\s"&|<>^()]', word):
        return word
    return '"' + list2cmdline([f" {word}"])[2:]  # a space in front puts it into quotes in any case


def install_command(extra: str = "") -> str:
    """The command that installs what the program needs, or what one of its extras needs."""
    if in_checkout():
        what = f'".[{extra}]"' if extra else "-r requirements.txt"  # in " also for Windows
    else:
        what = f'"{DISTRIBUTION}[{extra}]"' if extra else DISTRIBUTION
    return f"python -m pip install {what}"


def library_of(error: BaseException) -> str:
    """The library that could not be imported; "" if it is a module of this program."""
    error = _first(error)
    name = getattr(error, "name", None) or ""
    if not isinstance(error, ModuleNotFoundError):
        # Of a compiled module, that is only the last part. The library is what was being imported last.
        frames = [frame.f_globals.get("__name__", "") for frame, _ in walk_tb(error.__traceback__)]
        others = [one for one in frames if one.split(".")[0] not in sys.stdlib_module_names | {"__main__"}]
        name = name if not others or _is_ours(others[-1]) else others[-1]
    return "" if _is_ours(name) else name.split(".")[0]


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == _PACKAGE.name


def why_missing(error: BaseException, extra: str = "") -> str:
    """Why a library could not be imported, to follow its name. extra: of this program, which installs it."""
    error = _first(error)
    if isinstance(error, ModuleNotFoundError):
        return f"is not installed: {install_command(extra)}"
    reason = next(filter(None, map(str.strip, str(error).splitlines())), type(error).__name__)
    return f"is installed but cannot be loaded: {reason}"


def _first(error: BaseException) -> BaseException:
    """The error that a failed import began with: libraries raise others, with long advice, in its place."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    is_first = isinstance(error, ModuleNotFoundError) or isinstance(cause, ModuleNotFoundError)
    return _first(cause) if isinstance(cause, ImportError | OSError) and not is_first else error


def as_started(text: str) -> str:
    """A help text with the command that started the program, and with folders that exist here."""
    text = text.replace(CHECKOUT_NAME, program())
    if in_checkout():
        return text
    text = text.replace('".[', f'"{DISTRIBUTION}[')
    return text.replace("Models/ and Model_Specification.md", f"{_PACKAGE / 'shipped_models'}/")
