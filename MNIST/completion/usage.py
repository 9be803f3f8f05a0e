"""What a usage text says: the commands, and the arguments and the options of each."""

import re
from collections.abc import Sequence
from typing import NamedTuple

_COMMAND = re.compile(r"^ {4}([a-z]+) {2,}(\S.*)$", re.MULTILINE)
_OPTION = re.compile(
    r"^ {4}(?:(-[a-zA-Z]), )?(--[\w-]+)(?: ([A-Z]+))?(?: {2,}(\S.*(?:\n {5,}\S.*)*))?$", re.MULTILINE
)
_ARGUMENT = re.compile(r"<[\w-]+>(?:\.\.\.)?")


class Option(NamedTuple):
    """An option. short: "-e", or "". value: what its value is called, or "". about: its help, in short."""

    name: str
    short: str
    value: str
    about: str


def commands(overview: str) -> list[tuple[str, str]]:
    """Each command of the program's own usage text, and what it does."""
    return _COMMAND.findall(overview)


def options(usage: str) -> list[Option]:
    """The options of a command, in the order of its usage text."""
    return [
        Option(name, short, value, re.split(r"[.;] | \[default|$", " ".join(about.split()), maxsplit=1)[0])
        for short, name, value, about in _OPTION.findall(usage)
    ]


def repeated(usage: str) -> set[str]:
    """The options that may be given several times."""
    return set(re.findall(r"\[(--[\w-]+) [A-Z]+\]\.\.\.", usage))


def argument(usage: str, place: int, said: Sequence[str]) -> str:
    """What the argument at a place, from 0, is called, such as "<model-name>"; "" if none can stand there.

    A line of the usage counts if the options that it asks for were said; those that ask for most count alone.
    """
    lines = usage.split("Usage:\n", 1)[1].split("\n\n", 1)[0].splitlines()
    asked = {line: set(re.findall(r"--[\w-]+", re.sub(r"\[[^]]*\]", "", line))) for line in lines}
    fitting = [line for line in lines if asked[line] <= set(said)]
    most = max((len(asked[line]) for line in fitting), default=0)
    for line in fitting:
        names = _ARGUMENT.findall(line)
        if len(asked[line]) < most or not names:
            continue
        if place < len(names):
            return names[place].removesuffix("...")
        if names[-1].endswith("..."):
            return names[-1].removesuffix("...")
    return ""
