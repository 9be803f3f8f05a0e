"""From labels as people write them, numbers from 0 or 1 or words, to indices into a list of classes."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from MNIST.data.about import checked_classes
from MNIST.errors import DataError, quoted
from MNIST.language.layer import MOST_CLASSES
from MNIST.words import DIGITS


@dataclass(frozen=True)
class Labelled:
    """Labels of some sets as indices into classes: int64 (n,) each. notes: what was done to them."""

    labels: list[NDArray[np.int64]]
    classes: tuple[str, ...]
    notes: list[str] = field(default_factory=list)


def numbered(sets: Sequence[NDArray[np.generic]], where: str, names: Sequence[str] | None = None) -> Labelled:
    """Labels of some sets, numbers or words, as indices into classes.

    Numbers keep their meaning if they begin at 0; those from 1 on become one less. Words are sorted.
    names: what the numbers mean, in order; without it, numbers up to 9 are the digits, and others are called
    as they are written. Raises DataError for other labels.
    """
    if not all(map(len, sets)):
        raise DataError(f"{where}: a set has no images")
    if any(np.issubdtype(one.dtype, np.floating) for one in sets):
        sets = [_whole(one, where) for one in sets]
    if not all(np.issubdtype(one.dtype, np.integer) for one in sets):
        words = [_words(one, where) for one in sets]
        classes = checked_classes(np.unique(np.concatenate(words)).tolist(), where)
        refuse_names_equal_but_for_case(classes, where)
        return Labelled([np.searchsorted(classes, one).astype(np.int64) for one in words], classes)
    lowest, highest = min(int(one.min()) for one in sets), max(int(one.max()) for one in sets)
    if lowest < 0 or highest > MOST_CLASSES:
        raise DataError(f"{where}: expected labels from 0 to {MOST_CLASSES - 1}, found {lowest} to {highest}")
    notes = []
    first = 0
    if lowest == 1 and (names is not None or highest != 9):
        first = 1  # without a zero, 1 to 9 may be digits of which the 0 is missing
        notes.append(f"labels from 1 to {highest} became 0 to {highest - 1}")
    if names is not None:
        if len(names) <= highest - first:
            raise DataError(f"{where}: expected labels below {len(names)}, found {highest - first}")
        classes = checked_classes(names, where)
    elif highest == 9:
        classes = DIGITS
    else:
        classes = checked_classes([str(label) for label in range(first, highest + 1)], where)
    return Labelled([one.astype(np.int64) - first for one in sets], classes, notes)


def refuse_names_equal_but_for_case(names: Sequence[str], where: str) -> None:
    """Raise DataError if names of classes differ in capital letters alone: they may mean one class, or two.

    Single letters may: "a" and "A" are two letters.
    """
    spellings: dict[str, list[str]] = {}
    for name in names:
        spellings.setdefault(name.casefold(), []).append(name)
    several = [same for same in spellings.values() if len(same) > 1 and len(same[0]) > 1]
    if several:
        doubtful = "; ".join(" and ".join(map(quoted, same)) for same in several)
        raise DataError(f"{where}: two names of one class, or of two? {doubtful}; rename one of them")


def _words(labels: NDArray[np.generic], where: str) -> NDArray[np.str_]:
    """Labels as text, in Unicode's composed form, as names of classes are."""
    if labels.dtype.kind == "S":
        try:
            labels = np.char.decode(labels.astype(np.bytes_), "utf-8")
        except UnicodeDecodeError:
            raise DataError(f"{where}: expected labels in UTF-8") from None
    words, places = np.unique(labels.astype(str), return_inverse=True)
    return np.array([unicodedata.normalize("NFC", word) for word in words])[places]


def _whole(labels: NDArray[np.generic], where: str) -> NDArray[np.generic]:
    if not (np.isfinite(labels).all() and (labels == np.rint(labels)).all()):
        raise DataError(f"{where}: expected whole numbers or words as labels")
    return np.rint(labels).astype(np.int64)
