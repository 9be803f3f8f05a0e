"""The file that a command writes where the user says: its name, and what it must not replace."""

import os
from collections.abc import Callable
from pathlib import Path

from MNIST.errors import UsageError, quoted


def own_file(text: str, endings: tuple[str, ...], what: str, is_own: Callable[[Path], bool]) -> Path:
    """The file to write; the first of the endings is added if its name has none.

    what: what the file is, as messages call it ("page"). is_own: whether a file that is there is one of the
    same command. Raises UsageError if it is not, or for a name that none can have.
    """
    if "\0" in text:
        raise UsageError(f"the {what}'s name has a NUL character in it")
    if text and (Path(text).name in ("", "..") or text.endswith(("/", os.sep))):
        raise UsageError(f"expected a file for the {what}, found the folder {quoted(text)}")
    file = Path(text if Path(text).suffix else text + endings[0])
    if file.suffix.lower() not in endings:
        raise UsageError(f"{quoted(text)}: expected a name that ends in {endings[0]}")
    if file.is_dir():
        raise UsageError(f"{file} is a folder: take another name")
    if file.exists() and not is_own(file):
        raise UsageError(f"{file} is there and no {what} of this command: take another name")
    return file


def png_file(wanted: str | None, usual: str) -> Path:
    """The file for a picture: that of --png, or the usual one without it.

    Raises UsageError if its name cannot be a PNG file's.
    """
    if wanted is None:
        return Path(usual)
    if "\0" in wanted or Path(wanted).suffix.lower() != ".png":
        raise UsageError(f"--png: expected a file's name that ends in .png, found {quoted(wanted)}")
    if Path(wanted).is_dir():
        raise UsageError(f"--png: {quoted(wanted)} is a folder")
    return Path(wanted)
