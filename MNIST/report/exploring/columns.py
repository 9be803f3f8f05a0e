"""The columns of a table of trials: which values a parameter has, and in which rows it matters."""

from collections.abc import Mapping, Sequence

Columns = Mapping[str, Sequence[float | str]]


def distinct(values: Sequence[float | str]) -> list[float | str]:
    """The different values in order, numbers first, without those that say the parameter did not matter."""
    there = {value for value in values if matters(value)}
    return sorted(there, key=lambda value: (isinstance(value, str), value))


def matters(value: float | str) -> bool:
    """Whether the parameter matters in this row (momentum does not under Adam)."""
    return value not in ("", "any") and value == value
