"""CSV: a row for each image, its pixels row by row, and its label first or last; as Kaggle has MNIST."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from MNIST.data.centring import SIDE
from MNIST.data.importing.labels import numbered
from MNIST.data.importing.shapes import Preparation
from MNIST.data.importing.source import MOST_IMAGES, Found, Part, Progress, as_bytes, squares, white_of
from MNIST.errors import DataError, quoted

if TYPE_CHECKING:
    import pandas

LABEL_NAMES = ("label", "class", "target", "y", "digit", "letter", "labels", "classes")
CELLS = 4_000_000  # of the file that are read at a time, however many columns it has
EXPECTED = "expected numbers from 0 to 1 in all rows, or whole ones from 0 to 255"
FEW_CLASSES = 100  # if there are gaps between their numbers; pixels have more different levels
NEARLY_ALL = 0.9  # of the images: values with gaps of which one is in so many are a corner's levels


def read_csv(path: Path, preparation: Preparation, progress: Progress) -> Found:
    """The images in a table. Raises DataError if it is no table of pixels with a label in each row."""
    column, has_header = _label_column(path)
    white = white_of(_pixels(table, column) for table in _tables(path, column, has_header))
    images = bytearray()
    labels: list[NDArray[np.object_]] = []
    problems: list[str] = []
    count = 0
    for table in _tables(path, column, has_header):
        pixels = _pixels(table, column)
        wrong = dict(_wrong(table, column, pixels, white))
        good = [place for place in range(len(table)) if place not in wrong]
        for place, picture in zip(good, as_bytes(squares(pixels[good], path.name), white), strict=True):
            try:
                images += preparation.one(picture).tobytes()
            except DataError as error:
                wrong[place] = str(error)
        labels.append(table.iloc[[place for place in good if place not in wrong], column].to_numpy())
        problems += [f"{path.name}, row {count + 1 + place:,}: {wrong[place]}" for place in sorted(wrong)]
        count += len(table)
        if count > MOST_IMAGES:
            raise DataError(f"{path}: more than {MOST_IMAGES:,} images")
        progress(count, 0)
    if not images:
        raise DataError(f"{path}: no image can be read" + (f"; {problems[0]}" if problems else ""))
    labelled = numbered([_numbers_or_words(np.concatenate(labels))], str(path))
    train = Part(np.frombuffer(images, np.uint8).reshape(-1, SIDE, SIDE), labelled.labels[0])
    form = preparation.for_all([picture.shape]).form
    return Found(train, None, labelled.classes, form, problems, labelled.notes)


def _pixels(table: "pandas.DataFrame", column: int) -> NDArray[np.float64]:
    """All columns but that of the labels, as numbers; NaN where there is none."""
    pixels = table.drop(columns=table.columns[column])
    words = pixels.select_dtypes(exclude="number")
    pixels[words.columns] = words.astype(str).apply(_as_numbers)
    return pixels.to_numpy(np.float64)


def _wrong(
    table: "pandas.DataFrame", column: int, pixels: NDArray[np.float64], white: int
) -> Iterator[tuple[int, str]]:
    """The place of each row that has no label or a pixel that is no level from 0 to white, and why."""
    fits = (pixels >= 0) & (pixels <= white)
    if white > 1:
        fits &= pixels == np.rint(pixels)
    labelled = table.iloc[:, column].notna().to_numpy()
    for row in np.flatnonzero(~labelled | ~fits.all(axis=1)).tolist():
        pixel = int(fits[row].argmin())
        level, cell = pixels[row, pixel], table.iloc[row, pixel + (pixel >= column)]
        if not labelled[row]:
            yield row, "there is no label"
        elif cell != cell:  # NaN stands for an empty cell, and for those that a short row lacks
            yield row, f"pixel {pixel + 1:,} is missing"
        else:
            found = quoted(str(cell)) if np.isnan(level) else f"{level:g}"
            yield row, f"pixel {pixel + 1:,} is {found}; {EXPECTED}"


def _tables(path: Path, column: int, has_header: bool) -> "Iterator[pandas.DataFrame]":
    """The file's rows, some at a time. column: the place of the labels, which are read as text."""
    import pandas

    how = {"header": 0 if has_header else None, **_spelling(path)}
    try:
        name = pandas.read_csv(path, nrows=0, **how).columns[column] if has_header else column
        rows = _rows(path, CELLS)
        with pandas.read_csv(path, chunksize=rows, low_memory=False, dtype={name: str}, **how) as tables:
            yield from tables
    except ValueError as error:
        raise _refused(path, error) from None


def _rows(path: Path, cells: int) -> int:
    """How many rows have about `cells` cells together, but at least one."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        line = next(filter(str.strip, stream), "")
    return max(1, cells // (line.count(_spelling(path)["sep"]) + 1))


def _spelling(path: Path) -> dict[str, Any]:
    """How pandas is to read the file: only an empty cell is missing, and "NA" is a label like any other."""
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    return {"sep": separator, "encoding": "utf-8-sig", "keep_default_na": False, "na_values": [""]}


def _numbers_or_words(labels: NDArray[np.object_]) -> NDArray[np.generic]:
    """Labels as numbers if all are; else as they are written: beside "0A", "05" is a word."""
    import pandas

    numbers = _as_numbers(pandas.Series(labels))
    return labels if np.isnan(numbers).any() else numbers


def _label_column(path: Path) -> tuple[int, bool]:
    """The place of the column with the labels, and whether the first row names the columns."""
    first = _cells(path, header=None, nrows=1)
    if first.shape[1] < 2:
        raise DataError(f"{path}: expected a label and pixels in each row, found {first.shape[1]} value")
    names = [str(name).strip().lower() for name in first.iloc[0]]
    has_header = bool(np.isnan(_as_numbers(first.iloc[0, 1:-1])).any()) or _count_up(names)
    if has_header:
        named = [place for place, name in enumerate(names) if name in LABEL_NAMES]
        if len(named) == 1:
            return named[0], True
        if not named and _is_square(len(names)):
            raise DataError(f"{path}: there are {len(names)} columns of pixels, and no labels")
    if not _is_square(len(names) - 1):
        raise DataError(
            f"{path}: expected a label and the pixels of a square image in each row,"
            f" found {len(names):,} values"
        )
    if has_header and (place := _unlike_the_others(names)) is not None:
        return place, True
    return _first_or_last(path, len(names) - 1, has_header), has_header


def _cells(path: Path, **which: Any) -> "pandas.DataFrame":
    """Some of the file's cells, as text."""
    import pandas

    try:
        return pandas.read_csv(path, dtype=str, **which, **_spelling(path))
    except ValueError as error:
        raise _refused(path, error) from None


def _refused(path: Path, error: ValueError) -> Exception:
    """What pandas cannot read as a table; a lack of memory is not the file's fault."""
    if str(error).endswith("out of memory"):
        return MemoryError(str(error))
    return DataError(f"{path}: not a table ({str(error)[:100]})")


def _unlike_the_others(names: Sequence[str]) -> int | None:
    """The place of the only name that differs from each other one by more than numbers; None without one."""
    shapes = [re.sub(r"\d+", "0", name) for name in names]
    counts = Counter(shapes)
    single = [place for place, shape in enumerate(shapes) if counts[shape] == 1]
    return single[0] if len(single) == 1 else None


def _first_or_last(path: Path, last: int, has_header: bool) -> int:
    """The place of the labels, the first or the last: the first test that only one of the columns passes."""
    both = _cells(path, header=0 if has_header else None, usecols=[0, last], nrows=MOST_IMAGES)
    columns = {place: _as_numbers(both.iloc[:, end].dropna()) for place, end in ((0, 0), (last, 1))}
    for could_be_labels in (_have_words, _are_classes, _are_unlike_pixels):
        found = [place for place, values in columns.items() if could_be_labels(values)]
        if len(found) == 1:
            return found[0]
    raise DataError(
        f"{path}: the labels are in the first column or in the last, and it cannot be told in which;"
        " name that column 'label' in a first row"
    )


def _have_words(values: NDArray[np.float64]) -> bool:
    """Whether they have words, more than the few that may stand in place of pixels by mistake."""
    return bool(np.isnan(values).sum() > (1 - NEARLY_ALL) * len(values))


def _are_classes(values: NDArray[np.float64]) -> bool:
    """Whether they are whole numbers, and not all the same, as a corner's pixels may be."""
    return len(np.unique(values)) > 1 and bool((values == np.rint(values)).all())


def _are_unlike_pixels(values: NDArray[np.float64]) -> bool:
    """Whether they are classes with the numbers from 0 or 1 on; or few, and none has nearly all images."""
    if not _are_classes(values):
        return False
    numbers, counts = np.unique(values, return_counts=True)
    without_gaps = numbers[0] in (0, 1) and numbers[-1] - numbers[0] == len(numbers) - 1
    return bool(without_gaps or (len(numbers) <= FEW_CLASSES and counts.max() <= NEARLY_ALL * len(values)))


def _as_numbers(cells: "pandas.Series") -> NDArray[np.float64]:
    """The numbers that are written in cells; NaN for words."""
    import pandas

    return pandas.to_numeric(cells, errors="coerce").to_numpy(np.float64)


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
