"""What fits at the cursor of a command line, given the words so far."""

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from MNIST.completion.usage import Option, argument, commands, options, repeated
from MNIST.engine_names import ENGINES, PRECISIONS
from MNIST.paths import (
    CHECKPOINTS,
    HYPERPARAM_SEARCH,
    MODEL_OUTPUT,
    REPRODUCED,
    is_name,
    model_file_names,
    trained_names,
)

SHELLS = ("bash", "zsh", "fish")
FILES, FOLDERS, NOTHING = "files", "folders", "nothing"
AT_FIRST = (("--help", "explain what there is"), ("--version", "print the version"))
EVERYWHERE = (
    Option("--help", "-h", "", "explain the command"),
    Option("--debug", "", "", "show where an error came from"),
)


class Answer(NamedTuple):
    """What fits: words, each with what it is (or ""), and what else the shell may complete.

    paths: FILES or FOLDERS if a path fits too, else NOTHING.
    """

    words: tuple[tuple[str, str], ...] = ()
    paths: str = NOTHING


def answer(words: Sequence[str], overview: str, usage_of: Callable[[str], str]) -> Answer:
    """What fits in the place of the last word, which is what is typed of it, perhaps nothing.

    words: those behind the program's name. overview: the program's own usage text. usage_of: gives the usage
    text of a command, "" for a word that is none.
    """
    *before, typed = words or [""]
    while before[:1] == ["--debug"]:  # it may stand anywhere
        del before[0]
    if not before:
        fits = Answer((*commands(overview), *AT_FIRST))
    elif usage := usage_of(before[0]):
        fits = _of_command(usage, before[1:], typed)
    else:
        fits = Answer()
    return fits._replace(words=tuple(one for one in fits.words if one[0].startswith(typed)))


def _of_command(usage: str, before: Sequence[str], typed: str) -> Answer:
    known = [*options(usage), *EVERYWHERE]
    by_name = {option.name: option for option in known} | {one.short: one for one in known if one.short}
    place, open_option, only_arguments = 0, None, False
    for word in before:
        if open_option is not None:
            open_option = None
        elif word == "--":
            only_arguments = True
        elif word.startswith("-") and not only_arguments:
            option = by_name.get(word)
            open_option = option if option is not None and option.value else None
        else:
            place += 1
    if open_option is not None:
        return _values(open_option, typed)
    if typed.startswith("-") and not only_arguments:
        name, equals, value = typed.partition("=")
        if equals and name in by_name:
            return _headed(f"{name}=", _values(by_name[name], value))
        often = repeated(usage)
        return Answer(
            tuple((one.name, one.about) for one in known if one.name in often or one.name not in before)
        )
    return _arguments(argument(usage, place, before), typed)


def _arguments(name: str, typed: str) -> Answer:
    """What fits for an argument of this name."""
    if name == "<model-names>":
        return _list(trained_names(), typed)
    if name == "<model-name>":
        return _plain(_folders(MODEL_OUTPUT))
    if name == "<model-description-file>":
        return _plain(model_file_names())._replace(paths=FILES)
    if name == "<shell>":
        return _plain(SHELLS)
    if name in ("<dataset-dir>", "<folder>"):
        return Answer(paths=FOLDERS)
    takes_files = name.endswith("file>") or name in ("<image>", "<file>", "<source>", "<network>")
    return Answer(paths=FILES if takes_files else NOTHING)


def _values(option: Option, typed: str) -> Answer:
    """What fits for the value of an option."""
    if option.name == "--engine":
        return _plain(ENGINES)
    if option.name == "--precision":
        return _plain(("auto", *PRECISIONS))
    if option.name == "--models":
        return _list(model_file_names(), typed)._replace(paths=FILES)
    if option.name == "--template":
        return _plain(model_file_names())._replace(paths=FILES)
    if (option.name, option.value) == ("--from", "NAME"):
        return _plain(trained_names())
    if option.value == "NAMES":
        return _list(_kept(option.name), typed)
    return Answer(paths={"FILE": FILES, "DIR": FOLDERS, "FOLDER": FOLDERS}.get(option.value, NOTHING))


def _kept(option: str) -> list[str]:
    """What an option of `prune` may name."""
    if option == "--explorations":
        return [name for name in _folders(HYPERPARAM_SEARCH) if name != CHECKPOINTS.name]
    return _folders(REPRODUCED if option == "--reproduced" else MODEL_OUTPUT)


def _list(names: Sequence[str], typed: str) -> Answer:
    """The names that go on with a list such as `net_0,net_1` or `net_0+net_1`; each stands there once."""
    *said, _ = re.split("[,+]", typed)
    head = typed[: max(typed.rfind(","), typed.rfind("+")) + 1]
    return _headed(head, _plain(name for name in names if name not in said))


def _headed(head: str, fits: Answer) -> Answer:
    return fits._replace(words=tuple((head + word, about) for word, about in fits.words))


def _plain(words: Iterable[str]) -> Answer:
    return Answer(tuple((word, "") for word in words))


def _folders(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("*/") if is_name(path.name))


def rejoined(words: Sequence[str]) -> tuple[list[str], int]:
    """The words as bash has split them at each = and :, put together again, without their quotes.

    Also how many characters of the last word are before what bash replaces.
    """
    joined: list[str] = []
    glue, before = False, 0
    for word in words:
        is_break = word in ("=", ":")
        if joined and (is_break or glue):
            before = len(joined[-1])
            joined[-1] += word
        else:
            before = 0
            joined.append(_unquoted(word))
        glue = is_break
    return joined, before + 1 if words and words[-1] in ("=", ":") else before


def _unquoted(word: str) -> str:
    try:
        return "".join(shlex.split(word)[:1])
    except ValueError:  # a quote is open
        return word.lstrip("'\"")
