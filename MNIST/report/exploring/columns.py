"""The columns of a table of trials: which values a parameter has, and in which rows it matters."""

from collections.abc import Mapping, Sequence

Columns = Mapping[str, Sequence[float | str]]


def distinct(values: Sequence[float | str]) -> list[float | str]:
    """The different values in order, numbers first, without those that say the parameter did not matter."""
    there = {value for value in values if matters(value)}
    return sorted(there, key=lambda value: (isinstance(value, str), value))


def shortened(words: Sequence[str], length: int) -> list[str]:
    """The words, cut if they are too long; words that then are the same get a number."""
    texts: dict[str, None] = {}
    for word in words:
        text = word if len(word) <= length else word[: length - 1] + "…"
        text = text if text.strip() else "␣"
        number = len(texts)
        while text in texts:
            text = f"{word[: length - 1 - len(str(number))]}…{number}"
            number += 1
        texts[text] = None
    return list(texts)


def matters(value: float | str) -> bool:
    """Whether the parameter matters in this row (momentum does not under Adam)."""
    return value not in ("", "any") and value == value
