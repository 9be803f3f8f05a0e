"""CSV: a row for each image, its pixels row by row, and its label first or last; as Kaggle has MNIST."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from MNIST.data.importing.labels import numbered
from MNIST.data.importing.shapes import Preparation
from MNIST.data.importing.source import MOST_IMAGES, Found, Part, Progress, as_bytes, squares
from MNIST.errors import DataError

if TYPE_CHECKING:
    import pandas

LABEL_NAMES = ("label", "class", "target", "y", "digit", "letter", "labels", "classes")
CELLS = 4_000_000  # of the file that are read at a time, however many columns it has
LOOKED_AT = 500_000  # cells, to tell the labels from the pixels


def read_csv(path: Path, preparation: Preparation, progress: Progress) -> Found:
    """The images in a table. Raises DataError if it is no table of pixels with a label in each row."""
    column, has_header = _label_column(path)
    images: list[NDArray[np.uint8]] = []
    labels: list[NDArray[np.object_]] = []
    problems: list[str] = []
    count = 0
    for table in _tables(path, column, has_header):
        values = table.drop(columns=table.columns[column])
        where = f"{path.name}, from row {count + 1:,} on"
        if (unlabelled := table.iloc[:, column].isna().to_numpy()).any():
            raise DataError(f"{path.name}, row {count + 1 + unlabelled.argmax():,}: there is no label")
        if values.isna().to_numpy().any():
            raise DataError(f"{where}: a row has fewer values than the others")
        pictures = as_bytes(squares(values.to_numpy(), where), where)
        part, wrong = preparation.part(pictures, np.arange(len(table)), f"{path.name}, row {count:,} +")
        images.append(part.images)
        labels.append(table.iloc[part.labels, column].to_numpy())
        problems += wrong
        count += len(table)
        if count > MOST_IMAGES:
            raise DataError(f"{path}: more than {MOST_IMAGES:,} images")
        progress(count, 0)
    if problems and not any(map(len, labels)):
        raise DataError(f"{path}: no image can be read; {problems[0]}")
    labelled = numbered([_numbers_or_words(np.concatenate(labels))], str(path))
    train = Part(np.concatenate(images), labelled.labels[0])
    return Found(train, None, labelled.classes, preparation.form, problems, labelled.notes)


def _tables(path: Path, column: int, has_header: bool) -> "Iterator[pandas.DataFrame]":
    """The file's rows, some at a time. column: the place of the labels, which are read as text."""
    import pandas

    how = {"header": 0 if has_header else None, **_spelling(path)}
    try:
        name = pandas.read_csv(path, nrows=0, **how).columns[column] if has_header else column
        rows = _rows(path, CELLS)
        yield from pandas.read_csv(path, chunksize=rows, low_memory=False, dtype={name: str}, **how)
    except (ValueError, UnicodeDecodeError, pandas.errors.ParserError) as error:
        raise DataError(f"{path}: not a table ({str(error)[:100]})") from None


def _rows(path: Path, cells: int, least: int = 1) -> int:
    """How many rows have about `cells` cells together, but not fewer than `least`."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        line = next(filter(str.strip, stream), "")
    return max(least, cells // (line.count(_spelling(path)["sep"]) + 1))


def _spelling(path: Path) -> dict[str, Any]:
    """How pandas is to read the file: only an empty cell is missing, and "NA" is a label like any other."""
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    return {"sep": separator, "encoding": "utf-8-sig", "keep_default_na": False, "na_values": [""]}


def _numbers_or_words(labels: NDArray[np.object_]) -> NDArray[np.generic]:
    """Labels as numbers if all are; else as they are written: beside "0A", "05" is a word."""
    import pandas

    numbers = pandas.to_numeric(pandas.Series(labels), errors="coerce")
    return labels if numbers.isna().any() else numbers.to_numpy()


def _label_column(path: Path) -> tuple[int, bool]:
    """The place of the column with the labels, and whether the first row names the columns."""
    import pandas

    rows = _rows(path, LOOKED_AT, least=20)
    try:
        first = pandas.read_csv(path, header=None, nrows=rows, dtype=str, **_spelling(path))
    except (ValueError, UnicodeDecodeError, pandas.errors.ParserError) as error:
        raise DataError(f"{path}: not a table ({str(error)[:100]})") from None
    if first.shape[1] < 2:
        raise DataError(f"{path}: expected a label and pixels in each row, found {first.shape[1]} value")
    names = [str(name).strip().lower() for name in first.iloc[0]]
    has_header = not _are_numbers(first.iloc[:1, 1:-1]) or _count_up(names)
    if has_header:
        named = [place for place, name in enumerate(names) if name in LABEL_NAMES]
        if len(named) == 1:
            return named[0], True
        if not named and _is_square(first.shape[1]):
            raise DataError(f"{path}: there are {first.shape[1]} columns of pixels, and no labels")
        first = first.iloc[1:]
    if not _is_square(first.shape[1] - 1):
        raise DataError(
            f"{path}: expected a label and the pixels of a square image in each row,"
            f" found {first.shape[1]:,} values"
        )
    return _first_or_last(first, path), has_header


def _first_or_last(rows: "pandas.DataFrame", path: Path) -> int:
    """The place of the labels: the first column or the last, whichever is not like a corner's pixel."""
    ends = []
    for place in (0, -1):
        column = rows.iloc[:, place]
        is_corner = _are_numbers(column.to_frame()) and column.value_counts(normalize=True).iloc[0] > 0.9
        if not is_corner:
            ends.append(place)
    if len(ends) != 1:
        raise DataError(
            f"{path}: the labels are in the first column or in the last, and it cannot be told in which;"
            " name that column 'label' in a first row"
        )
    return 0 if ends[0] == 0 else rows.shape[1] - 1


def _are_numbers(cells: "pandas.DataFrame") -> bool:
    import pandas

    words = pandas.Series(cells.to_numpy().ravel())  # all at once: column by column takes seconds for 50,000
    return bool(pandas.to_numeric(words, errors="coerce").notna().all())


def _count_up(names: Sequence[str]) -> bool:
    """Whether the cells of a row, but for one, are the numbers from 0 or 1 on, as pandas names columns."""
    numbers = [int(name) for name in names if name.isdecimal()]
    return len(numbers) >= len(names) - 1 and numbers in (
        [*range(len(numbers))],
        [*range(1, len(numbers) + 1)],
    )


def _is_square(count: int) -> bool:
    side = int(np.sqrt(count))
    return side * side == count
