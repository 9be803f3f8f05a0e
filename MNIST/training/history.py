"""The history of a run as `history.csv` keeps it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from MNIST.training.checkpoint import EpochResult

_NAMES = [field.name for field in fields(EpochResult)]


def history_csv(history: Sequence[EpochResult]) -> str:
    """The history as CSV: a header, and a row for each epoch with all digits, so that it reads back equal."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_NAMES)
    writer.writerows([repr(getattr(result, name)) for name in _NAMES] for result in history)
    return stream.getvalue()


def parse_history(text: str) -> list[EpochResult]:
    """Read what `history_csv` wrote. Raises ValueError for anything else, and for an accuracy above 1."""
    kinds = [int if field.type in (int, "int") else float for field in fields(EpochResult)]
    try:
        header, *rows = [*csv.reader(io.StringIO(text))] or [[]]
    except csv.Error as error:  # which is no ValueError
        raise ValueError(str(error)) from None
    if header != _NAMES or any(len(row) != len(_NAMES) for row in rows):
        raise ValueError("these columns are not a history's")
    values: list[list[Any]] = [[kind(word) for kind, word in zip(kinds, row, strict=True)] for row in rows]
    history = [EpochResult(*row) for row in values]
    for each in history:
        for accuracy in (each.accuracy, each.val_accuracy):
            if accuracy < 0 or accuracy > 1:  # nan, where there was no image, is neither
                raise ValueError(f"epoch {each.epoch} has an accuracy of {accuracy}")
    return history
