"""Turn the option strings of the command line into checked values, or raise UsageError."""

import math
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeVar

from MNIST.engine_names import ENGINES, PRECISIONS
from MNIST.errors import UsageError, did_you_mean
from MNIST.files import read_whole
from MNIST.paths import TOGETHER, checked_name, members, short_name
from MNIST.words import counted

Value = TypeVar("Value", int, float)

MOST_THREADS = 1024
NAMES_FILE = ".txt"  # the ending of a file of names
LARGEST_NAMES_FILE = 2**20  # bytes
MOST_MISTAKES = 10  # of a file of names, told at once
MOST_EPOCHS, MOST_IMAGES = 100_000, 1_000_000  # as in a model file; images in one step


def whole_number(text: str, option: str, lowest: int = 1, highest: int = 2**31 - 1) -> int:
    """Read a whole number in [lowest, highest]."""
    return _number(text, option, int, "a whole number", lowest, highest)


def optional_whole_number(text: str | None, option: str, highest: int = 2**31 - 1) -> int | None:
    """Read a whole number of at least 1; None if the option was not given."""
    return None if text is None else whole_number(text, option, highest=highest)


def real_number(text: str, option: str, lowest: float, highest: float = math.inf) -> float:
    """Read a finite number in [lowest, highest]."""
    return _number(text, option, float, "a number", lowest, highest)


def proportion(text: str, option: str) -> float:
    """Read a proportion in (0, 1]."""
    value = real_number(text, option, 0.0, 1.0)
    if value == 0:
        raise UsageError(f"{option}: expected a proportion above 0, at most 1, found {text!r}")
    return value


def one_of(text: str, option: str, choices: tuple[str, ...]) -> str:
    """Read one word of `choices`, in upper or lower case."""
    if text.lower() not in choices:
        hint = did_you_mean(text, choices)
        raise UsageError(f"{option}: expected one of {', '.join(choices)}, found {text[:64]!r}{hint}")
    return text.lower()


def model_names(text: str) -> list[str]:
    """Read the names of trained networks, comma separated, each once; `*` and `?` stand for any letters.

    Several joined by `+` are an ensemble, and one item of the list: "A+B". There, a pattern stands for all
    networks that fit it, also if it is alone: "net_*+".
    A text that ends in .txt, which no name can, is the path of a file of names: see `names_in_file`.
    """
    if text.lower().endswith(NAMES_FILE):
        return names_in_file(Path(text))
    names = [name for part in text.split(",") for name in _named(part.strip())]
    _refuse_repeated(names, [TOGETHER.join(sorted(members(name))) for name in names])
    _refuse_repeated(names, [*map(short_name, names)])
    return names


def model_or_ensemble(text: str) -> str:
    """Read the name of one trained network, or of one ensemble."""
    names = model_names(text)
    if len(names) > 1:
        together = f"; for the mean of their answers, join them by {TOGETHER}"
        raise UsageError(f"expected one network, found {len(names)}: {', '.join(names)[:64]}{together}")
    return names[0]


def _refuse_repeated(names: Sequence[str], what: Sequence[str]) -> None:
    """Refuse a name that stands for what another one stands for, too."""
    repeated = sorted({name for name, one in zip(names, what, strict=True) if what.count(one) > 1})
    if repeated:
        raise UsageError(f"model names: {', '.join(repeated)} stands there twice")


def names_in_file(path: Path) -> list[str]:
    """Read the names of trained networks from a file: one name or pattern in each line; `#` begins a comment.

    Raises UsageError that names each line with a mistake; also if the file has no name.
    """
    from MNIST import training

    trained = training.trained_names()
    lines: dict[str, int] = {}  # each name, and where it stands
    standing: dict[str, int] = {}  # also what else it stands for: the same networks, the same files
    mistakes = []
    for number, line in enumerate(_lines(path), start=1):
        part = line.partition("#")[0].strip()
        try:
            names = _named(part) if part else []
        except UsageError as error:
            mistakes.append(f"{path}, line {number}: {error}")
            continue
        for name in names:
            same = TOGETHER.join(sorted(members(name))), short_name(name)
            if earlier := next((standing[one] for one in same if one in standing), None):
                mistakes.append(f"{path}, line {number}: {short_name(name)} stands in line {earlier} already")
                continue
            standing |= dict.fromkeys(same, number)
            for missing in set(members(name)).difference(trained):
                hint = did_you_mean(missing, trained) or "; `list` shows those that are there"
                mistakes.append(f"{path}, line {number}: no trained network {missing!r}{hint}")
            lines.setdefault(name, number)
    if len(mistakes) > MOST_MISTAKES:
        mistakes[MOST_MISTAKES:] = [f"and {counted(len(mistakes) - MOST_MISTAKES, 'more mistake')}"]
    if mistakes:
        raise UsageError("\n".join(mistakes))
    if not lines:
        raise UsageError(
            f"{path} has no name: write a trained network's name, or a pattern such as net_*, in each line"
        )
    return list(lines)


def _lines(path: Path) -> list[str]:
    try:
        content = read_whole(path, LARGEST_NAMES_FILE)
        if len(content) > LARGEST_NAMES_FILE:
            raise UsageError(f"{path} is larger than a file of names can be")
        return content.decode("utf-8-sig").splitlines()
    except FileNotFoundError:
        raise UsageError(f"there is no file {path} with names of networks") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: expected text in UTF-8, with one name in each line") from None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None


def all_names() -> list[str]:
    """The names of all trained networks, net_2 before net_10."""
    return _matching("*")


def _named(part: str) -> list[str]:
    """The names that a name, a pattern or an ensemble stands for."""
    if TOGETHER in part:
        return [_ensemble(part)]
    return _matching(part) if {"*", "?"} & {*part} else [checked_name(part, "model name")]


def _ensemble(text: str) -> str:
    """Read an ensemble; its name has no pattern."""
    parts = [part.strip() for part in text.split(TOGETHER)]
    if parts[-1] == "" and len(parts) == 2 and {"*", "?"} & {*parts[0]}:
        del parts[-1]
    names = [name for part in parts for name in _named(part)]
    _refuse_repeated(names, names)
    return TOGETHER.join(names)


def _matching(pattern: str) -> list[str]:
    """The names of trained networks that fit a pattern, net_2 before net_10."""
    from MNIST import training

    names = [name for name in training.trained_names() if fnmatchcase(name, pattern)]
    if not names:
        what = "there is no trained network yet" if pattern == "*" else "no trained network has a name like"
        raise UsageError(what + (f" {pattern[:64]!r}" if pattern != "*" else ": `train` one first"))
    return sorted(names, key=lambda name: [int(part) if part.isdigit() else part for part in _parts(name)])


def _parts(name: str) -> list[str]:
    """A name cut into what is no number and what is one, in turn."""
    return re.split(r"(\d+)", name)


MOST_SEEDS = 1000


def seeds(text: str, option: str) -> list[int]:
    """Read several seeds, each once: `0-9`, or `0,3,7`."""
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if match is None:
            raise UsageError(f"{option}: expected seeds such as 0-9 or 0,3,7, found {text[:64]!r}")
        low = whole_number(match[1], option, lowest=0)
        high = whole_number(match[2] or match[1], option, lowest=low)
        if high - low >= MOST_SEEDS - len(found):
            raise UsageError(f"{option}: expected at most {MOST_SEEDS:,} seeds")
        found += range(low, high + 1)
    if len(set(found)) < len(found):
        raise UsageError(f"{option}: a seed stands there twice")
    return found


def engine(text: str | None) -> str | None:
    """Read an engine's name without importing the engine; None if none was given."""
    return None if text is None else one_of(text, "--engine", tuple(ENGINES))


def precision(text: str) -> str:
    """Read a precision; the engine itself checks later whether it can compute in it."""
    return one_of(text, "--precision", ("auto", *PRECISIONS))


def duration(text: str, option: str) -> float:
    """Read a length of time, in seconds: `90s`, `30m`, `2h`, or `1h30m`."""
    match = re.fullmatch(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", text.strip().lower())
    seconds = (
        sum(int(n or 0) * unit for n, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else 0
    )
    if not seconds:
        raise UsageError(f"{option}: expected a length of time such as 90s, 30m or 2h, found {text[:64]!r}")
    return float(seconds)


def _number(
    text: str, option: str, kind: Callable[[str], Value], name: str, lowest: Value, highest: Value
) -> Value:
    try:
        value = kind(text)
        fits = text.isascii() and math.isfinite(value) and lowest <= value <= highest
    except (ValueError, OverflowError):
        fits = False
    if not fits:
        bounds = f"at least {lowest}" if highest == math.inf else f"from {lowest} to {highest}"
        raise UsageError(f"{option}: expected {name}, {bounds}, found {text[:64]!r}")
    return value
