"""Explorations, the trials that all of them share, and the checkpoints of these trials."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from MNIST.errors import BusyError, StoreError, UnreadableStoreError
from MNIST.explore.store import open_store
from MNIST.files import LOCK, only_one, remove_whole
from MNIST.paths import CHECKPOINTS, HYPERPARAM_SEARCH, STORE
from MNIST.pruning.folders import A_LINK, Item, children, folders, listed, remove_empty, remove_folder, size
from MNIST.words import counted

RESULTS = "results.csv"


def _exploration_folders() -> Iterator[Path]:
    return (folder for folder in folders(HYPERPARAM_SEARCH) if folder.name != CHECKPOINTS.name)


def explorations() -> Iterator[Item]:
    for folder in _exploration_folders():
        about = f"{RESULTS} and pictures" if RESULTS in listed(folder) else f"without {RESULTS}"
        yield Item("explorations", folder.name, A_LINK if folder.is_symlink() else about, size(folder))


def exploration_paths(name: str) -> list[Path]:
    return [HYPERPARAM_SEARCH / name]


def remove_exploration(name: str) -> None:
    busy = f"{name} is being explored by another process; it stays"
    remove_folder(HYPERPARAM_SEARCH / name, busy, first=RESULTS)


def trials() -> Iterator[Item]:
    if STORE.is_symlink():
        yield Item("trials", "", A_LINK, 0)
    elif STORE.exists():
        try:
            with open_store(STORE) as store:
                trials, epochs = store.counts()
        except StoreError as error:
            yield Item("trials", "", str(error).splitlines()[0], size(*_store_files()))
            return
        if trials or epochs:  # else it was emptied
            about = f"{counted(trials, 'trial')}, {counted(epochs, 'epoch')}"
            yield Item("trials", "", about, size(*_store_files()))


def trial_paths(_: str) -> list[Path]:
    return [*_store_files(), CHECKPOINTS]


def _store_files() -> list[Path]:
    return [STORE, STORE.with_name(f"{STORE.name}-journal")]


def remove_trials(_: str) -> None:
    """Forget all trials, unless an exploration is running, and remove their checkpoints.

    An exploration that begins in this moment only finds no trials: SQLite has each process see the store
    before or after. Nobody can use a store that is damaged, so its file is removed.
    """
    with ExitStack() as held:
        for folder in _exploration_folders():
            if (folder / LOCK).exists():
                busy = f"the exploration {folder.name} is running, and it uses the trials; they stay"
                held.enter_context(only_one(folder / LOCK, busy))
        try:
            if STORE.is_symlink():
                STORE.unlink()
            elif STORE.exists():
                with open_store(STORE) as store:
                    store.clear()
        except UnreadableStoreError:
            for path in _store_files():
                remove_whole(path)
    remove_trial_checkpoints("")


def trial_checkpoints() -> Iterator[Item]:
    if CHECKPOINTS.is_symlink():
        yield Item("trial-checkpoints", "", A_LINK, 0)
    elif trials := [path for path in children(CHECKPOINTS) if path.suffix != LOCK]:
        yield Item("trial-checkpoints", "", f"of {counted(len(trials), 'trial')}", size(CHECKPOINTS))


def checkpoint_paths(_: str) -> list[Path]:
    return [CHECKPOINTS]


def remove_trial_checkpoints(_: str) -> None:
    if CHECKPOINTS.is_symlink():
        CHECKPOINTS.unlink()
        return
    in_use = 0
    for path in children(CHECKPOINTS):
        try:
            if path.is_symlink():
                path.unlink()
            elif path.suffix == LOCK:
                with only_one(path, busy="a process trains this trial"):
                    pass  # which removes what a killed process has left
            else:
                with only_one(path.with_name(f"{path.name}{LOCK}"), busy="a process trains this trial"):
                    remove_whole(path)
        except BusyError:
            in_use += path.suffix != LOCK
    remove_empty(CHECKPOINTS)
    if in_use:
        raise BusyError(f"{counted(in_use, 'trial is', 'trials are')} being trained: their checkpoints stay")
