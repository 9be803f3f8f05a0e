"""A table of any program as names and rows: what its encoding, its delimiter and its decimal sign are."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from MNIST.errors import UsageError, quoted
from MNIST.files import read_whole
from MNIST.words import counted

MOST = 2**30  # bytes of a table that is read
DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 1000  # rows, to tell the decimal sign
SPREADSHEET = "it is a spreadsheet's own file: save it as CSV there"
OTHER_FILES = {  # how files begin that are no text, and what to do instead
    b"PK\x03\x04": SPREADSHEET,
    b"\xd0\xcf\x11\xe0": SPREADSHEET,
    b"SQLite format 3": "it is a database: write a table, as Optuna's study.trials_dataframe().to_csv() does",
    b"PAR1": "it is a Parquet file: write it as CSV, as pandas' to_csv() does",
}
# 12.042 or 12,042 may be thousands; 0.981 and 0,98 cannot.
THOUSANDS = {
    ",": re.compile(r"[-+]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?"),
    ".": re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?"),
}
FRACTION = re.compile(r"[-+]?\d*([.,])\d+([eE][-+]?\d+)?\s?%?")


@dataclass(frozen=True)
class RawTable:
    """A table as text. names: all different, but for those of columns without one, which are empty.

    rows: a cell that a row lacks is None. lines: of the rows. widths: how many cells they have.
    decimal: the sign before the decimals, a point or a comma.
    """

    path: Path
    names: list[str]
    rows: list[dict[str, str | None]]
    lines: list[int]
    widths: list[int]
    decimal: str

    def words(self, name: str) -> list[str]:
        """A column's cells. Raises UsageError for a row that ends before it."""
        for row, line, width in zip(self.rows, self.lines, self.widths, strict=True):
            if row[name] is None:
                raise UsageError(f"{self.path}, line {line}: {self._does_not_fit(width)}")
        return [row[name] or "" for row in self.rows]

    def number(self, word: str) -> float:
        """A cell as a number, nan if it is none; a percentage becomes a proportion."""
        plain = word.strip().replace("\xa0", "").replace("\u202f", "")  # spaces between thousands
        if THOUSANDS[self.decimal].fullmatch(plain):
            plain = plain.replace("." if self.decimal == "," else ",", "")
        if self.decimal == ",":
            plain = plain.replace(",", ".")
        try:
            return float(plain[:-1]) / 100 if plain.endswith("%") else float(plain or "nan")
        except ValueError:
            return float("nan")

    def _does_not_fit(self, cells: int) -> str:
        return (
            f"it has {counted(cells, 'cell')}, and the first line names {counted(len(self.names), 'column')}"
        )


def read_table(path: Path) -> RawTable:
    """Read a table: CSV with any usual delimiter and decimal sign, in UTF-8, UTF-16 or Windows' encoding.

    Raises UsageError if it is none, with the line of a row that has more cells than there are names.
    """
    try:
        header, *cells = _cells(_text(read_whole(path, MOST)))
    except (OSError, ValueError, csv.Error) as error:  # ValueError: no rows, or no text
        raise UsageError(f"{path} cannot be read as a results file: {error}") from None
    names = _distinct_names([name.strip() for name in header[1]])
    table = RawTable(path, names, [], [], [], _decimal_sign(row for _, row in cells[:LOOKED_AT]))
    for line, row in cells:
        if any(cell.strip() for cell in row[len(names) :]):
            raise UsageError(f"{path}, line {line}: {table._does_not_fit(len(row))}{_why_more(row)}")
        if any(cell.strip() for cell in row):
            lacking = [None] * (len(names) - len(row))
            table.rows.append(dict(zip(names, [*row, *lacking], strict=False)))
            table.lines.append(line)
            table.widths.append(len(row))
    return table


def _text(content: bytes) -> str:
    """The bytes as text. Raises ValueError if they are none."""
    for beginning, advice in OTHER_FILES.items():
        if content.startswith(beginning):
            raise ValueError(advice)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):  # Excel's "Unicode text"
        text = content.decode("utf-16")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252")  # Excel's CSV in western Europe
    if "\0" in text:
        raise ValueError("it is no text")
    return text


def _cells(text: str) -> list[tuple[int, list[str]]]:
    """The rows, each with the number of its last line. Raises ValueError if there is none."""
    told = re.match(r"sep=(.)\r?\n", text)  # what Excel takes as the delimiter
    delimiter = told[1] if told else _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = [(reader.line_num, row) for row in reader if row]
    rows = rows[1:] if told else rows
    if not rows:
        raise ValueError("it is empty")
    return rows


def _delimiter(text: str) -> str:
    """The delimiter by which the first two lines have as many cells, and the most."""
    lines = [line for line in io.StringIO(text[:1_000_000]) if line.strip()][:2]

    def fitness(delimiter: str) -> tuple[bool, int]:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        return len(set(counts)) == 1 and counts[0] > 1, max(counts[:1], default=0)

    return max(DELIMITERS, key=fitness)


def _decimal_sign(rows: Iterable[Sequence[str]]) -> str:
    """The sign that more cells have among those that cannot be thousands; of as many, the point."""
    signs: Counter[str] = Counter()
    for cell in (cell.strip() for row in rows for cell in row):
        fraction = FRACTION.fullmatch(cell)
        if fraction and not any(thousands.fullmatch(cell) for thousands in THOUSANDS.values()):
            signs[fraction[1]] += 1
    return "," if signs[","] > signs["."] else "."


def _why_more(row: Sequence[str]) -> str:
    """A hint for a row that has too many cells: are they halves of numbers?"""
    halves = sum(cell.strip().isdigit() for cell in row)
    comma = "; if its numbers have decimal commas, save it with semicolons between the cells"
    return comma if halves > len(row) / 2 else f"; the last is {quoted(row[-1])}"


def _distinct_names(header: Sequence[str]) -> list[str]:
    """The names of columns; the second of one name gets a free number, so that both are kept.

    Columns without a name stay so.
    """
    numbers = {name: count(2) for name in header}
    seen: set[str] = set()
    names = []
    for name in header:
        distinct = name
        if name and name in seen:
            distinct = next(free for number in numbers[name] if (free := f"{name} ({number})") not in numbers)
        seen.add(name)
        names.append(distinct)
    return names
