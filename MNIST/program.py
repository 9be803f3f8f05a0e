"""How the program was started and where it is installed, so that what it tells you to type can be typed.

Texts in the code say `python MNIST` and `'.[torch]'`, as in a checkout; `as_started` gives a help text the
words that are true here. What is saved to a file keeps the words of a checkout: it must not depend on them.
"""

import shlex
import sys
from pathlib import Path, PurePath

DISTRIBUTION = "mnist-text-networks"
CHECKOUT_NAME = "python MNIST"

_PACKAGE = Path(__file__).resolve().parent


def in_checkout() -> bool:
    """Whether this is the project's own folder, with Models/ and docs/, and no installation."""
    return (_PACKAGE.parent / "pyproject.toml").is_file()


def program() -> str:
    """What to type to start this program again: `python MNIST`, `python -m MNIST` or `mnist`.

    A notebook has started something else; there it is the name that works here.
    """
    started = PurePath(sys.argv[0] if sys.argv else "")
    if started.stem == "mnist":  # the script that the installation has made; mnist.exe on Windows
        return "mnist"
    if started.name == "__main__.py" and started.parent.name == _PACKAGE.name:
        return f"python -m {_PACKAGE.name}"
    if started.name == _PACKAGE.name:  # the folder, as it was typed
        return f"python {shlex.quote(str(started))}"
    return CHECKOUT_NAME if in_checkout() else "mnist"


def install_command(extra: str = "") -> str:
    """The command that installs what the program needs, or what one of its extras needs."""
    if in_checkout():
        what = f"'.[{extra}]'" if extra else "-r requirements.txt"
    else:
        what = f"'{DISTRIBUTION}[{extra}]'" if extra else DISTRIBUTION
    return f"python -m pip install {what}"


def as_started(text: str) -> str:
    """A help text with the name that the program was started by, and with places that exist here."""
    text = text.replace(CHECKOUT_NAME, program())
    if in_checkout():
        return text
    text = text.replace("'.[", f"'{DISTRIBUTION}[")
    return text.replace("Models/ and Model_Specification.md", f"{_PACKAGE / 'shipped_models'}/")
