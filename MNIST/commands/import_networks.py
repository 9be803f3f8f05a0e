"""Take networks from a laboratory, or from `train` elsewhere, into `Model_Output/`; each is checked."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from MNIST.errors import MNISTError, ModelError, UsageError
from MNIST.files import only_one
from MNIST.paths import LONGEST_NAME, MODEL_OUTPUT, REPRODUCED, checked_name, name_from
from MNIST.program import as_typed, program
from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.training import HandedIn, LaboratoryNetwork


def are_networks(words: Sequence[str]) -> bool:
    """Whether all these words are zips, folders with zips, or saved networks that were unpacked."""
    return all(word.lower().endswith(".zip") or any(_files_in(Path(word))) for word in words)


def import_networks(
    words: Sequence[str], name: str | None, by_file: bool, replace: bool, command: Sequence[str]
) -> int:
    """Import every network that can be trusted, and name the others; return 0 if there are no others.

    words: zips, or folders in which they are. name: what to call the only network; None: as it was called.
    by_file: call each as its file. replace: let them take the places of networks that were there before, but
    never of one another. command: all words.
    """
    if not are_networks(words):
        other = next(word for word in words if not are_networks([word]))
        raise UsageError(
            f"{other}: expected a trained network, its folder or a .zip, or a folder with some;"
            f" to make a dataset: {program()} import {as_typed(other)} <dataset-dir>"
        )
    if name is not None:
        checked_name(name, "network name")
    files = {file: called for word in words for file, called in _files(Path(word))}
    if name is not None and (by_file or len(files) > 1):
        raise UsageError(f"--as {name}: for one network; --by-file calls each of several as its file")
    if by_file:
        ways_out = _WaysOut("rename this file", "rename one of the two files", replace)
    elif len(files) > 1:
        ways_out = _WaysOut(_BY_FILE, _BY_FILE, replace)
    else:
        ways_out = _WaysOut("--as NAME takes another name", "", replace)
    codes: list[int] = []
    names: dict[str, Path] = {}
    for file, called in files.items():
        try:
            imported = _import(file, called if by_file else name, names, ways_out, command)
            names.setdefault(imported, file)
        except (MNISTError, OSError) as error:
            print(f"{file}: refused: {_reason(error)}", file=sys.stderr)
            codes.append(error.exit_code if isinstance(error, MNISTError) else 1)
    if codes and len(files) > 1:
        print(f"{len(codes)} of {len(files):,} networks are refused", file=sys.stderr)
    if names:
        print(f"Next: {program()} test Results <dataset-dir> {','.join(names)}")
    return max(codes, default=0)


_BY_FILE = "--by-file calls each as its file"


@dataclass(frozen=True)
class _WaysOut:
    """What to do if a name is taken: by another network, or by another file of the same command.

    replace: whether networks that were there before give way; those of the same command never do.
    """

    another: str
    of_two: str
    replace: bool


def _import(
    file: Path, wanted: str | None, names: Mapping[str, Path], ways_out: _WaysOut, command: Sequence[str]
) -> str:
    """Check one network, and only then write it; return its name.

    names: those that this command has imported, each with its file.
    """
    from MNIST import training
    from MNIST.tracking.event_files import forget

    saved = _read(file)
    name = checked_name(name_from(saved.name) if wanted is None else wanted, "network name")
    busy = f"another process writes {name} now; wait for it, or take another name"
    with only_one(training.output_folder(name) / ".lock", busy):
        training.finish_replacing(name)
        there = _what_is_there(name, saved)
        if there == SAME:
            print(f"{name}: {there} is there already")
            return name
        if name in names:
            raise UsageError(f"{names[name]} has taken the name {name} before; {ways_out.of_two}")
        if there and not ways_out.replace:
            raise UsageError(
                f"the name {name} is taken by {there}; {ways_out.another},"
                f" --replace puts this network in its place"
            )
        files = saved.files if isinstance(saved, training.HandedIn) else training.files_of(saved, [*command])
        training.write_trained(name, files)
        training.remove_checkpoints(training.checkpoint_folder(name))
        forget(training.output_folder(name))  # event files of another training
    print(f"{name}: {_described(saved)}; in {MODEL_OUTPUT / name}/")
    return name


def _read(file: Path) -> "LaboratoryNetwork | HandedIn":
    """Read and check one network; whatever goes wrong, it must not keep the others of a class out."""
    from MNIST import training

    if file.name.lower().endswith(_OTHER_ARCHIVES):
        raise ModelError("of archives, only a .zip is read; unpack this one, and import the folder")
    if file.is_dir() and not _is_unpacked(file):
        raise ModelError("it is not trained to its end; start its `train` command again")
    try:
        return (
            training.read_handed_in(file)
            if training.is_handed_in(file)
            else training.read_laboratory_network(file)
        )
    except (MNISTError, OSError):
        raise
    except Exception as error:
        raise ModelError(f"it cannot be read ({type(error).__name__}: {error})") from error


SAME = "the same network"
_OTHER_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar")


def _what_is_there(name: str, saved: "LaboratoryNetwork | HandedIn") -> str:
    """What has this name already, in words; "" if nothing has."""
    from MNIST import training

    try:
        files = training.read_record(name).files
        is_same = all(files.get(file) == digest for file, digest in saved.digests.items())
        return SAME if is_same else "another network"
    except ModelError:
        others = [one.name for one in training.output_folder(name).iterdir() if one.name != ".lock"]
        if "checkpoint" in others:
            return "a network that is not trained to its end"
        return "a network that cannot be read" if others else ""


def _described(saved: "LaboratoryNetwork | HandedIn") -> str:
    kept = saved.kept
    validated = kept.val_accuracy == kept.val_accuracy
    accuracy = kept.val_accuracy if validated else kept.accuracy
    return (
        f"{saved.network.parameters:,} parameters, {counted(len(saved.history), 'epoch')},"
        f" {accuracy:.2%} of the {'validation' if validated else 'training'} images right"
    )


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    """Each saved network in a zip or a folder, and a name for it that follows from its file's name."""
    if path.is_dir() and not _is_unpacked(path):
        for file in _files_in(path):
            yield file, _name(file.relative_to(path))
    else:
        yield path, _name(Path(path.name))


def _files_in(folder: Path) -> Iterator[Path]:
    """The saved networks in a folder and those below it, in the order of their names; links are left out.

    With them come those that will be refused: archives of other kinds, trainings that have not ended.
    """
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))  # such as __MACOSX
        if _is_unpacked(Path(place)) or _has_not_ended(Path(place)):
            yield Path(place)
        archives = (name for name in sorted(files) if name.lower().endswith((".zip", *_OTHER_ARCHIVES)))
        paths = (Path(place, name) for name in archives if name[0] != ".")
        yield from (path for path in paths if not path.is_symlink())


def _is_unpacked(folder: Path) -> bool:
    """Whether a folder is one network: a saved one that was unpacked, or one of `train`."""
    return (folder / "network.json").is_file() or (folder / "run.json").is_file()


def _has_not_ended(folder: Path) -> bool:
    """Whether a folder is a training of `train` that was interrupted."""
    return folder.parent.name != REPRODUCED.name and any((folder / "checkpoint").glob("epoch_*.npz"))


def _name(file: Path) -> str:
    """A network's name that follows from a file's: `Anna M/my net.zip` gives Anna_M_my_net.

    Of a path that is too long for a name, the last folders and the file count.
    """
    parts = file.with_suffix("").parts
    while len(parts) > 1 and len("/".join(parts)) > LONGEST_NAME:
        parts = parts[1:]
    return name_from("/".join(parts))


def _reason(error: MNISTError | OSError) -> str:
    """What went wrong, and where, if it was not in reading the file."""
    if isinstance(error, MNISTError) or error.strerror is None:
        return str(error)
    written = str(error.filename or "").startswith(str(MODEL_OUTPUT))
    return f"{error.filename}: {error.strerror}" if written else error.strerror
