"""What processes leave that are killed while they write."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from MNIST.errors import BusyError
from MNIST.files import ABANDONED, LOCK, is_temporary, only_one, remove_whole
from MNIST.paths import HYPERPARAM_SEARCH, MODEL_OUTPUT, REPRODUCED
from MNIST.pruning.folders import Item, folders, listed, size
from MNIST.pruning.networks import in_training
from MNIST.training.network_files import INCOMING


def leftovers() -> Iterator[Item]:
    if files := leftover_paths(""):
        yield Item("leftovers", "", "of processes that were killed while they wrote", size(*files))


def leftover_paths(_: str) -> list[Path]:
    """Temporary files that nobody has written to for an hour, and networks that were written in part."""
    found = [folder / INCOMING for folder in folders(MODEL_OUTPUT) if INCOMING in listed(folder)]
    for root in MODEL_OUTPUT, HYPERPARAM_SEARCH, REPRODUCED:
        for place, inner, files in os.walk(root):
            inner[:] = sorted(name for name in inner if name != INCOMING)
            found += [path for path in (Path(place, name) for name in sorted(files)) if _is_abandoned(path)]
    return found


def _is_abandoned(path: Path) -> bool:
    with suppress(OSError):
        return is_temporary(path) and time.time() - path.lstat().st_mtime >= ABANDONED
    return False


def remove_leftovers(_: str) -> None:
    in_use = []
    for path in leftover_paths(""):
        if path.name != INCOMING:
            remove_whole(path)
            continue
        try:
            with only_one(path.with_name(LOCK), in_training(path.parent.name)):
                remove_whole(path)
        except BusyError as error:
            in_use.append(str(error))
    if in_use:
        raise BusyError("\n".join(in_use))
