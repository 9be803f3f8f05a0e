"""What can be removed, how much room it takes, and how a folder is removed while nobody works in it."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from MNIST.files import LOCK, only_one, remove_whole
from MNIST.paths import is_name, refuse_no_folder

A_LINK = "a link to another place"


@dataclass(frozen=True)
class Item:
    """Something that can be removed by itself.

    kind: one of KINDS. name: "" for a kind of which there is only one. about: what it is, in a few words.
    size: bytes, without what is an item of another kind.
    """

    kind: str
    name: str
    about: str
    size: int


def folders(root: Path) -> Iterator[Path]:
    """The folders in one of the project's, and the links to folders or to nothing, in the order of names.

    Raises OSError if something else is in the place of that folder.
    """
    refuse_no_folder(root)
    for path in children(root):
        if is_name(path.name) and (path.is_symlink() or path.is_dir()):
            yield path


def children(folder: Path) -> list[Path]:
    with suppress(OSError):  # it may belong to somebody else
        return sorted(folder.iterdir()) if folder.is_dir() else []
    return []


def listed(folder: Path) -> set[str]:
    """The names of what is in a folder; none if it is not there."""
    return {path.name for path in children(folder)}


def size(*paths: Path) -> int:
    """Bytes of files and of all files in folders; what links lead to does not count."""
    total = 0
    for path in paths:
        if path.is_symlink():
            continue
        in_folder = (Path(place, name) for place, _, files in os.walk(path) for name in files)
        for file in in_folder if path.is_dir() else [path]:
            with suppress(OSError):  # another process may remove it
                total += file.lstat().st_size
    return total


def remove_folder(folder: Path, busy: str, first: str = "") -> None:
    """Remove a folder while holding the lock in it. first: the file that is removed before all others."""
    if folder.is_symlink():
        remove_link(folder, busy)
        return
    with only_one(folder / LOCK, busy):
        for path in sorted(folder.iterdir(), key=lambda path: path.name != first):
            if path.name != LOCK:
                remove_whole(path)
    remove_empty(folder)


def remove_link(link: Path, busy: str) -> None:
    """Remove a link to a folder, unless a process holds the lock there."""
    if (link / LOCK).exists():
        with only_one(link / LOCK, busy):
            pass
    link.unlink()


def remove_empty(folder: Path) -> None:
    """Remove a folder if nothing is in it: another process may have begun there."""
    with suppress(OSError):
        folder.rmdir()
