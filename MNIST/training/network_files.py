"""The files of a trained network in `Model_Output/`. They take the place of another network's all at once.

New files are written into `<name>/.incoming/`. Renaming that folder to `.complete/` makes them the network:
from then on, whoever reads a file of the network finds it there. Then each file moves to its usual place. If
this is interrupted, whoever next writes under the name finishes it. So at every moment there is the whole old
network or the whole new one.
"""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from MNIST.engines import MODEL_FILES
from MNIST.errors import ModelError
from MNIST.files import LOCK, naming, read_whole, refuse_link, remove_whole, write_atomically
from MNIST.live_file import LIVE
from MNIST.paths import MODEL_OUTPUT, RECORD

FIGURES = "figures.txt"  # its usual place is beside the folder: <name>.txt
CURVES = "curves.png"
EXPLAINED = "explained"  # the folder in which `explain` writes
TESTED = "tested.json"  # what `test` found
MOST_OF_A_RECORD = 2**20  # bytes
INCOMING, _COMPLETE = ".incoming", ".complete"


def output_folder(name: str) -> Path:
    """The folder of a trained network. name: as `checked_name` gives it, or any folder's absolute path."""
    return MODEL_OUTPUT / name


def checkpoint_folder(name: str) -> Path:
    """The folder of a network's checkpoints while it is trained."""
    return output_folder(name) / "checkpoint"


def usual_place(name: str, file: str) -> Path:
    """Where a file of a network lies, unless its network is just taking another's place."""
    return MODEL_OUTPUT / f"{name}.txt" if file == FIGURES else output_folder(name) / file


def read_file(name: str, file: str, most: int) -> bytes:
    """The bytes of a network's file. If there are more than `most`, one more than that is returned.

    Raises FileNotFoundError; ModelError if it cannot be read, or is a folder, a pipe or a device.
    """
    try:
        with suppress(FileNotFoundError):
            return read_whole(output_folder(name) / _COMPLETE / file, most)
        return read_whole(usual_place(name, file), most)  # also if it moved there just now
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ModelError(f"{usual_place(name, file)}: {error.strerror}") from None


def replace_files(name: str, files: Mapping[str, bytes]) -> None:
    """Make these the files of a network, and remove what would be left of an earlier one.

    Another engine's file of weights would be left, and what was written about another network: by `explain`,
    by `test`, and while it was trained. The caller holds the name's lock.
    Raises OSError if something cannot be written; the earlier network is then intact.
    """
    finish_replacing(name)
    folder = output_folder(name)
    _remove_folder(folder / INCOMING)
    try:
        for file, content in files.items():
            with naming(usual_place(name, file)):
                write_atomically(folder / INCOMING / file, content)
        (folder / INCOMING).rename(folder / _COMPLETE)
    except BaseException:
        with suppress(OSError):
            _remove_folder(folder / INCOMING)
        raise
    finish_replacing(name)


def finish_replacing(name: str) -> None:
    """Move the files of a network that has just taken another's place to their usual places.

    This does nothing if there is no such network. The caller holds the name's lock.
    """
    folder = output_folder(name)
    complete = folder / _COMPLETE
    refuse_link(complete)
    if not (complete / RECORD).exists():  # it moves last
        _remove_folder(complete)
        return
    if _run_of(folder / RECORD) != _run_of(complete / RECORD):
        _remove_folder(folder / EXPLAINED)
        (folder / TESTED).unlink(missing_ok=True)
        for shown in CURVES, LIVE:
            if not (complete / shown).exists():
                with suppress(OSError):  # on Windows a browser may read it
                    (folder / shown).unlink(missing_ok=True)
    there = sorted(path.name for path in complete.iterdir() if not path.name.startswith("."))
    if MODEL_FILES.intersection(there):  # they have not all moved yet
        for file in MODEL_FILES.difference(there):
            (folder / file).unlink(missing_ok=True)
    for file in sorted(there, key=lambda file: file == RECORD):
        place = usual_place(name, file)
        with suppress(OSError) if file == LIVE else naming(place):  # no network depends on that page
            os.replace(complete / file, place)
    _remove_folder(complete)


def remove_network(name: str) -> None:
    """Remove a network and all that lies in its folder, except the lock, which the caller holds.

    Its record goes first. So if this is interrupted, there is no network of this name any more, rather than
    one that lacks something. Doing it again removes the rest.
    """
    folder = output_folder(name)
    complete = folder / _COMPLETE
    # Without the record in its usual place, that of a network which is just taking its place still counts.
    remove_whole(folder / RECORD)
    remove_whole(complete if complete.is_symlink() else complete / RECORD)
    remove_whole(usual_place(name, FIGURES))
    for path in folder.iterdir():
        if path.name != LOCK:
            remove_whole(path)


def _run_of(record: Path) -> tuple[str, int] | None:
    """The identity and the epochs of the run that a record describes; None if it cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        values = json.loads(read_whole(record, MOST_OF_A_RECORD))
        return values["identity"], values["epochs"]
    return None


def _remove_folder(folder: Path) -> None:
    refuse_link(folder)
    if folder.is_dir():
        shutil.rmtree(folder)
