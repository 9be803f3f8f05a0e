"""The HTML file that a command writes: its name, and what it must not replace."""

from collections.abc import Callable
from pathlib import Path

from MNIST.errors import UsageError


def html_file(text: str, is_own: Callable[[Path], bool]) -> Path:
    """The file to write; its name ends in .html, which is added if it has no ending.

    is_own: whether a file that is there is a page of the same command. Raises UsageError if it is not, or
    for a name that no page can have.
    """
    if "\0" in text:
        raise UsageError("the page's name has a NUL character in it")
    file = Path(text if Path(text).suffix else f"{text}.html")
    if file.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{text[:64]!r}: expected a name that ends in .html")
    if file.is_dir():
        raise UsageError(f"{file} is a folder: take another name")
    if file.exists() and not is_own(file):
        raise UsageError(f"{file} is there and no page of this command: take another name")
    return file
