"""How this project writes to the disk: whole files or nothing, and one writer at a time."""

import errno
import glob
import os
import re
import shutil
import stat
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from MNIST.errors import BusyError
from MNIST.paths import refuse_no_folder

LOCK = ".lock"  # the file in a folder that whoever writes there holds
# What macOS and Windows leave in a folder that somebody has looked into.
LEFT_BY_SYSTEMS = re.compile(r"\.DS_Store|\._.*|thumbs\.db|desktop\.ini", re.IGNORECASE)
ABANDONED = 3600  # seconds: a file is written in less
_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}\.tmp")  # as `write_atomically` has it named


class NotAFileError(OSError):
    """A folder, a pipe or a device is where a file should be."""


def write_atomically(path: Path, content: bytes | str, alone: bool = False, lasting: bool = True) -> None:
    """Write a file so that a reader sees the old content or the new, never a part, even after a crash.

    content: bytes, or text that is written as UTF-8 with `\\n` line ends.
    alone: no other process writes this file now, because the caller holds its lock.
    lasting: wait until the disk has it. Without that it is faster, and after a power cut the file may be
    empty.
    Temporary files that killed writers left beside it are removed: all of them if `alone`, else those that
    are an hour old, because a younger one may still be in use.
    Raises OSError, with the file's name, if the disk is full or the folder cannot be written; the old file is
    then intact.
    """
    with _staged(path, content, alone, lasting) as put:
        put()


def write_together(files: Mapping[Path, bytes | str]) -> None:
    """Write files that belong together, each as `write_atomically` does, and none before all have room.

    Raises OSError if the disk is full or a folder cannot be written; the old files are then intact.
    """
    with ExitStack() as stack:
        for put in [stack.enter_context(_staged(path, content)) for path, content in files.items()]:
            put()


@contextmanager
def _staged(
    path: Path, content: bytes | str, alone: bool = False, lasting: bool = True
) -> Iterator[Callable[[], None]]:
    """Write a temporary file; yield the function that puts it into its place. See `write_atomically`."""
    data = content.encode() if isinstance(content, str) else content
    path = Path(path)
    make_folder(path.parent)
    remove_stale(path, age=0 if alone else ABANDONED)
    with naming(path):
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)

    def put() -> None:
        with naming(path):
            os.replace(temporary, path)

    try:
        with naming(path), os.fdopen(handle, "wb") as stream:
            stream.write(data)
            if lasting:
                stream.flush()
                os.fsync(stream.fileno())
            os.chmod(temporary, 0o666 & ~_UMASK)  # mkstemp's 0600 would hide the file from others
        yield put
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError name this file, and not a temporary one or none."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        del error.filename2
        raise


def read_whole(path: Path, most: int) -> bytes:
    """The bytes of a file. If there are more than `most`, one more than that is returned, which shows it.

    Raises FileNotFoundError; NotAFileError for a folder, a pipe or a device, which might have no end.
    """
    with opened(path) as stream:
        return stream.read(min(most, os.fstat(stream.fileno()).st_size) + 1)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file to read its bytes. Raises FileNotFoundError; NotAFileError as `read_whole` does."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise NotAFileError(errno.EINVAL, "this is not a file", str(path))
        with os.fdopen(handle, "rb", closefd=False) as stream:
            yield stream
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it if they are missing. Raises OSError that names what is in the way."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        for place in reversed((folder, *folder.parents)):
            refuse_no_folder(place)
        raise


def refuse_link(folder: Path) -> None:
    """Raise OSError for a folder that is a link: files are removed in it, and a link may lead elsewhere."""
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "this is a link to another place; remove it", str(folder))


def remove_stale(path: Path, age: float = 0) -> None:
    """Remove the temporary files of killed writers of `path` that have not been written to for `age` seconds.

    Call it without an age only while holding the file's lock.
    """
    for temporary in Path(path).parent.glob(f".{glob.escape(Path(path).name)}.*.tmp"):
        with suppress(OSError):  # another process may remove it too
            if time.time() - temporary.stat().st_mtime >= age:
                temporary.unlink()


def is_temporary(path: Path) -> bool:
    """Whether a file has a name like those of the temporary files that a killed writer leaves."""
    return _TEMPORARY.fullmatch(path.name) is not None


def remove_whole(path: Path) -> None:
    """Remove a file, a folder with all that is in it, or a link, but nothing that a link leads to.

    It does nothing if there is none. Raises OSError if something cannot be removed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def only_one(lock_file: Path, busy: str | None = None) -> Iterator[None]:
    """Hold a lock, which the system releases however the process ends.

    It leaves no file behind. A folder that was made for it and stayed empty goes too, if `busy` is given:
    without it, another process may wait there.
    busy: the message of the BusyError that is raised if another process holds the lock; None waits.
    Raises OSError if the file system lets no file be locked.
    """
    from filelock import FileLock, Timeout

    is_new = busy is not None and not lock_file.parent.exists()
    make_folder(lock_file.parent)
    lock = FileLock(lock_file, timeout=-1 if busy is None else 0)
    try:
        # filelock warns where the system has no locks. There, a file is locked as long as it exists.
        with warnings.catch_warnings(action="ignore"):
            try:
                lock.acquire()
            except PermissionError:
                _remove_abandoned(lock_file)
                lock.acquire()
    except Timeout:
        raise BusyError(busy) from None
    except OSError as error:
        if error.filename is not None:
            raise
        lack = f"files cannot be locked in this folder ({error.strerror}); work in one on another disk"
        raise OSError(error.errno, lack, str(lock_file.parent)) from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows does not remove open files
            lock_file.unlink()  # while the lock is held: a waiting process notices, and tries again
        lock.release()
        if is_new:
            with suppress(OSError):  # something lies in it
                lock_file.parent.rmdir()


def _remove_abandoned(lock_file: Path) -> None:
    """Remove the lock file of another user's killed process. Raises PermissionError if it is in use."""
    try:
        import fcntl
    except ModuleNotFoundError:  # on Windows, a killed process leaves no file that others cannot open
        return
    with suppress(FileNotFoundError):
        handle = os.open(lock_file, os.O_RDONLY)  # to read it is enough to lock it
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(lock_file)
        except BlockingIOError:
            raise PermissionError(
                errno.EACCES, "another user's process holds this lock", str(lock_file)
            ) from None
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_UMASK = _umask()  # read once, while there is one thread, because reading it changes it for a moment
