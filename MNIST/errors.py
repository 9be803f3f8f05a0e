"""The errors that a user can fix. `cli.main` turns each into one message and an exit code.

Programming mistakes stay ValueError and TypeError: they are ours to fix, and they deserve a traceback.
"""

import errno
from collections.abc import Iterable

LONGEST_SHOWN = 40  # characters; longer words are shortened in messages


class MNISTError(Exception):
    """Something failed while running; the message says where, what was found and what to do."""

    exit_code = 1


class UsageError(MNISTError):
    """The command line, a name or a model file is wrong; the command did not start its work."""

    exit_code = 2


class DataError(MNISTError):
    """A data file is missing, damaged or not what it claims to be."""


class DownloadError(MNISTError):
    """No mirror delivered a file."""


class TrainingError(MNISTError):
    """A training run cannot begin or go on, or its result cannot be trusted."""


class DivergedError(TrainingError):
    """The numbers of a run are no longer finite; training again would end in the same way."""


class ModelError(MNISTError):
    """A saved model is missing, damaged or hostile, or it does not match its record."""


class CertifyError(MNISTError):
    """An engine failed to compute its part of a certificate."""


class BusyError(MNISTError):
    """Another process holds a lock that only one process may hold."""


class StoreError(MNISTError):
    """The store of trials cannot be used."""


class UnreadableStoreError(StoreError):
    """The store of trials is damaged or of another version; nobody can have it open."""


def is_of_system(error: BaseException) -> bool:
    """Whether the system lacks something, as memory, a library or a disk that works, and no file is damaged.

    What a decoder raises for a damaged file has no error number. It has EINVAL if the file points to a place
    before its own first byte.
    """
    if isinstance(error, OSError):
        return error.errno not in (None, errno.EINVAL)
    return isinstance(error, MemoryError | ImportError)


def quoted(word: str) -> str:
    """`word` in quotes, shortened if it is long."""
    return f"'{word if len(word) <= LONGEST_SHOWN else word[: LONGEST_SHOWN - 1] + '…'}'"


def did_you_mean(word: str, known: Iterable[str], ending: str = "") -> str:
    """The hint "; did you mean 'Dense'?", or nothing if no known word is near."""
    near = nearest(word, known)
    return f"; did you mean '{near}{ending}'?" if near else ""


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word most similar to `word`, ignoring case; None if none is similar."""
    import difflib

    if len(word) > LONGEST_SHOWN:
        return None
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[near[0]] if near else None
