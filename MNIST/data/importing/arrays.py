"""NumPy's .npz with x_train, y_train and perhaps x_test and y_test, as Keras has MNIST.

A laboratory writes three more arrays with drawn digits, and any file may have them: `classes`, the names that
the labels number from 0, and `form` and `ink`, a word each, as in `About`, for images that stay as they are.
"""

import math
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np

from MNIST.data.about import FORMS, POLARITIES, checked_classes
from MNIST.data.importing.labels import Labelled, numbered
from MNIST.data.importing.shapes import Preparation
from MNIST.data.importing.source import MOST_IMAGES, Found, as_bytes, refuse_other_sides, squares, white_of
from MNIST.errors import DataError, is_of_system, quoted

NAMES = "x_train", "y_train", "x_test", "y_test"
CLASSES = "classes"
WORDS = {"form": FORMS, "ink": POLARITIES}  # arrays of one word, and which there are
OURS = *NAMES, CLASSES, *WORDS
LARGEST = 2**32  # bytes of an array
METHODS = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED  # by which NumPy packs arrays
# What is raised for a file that is not as NumPy writes it; RuntimeError if it is encrypted.
DAMAGED = OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error


def read_npz(path: Path, preparation: Preparation) -> Found:
    """The images in an .npz file. Raises DataError for a file that lacks an array or has others' shapes."""
    try:
        _refuse_others(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in OURS if name in file.files}
            names = ", ".join(file.files[:8])
    except DAMAGED as error:
        if is_of_system(error):
            raise
        raise DataError(f"{path}: not a file of NumPy's arrays ({str(error)[:100]})") from None
    if not {"x_train", "y_train"} <= arrays.keys() or ("x_test" in arrays) != ("y_test" in arrays):
        raise DataError(f"{path}: expected the arrays {', '.join(NAMES)}, found {names or 'none'}")
    kinds = ["train", "test"] if "x_test" in arrays else ["train"]
    pairs = [(arrays[f"x_{kind}"], arrays[f"y_{kind}"]) for kind in kinds]
    labels = [_flat(path, labels, images.shape[:1]) for images, labels in pairs]
    if CLASSES in arrays:
        labelled = _of_named_classes(path, labels, arrays[CLASSES])
    else:
        labelled = numbered(labels, str(path))
    sets = [_grey(path, images) for images, _ in pairs]
    white = white_of(sets)
    preparation = preparation.for_all(images.shape[1:] for images in sets)
    parts, problems = [], []
    for kind, images, of_part in zip(kinds, sets, labelled.labels, strict=True):
        where = f"{path.name}, x_{kind}"
        part, wrong = preparation.part(_in_bytes(path, images, white), of_part, where)
        parts.append(part)
        problems += wrong
    test = parts[1] if len(parts) > 1 else None
    form, ink = (_word(path, name, arrays.get(name)) for name in WORDS)
    if preparation.form == "digit":
        ink = None  # such images were made with bright ink
    form = preparation.form or form
    return Found(parts[0], test, labelled.classes, form, problems, labelled.notes, ink)


def _of_named_classes(path: Path, labels: Sequence[np.ndarray], names: np.ndarray) -> Labelled:
    """Labels that are places in a list of names."""
    if names.ndim != 1 or names.dtype.kind != "U":
        raise DataError(f"{path}: expected a list of texts as {CLASSES}, found {names.dtype} {names.shape}")
    classes = checked_classes(names.tolist(), f"{path}, {CLASSES}")
    for one in labels:
        if not np.issubdtype(one.dtype, np.integer) or (one < 0).any() or (one >= len(classes)).any():
            raise DataError(f"{path}: expected labels from 0 to {len(classes) - 1}, places in {CLASSES}")
    return Labelled([one.astype(np.int64) for one in labels], classes)


def _word(path: Path, name: str, array: np.ndarray | None) -> str | None:
    """The word in one of the arrays `WORDS`; None if the file lacks it."""
    if array is None:
        return None
    found = str(array.item()) if array.size == 1 else f"{array.dtype} {array.shape}"
    if found not in WORDS[name]:
        raise DataError(f"{path}: expected {' or '.join(WORDS[name])} as {name}, found {quoted(found)}")
    return found


def _grey(path: Path, images: np.ndarray) -> np.ndarray:
    """Images as (n, rows, columns)."""
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim == 2:
        images = squares(images, str(path))
    if images.ndim != 3 or not 1 <= len(images) <= MOST_IMAGES:
        raise DataError(f"{path}: expected grey images (n, rows, columns), found the shape {images.shape}")
    refuse_other_sides(images.shape[1:], str(path))
    if not (np.issubdtype(images.dtype, np.number) and not np.iscomplexobj(images)):
        raise DataError(f"{path}: expected numbers as pixels, found {images.dtype}")
    return images


def _in_bytes(path: Path, images: np.ndarray, white: int) -> np.ndarray:
    """Images as uint8. white: the highest level that they may have."""
    low, high = float(images.min()), float(images.max())
    if not (low >= 0 and high <= white):
        raise DataError(f"{path}: expected pixels from 0 to 1, or from 0 to 255, found {low:g} to {high:g}")
    return as_bytes(images, white)


def _flat(path: Path, labels: np.ndarray, images: tuple[int, ...]) -> np.ndarray:
    """Labels in a row. images: how many there are, or () if they are no list of images."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.shape != images:
        raise DataError(f"{path}: expected a label for each image, found {labels.shape} and images {images}")
    return labels


def _refuse_others(path: Path) -> None:
    """Raise DataError for an archive that NumPy has not written, and for one that is too large."""
    with zipfile.ZipFile(path) as archive:
        if any(member.compress_type not in METHODS for member in archive.infolist()):
            raise DataError(f"{path}: not a file of NumPy's arrays (packed by another method)")
        if any(member.file_size > LARGEST for member in archive.infolist()):
            raise DataError(f"{path}: an array of more than {LARGEST:,} bytes")
        for member in archive.infolist():
            if member.filename.removesuffix(".npy") in OURS:
                with archive.open(member) as stream:
                    if _declared(stream) > member.file_size:
                        raise ValueError("an array is larger than its member of the archive")


def _declared(stream: IO[bytes]) -> int:
    """How many bytes an array has with its header, which is read."""
    is_first = np.lib.format.read_magic(stream) == (1, 0)
    read = np.lib.format.read_array_header_1_0 if is_first else np.lib.format.read_array_header_2_0
    shape, _, kind = read(stream)
    return stream.tell() + math.prod(shape) * kind.itemsize
