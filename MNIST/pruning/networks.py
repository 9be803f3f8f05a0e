"""Networks, what `explain` wrote about them, what unfinished trainings kept, what `reproduce` left."""

from collections.abc import Iterator
from pathlib import Path

from MNIST import training
from MNIST.errors import ModelError
from MNIST.files import LEFT_BY_SYSTEMS, LOCK, is_temporary, only_one, remove_whole
from MNIST.live_file import LIVE
from MNIST.paths import MODEL_OUTPUT, REPRODUCED
from MNIST.pruning.folders import (
    A_LINK,
    Item,
    folders,
    listed,
    remove_empty,
    remove_folder,
    remove_link,
    size,
)
from MNIST.training import network_files
from MNIST.training.network_files import INCOMING
from MNIST.words import counted

CHECKPOINT = "checkpoint"
# What a training has in its folder until it is finished.
BEGUN = {CHECKPOINT, "tensorboard", LIVE, INCOMING, LOCK}


def networks() -> Iterator[Item]:
    for folder in folders(MODEL_OUTPUT):
        name, there = folder.name, listed(folder)
        if folder.is_symlink():
            yield Item("networks", name, A_LINK, 0)
        elif not _is_begun(folder):
            own = [folder / part for part in there - {CHECKPOINT, training.EXPLAINED, INCOMING}]
            yield Item("networks", name, _about_network(name), size(*own, MODEL_OUTPUT / f"{name}.txt"))


def _is_begun(folder: Path) -> bool:
    """Whether nothing lies in a folder but what a training has there until it is finished, or killed."""
    return all(
        name in BEGUN or is_temporary(Path(name)) or LEFT_BY_SYSTEMS.fullmatch(name)
        for name in listed(folder)
    )


def _about_network(name: str) -> str:
    try:
        network = training.describe(name)
    except (ModelError, OSError):
        return "damaged: it cannot be used as a network"
    return f"{network.record.model_file or 'trained'}, {network.finished.astimezone():%Y-%m-%d}"


def network_paths(name: str) -> list[Path]:
    return [MODEL_OUTPUT / name, MODEL_OUTPUT / f"{name}.txt"]


def remove_network(name: str) -> None:
    folder = MODEL_OUTPUT / name
    if folder.is_symlink():
        remove_link(folder, in_training(name))
        remove_whole(MODEL_OUTPUT / f"{name}.txt")
        return
    with only_one(folder / LOCK, in_training(name)):
        network_files.remove_network(name)
    remove_empty(folder)


def in_training(name: str) -> str:
    return f"{name} is being trained by another process; it stays"


def checkpoints() -> Iterator[Item]:
    for folder in folders(MODEL_OUTPUT):
        is_begun = _is_begun(folder)
        if folder.is_symlink() or (CHECKPOINT not in listed(folder) and not is_begun):
            continue
        epochs = training.newest_epoch(folder / CHECKPOINT)
        kept = f"{counted(epochs, 'epoch')} kept" if epochs else "no epoch is kept"
        about = f"not trained to its end, {kept}" if is_begun else f"of a new training, {kept}"
        yield Item("checkpoints", folder.name, about, size(*checkpoint_paths(folder.name)))


def checkpoint_paths(name: str) -> list[Path]:
    """The checkpoint, or the whole folder of a network that was never finished."""
    folder = MODEL_OUTPUT / name
    return [folder] if _is_begun(folder) else [folder / CHECKPOINT]


def remove_checkpoint(name: str) -> None:
    folder = MODEL_OUTPUT / name
    with only_one(folder / LOCK, in_training(name)):
        for path in [*folder.iterdir()] if _is_begun(folder) else [folder / CHECKPOINT]:
            if path.name != LOCK:
                remove_whole(path)
    remove_empty(folder)


def explained() -> Iterator[Item]:
    for folder in folders(MODEL_OUTPUT):
        if not folder.is_symlink() and training.EXPLAINED in listed(folder):
            written = folder / training.EXPLAINED
            files = 0 if written.is_symlink() else len(listed(written))
            yield Item("explained", folder.name, counted(files, "file"), size(written))


def explained_paths(name: str) -> list[Path]:
    return [MODEL_OUTPUT / name / training.EXPLAINED]


def remove_explained(name: str) -> None:
    with only_one(MODEL_OUTPUT / name / LOCK, in_training(name)):
        remove_whole(MODEL_OUTPUT / name / training.EXPLAINED)


def reproduced() -> Iterator[Item]:
    for folder in folders(REPRODUCED):
        about = "reproduced.json" if "reproduced.json" in listed(folder) else "not finished"
        yield Item("reproduced", folder.name, A_LINK if folder.is_symlink() else about, size(folder))


def reproduced_paths(name: str) -> list[Path]:
    return [REPRODUCED / name]


def remove_reproduced(name: str) -> None:
    remove_folder(REPRODUCED / name, f"{name} is being reproduced by another process; it stays")
