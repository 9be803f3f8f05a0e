"""Networks that somebody has trained elsewhere with `train` and handed in: the folder, or a zip of it.

The folder is one of a `Model_Output/`. Of its files, those that its record names are taken; they are read
without trust. A zip may be compressed; each of its files has a bound before it is unpacked.
"""

import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from MNIST.engines import MODEL_FILES
from MNIST.errors import ModelError, quoted
from MNIST.language import Network, as_text, lay_out, parse_spec
from MNIST.training.checkpoint import EpochResult
from MNIST.training.laboratory import NOTE
from MNIST.training.network_files import FIGURES, MOST_OF_A_RECORD, RECORD, read_file
from MNIST.training.record import (
    HISTORY,
    SPEC,
    RunRecord,
    figures,
    most_bytes,
    read_history,
    read_record,
    verified,
)
from MNIST.training.trained_model import load_trained

_MOST_FILES = 10_000  # in a zip
_UNREADABLE = (  # what is raised for a zip that is damaged, encrypted or of an unknown kind
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
)


@dataclass(frozen=True)
class HandedIn:
    """A trained network that was copied here. files: as those of `trained_files`, with its own record."""

    name: str
    record: RunRecord
    network: Network
    history: list[EpochResult]
    files: dict[str, bytes]

    @property
    def kept(self) -> EpochResult:
        """The epoch whose weights it has."""
        return self.record.kept(self.history)

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of the files that make it this network, by name."""
        return self.record.files


def is_handed_in(path: Path) -> bool:
    """Whether this is the folder of a trained network, or a zip that no laboratory saved."""
    if path.is_dir():
        return (path / RECORD).is_file()
    try:
        with zipfile.ZipFile(path) as archive:
            return not _folders_with(NOTE, archive)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError):
        return False


def read_handed_in(path: Path) -> HandedIn:
    """Read and check a trained network in a folder or a zip.

    Raises ModelError if a file is missing, too large, or not the one that the record describes, or if there
    is no network of the text in it.
    """
    if path.is_dir():
        return _read(path.resolve(), path.resolve().name)
    with TemporaryDirectory() as place:
        folder = Path(place).resolve()
        return _read(folder, _unpack_network(path, folder))


def _read(folder: Path, name: str) -> HandedIn:
    """Read and check the network in a folder. name: what to call it."""
    place = str(folder)  # `read_record` and the others take a folder's absolute path as a name
    with _told_without(folder):
        record = read_record(place)
        if others := set(record.files) - {SPEC, HISTORY, *MODEL_FILES}:  # it might name any file here
            raise ModelError(f"its {RECORD} names another file: {quoted(min(others))}")
        history = read_history(place)
        model = load_trained(place, engine=None)  # verifies every digest, the text and the weights
        model.engine.close()
        network = model.network
        contents = {
            file: verified(place, file, digest, most_bytes(file, network, record.epochs))
            for file, digest in record.files.items()
        }
        contents[RECORD] = read_file(place, RECORD, MOST_OF_A_RECORD)
        contents[FIGURES] = figures(record.kept(history)).encode()
    return HandedIn(name, record, network, history, contents)


@contextmanager
def _told_without(folder: Path) -> Iterator[None]:
    """Leave the folder out of what is raised: who handed it in does not know a temporary one."""
    try:
        yield
    except ModelError as error:
        message = str(error)
        for told in (f"{folder}{os.sep}", f"{folder}: refused: ", f"; train {folder} again"):
            message = message.replace(told, "")
        raise ModelError(message) from None


def _unpack_network(path: Path, folder: Path) -> str:
    """Unpack the network of a zip into a folder; return what it was called.

    Raises ModelError if a file in it cannot be read or has more bytes than such a file can need.
    """
    try:
        with zipfile.ZipFile(path) as archive, _told_without(folder):
            inside = _place_of_network(archive)
            for file in (RECORD, SPEC):
                _unpack(archive, inside + file, folder / file, MOST_OF_A_RECORD)
            record = read_record(str(folder))
            text = as_text((folder / SPEC).read_bytes(), SPEC)
            network = lay_out(parse_spec(text, SPEC, len(record.about.classes)))
            for file in (HISTORY, *sorted(MODEL_FILES)):
                if file == HISTORY or inside + file in archive.namelist():
                    _unpack(archive, inside + file, folder / file, most_bytes(file, network, record.epochs))
            return Path(inside).name or path.stem
    except _UNREADABLE as error:
        raise ModelError(f"it cannot be unpacked: {error}") from None


def _place_of_network(archive: zipfile.ZipFile) -> str:
    """The one folder in a zip that holds a record, "" or ending in "/".

    Raises ModelError if there are too many files, or not just one such folder.
    """
    if len(archive.infolist()) > _MOST_FILES:
        raise ModelError(f"there are more than {_MOST_FILES:,} files in it; import the folder of the network")
    folders = _folders_with(RECORD, archive)
    if len(folders) != 1:
        found = f"{len(folders):,} trained networks" if folders else "no trained network"
        raise ModelError(
            f"there {'are' if folders else 'is'} {found} in it; unpack it, and import the folder"
        )
    return folders[0]


def _folders_with(file: str, archive: zipfile.ZipFile) -> list[str]:
    """The folders in a zip that hold a file of this name, "" or ending in "/"."""
    names = (name for name in archive.namelist() if not name.startswith("__MACOSX"))
    return [name.removesuffix(file) for name in names if name == file or name.endswith(f"/{file}")]


def _unpack(archive: zipfile.ZipFile, name: str, file: Path, most: int) -> None:
    try:
        with archive.open(name) as stream:
            content = stream.read(most + 1)  # never more, whatever the zip says of its size
    except KeyError:
        raise ModelError(f"{file.name} is missing") from None
    if len(content) > most:
        raise ModelError(f"{file.name} is larger than this network can need ({most:,} bytes)")
    file.write_bytes(content)
