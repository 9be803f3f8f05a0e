"""The language as data, for the JavaScript in language/: what it must not repeat.

Lines, their arguments with kinds, bounds and defaults, words of help, names of sections and settings, hints
for names of other libraries, limits, and tables of characters. Nothing here decides anything: all is read
from MNIST/language, so that a change there reaches the pages.
"""

import inspect
import re
import sys
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from MNIST.errors import LONGEST_SHOWN
from MNIST.language import (
    AUGMENTATIONS,
    CONSTANT,
    INPUTS,
    LAYERS,
    OPTIMIZERS,
    SCHEDULES,
    Layer,
    ModelSpec,
    Optimizer,
    Schedule,
    Stop,
    axes,
    errors,
    layer,
    network,
    text,
)
from MNIST.language.classes import CLASSES
from MNIST.language.grammar import Argument, Kind, arguments_of, block_field, usage
from MNIST.language.names import EXPLORE, HEADS, OF_OTHERS
from MNIST.language.optimizers import SPELLINGS
from MNIST.language.sections import REQUIRED, SECTIONS
from MNIST.language.training_sections import ELSEWHERE, LESSONS, NUMBERS, SETTINGS

# What a layer may say about itself; JavaScript says it again, in language/layers.js.
METHODS = (
    "output_shape", "parameters", "flops", "working_values", "margins", "window", "changes_nothing",
    "is_softmax", "draws", "needs_whole_batch",
)  # fmt: skip


def language_table() -> dict[str, Any]:
    """The language as data that `json.dumps` takes."""
    return {
        "limits": {
            "bytes": text.MOST_BYTES,
            "statements": text.MOST_STATEMENTS,
            "nesting": text.DEEPEST_NESTING,
            "problems": errors.MOST_PROBLEMS,
            "excerpt": errors.WIDEST_EXCERPT,
            "shown": LONGEST_SHOWN,
            "side": network.IMAGE_SIDE,
            "layers": network.MOST_LAYERS,
            "parameters": network.MOST_PARAMETERS,
            "values": network.MOST_VALUES,
            "fewestClasses": layer.FEWEST_CLASSES,
            "mostClasses": layer.MOST_CLASSES,
            "placeholders": axes.MOST_PLACEHOLDERS,
            "axisValues": axes.MOST_VALUES,
            "axisNames": axes.SHOWN,
        },
        "heads": {name: _section_help(name) for name in HEADS},
        "explore": EXPLORE,
        "required": list(REQUIRED),
        "layers": {name: _layer(name, cls) for name, cls in LAYERS.items()},
        "inputs": _lines(INPUTS),
        "optimizers": {name: _optimizer(name, cls) for name, cls in OPTIMIZERS.items()},
        "schedules": {name: _schedule(name, cls) for name, cls in SCHEDULES.items()},
        "augmentations": _lines(AUGMENTATIONS),
        "stop": _line("Stop", Stop),
        "settings": {key: _setting(key, *setting) for key, setting in SETTINGS.items()},
        "spellings": SPELLINGS,
        "constant": type(CONSTANT).__name__,
        "classes": CLASSES,
        "ofOthers": OF_OTHERS,
        "elsewhere": ELSEWHERE,
        "characters": _characters(),
    }


def _lines(names: Mapping[str, type]) -> dict[str, Any]:
    return {name: _line(name, cls) for name, cls in names.items()}


def _line(name: str, cls: type) -> dict[str, Any]:
    """A line: the type of what it makes, its arguments, the field that takes its block, and words of help."""
    return {
        "type": cls.__name__,
        "arguments": [_argument(argument, cls) for argument in arguments_of(cls)],
        "block": block_field(cls),
        "usage": usage(name, cls),
        "help": first_sentence(inspect.getdoc(cls) or ""),
    }


def _layer(name: str, cls: type[Layer]) -> dict[str, Any]:
    """A layer's line, with its lesson, and the names of the methods that it does not take from `Layer`."""
    own = [method for method in METHODS if getattr(cls, method) is not getattr(Layer, method)]
    return {**_line(name, cls), "lesson": cls.lesson, "passesThrough": cls.passes_through, "methods": own}


def _optimizer(name: str, cls: type[Optimizer]) -> dict[str, Any]:
    """An optimizer's line, with whether its steps need gradients."""
    return {**_line(name, cls), "followsGradients": cls.follows_gradients}


def _schedule(name: str, cls: type[Schedule]) -> dict[str, Any]:
    """A schedule's line, with what its rates depend on beside the step."""
    needs = {"needsLength": cls.needs_length, "needsValidation": cls.needs_validation}
    return {**_line(name, cls), **needs}


def _argument(argument: Argument, cls: type) -> dict[str, Any]:
    return {
        "name": argument.name,
        "place": argument.place,
        "kind": _kind(argument.kind),
        "required": argument.required,
        "default": None if argument.required else argument.default,
        "help": _argument_help(cls, argument.name),
    }


def _kind(kind: Kind) -> dict[str, Any]:
    return {**kind.data, "expects": kind.expects}


def _setting(key: str, field: str, kind: Kind, lacking: str) -> dict[str, Any]:
    """A line below the optimizer. number: whether it may be written without its key."""
    default = getattr(ModelSpec, field, None)
    number = key in NUMBERS
    return {
        "field": field,
        "kind": _kind(kind),
        "lacking": lacking,
        "number": number,
        "default": default,
        "lesson": LESSONS[key],
    }


def _section_help(name: str) -> str:
    reader: Callable[..., Any] = SECTIONS[name].read if name in SECTIONS else axes.read_explore
    return first_sentence(inspect.getdoc(reader) or "")


def first_sentence(words: str) -> str:
    """The first sentence of a docstring, on one line; a formula may go on in the next paragraph."""
    return " ".join(re.split(r"(?<=\.)\s", words, maxsplit=1)[0].split())


def _argument_help(cls: type, name: str) -> str:
    """What a docstring says about an argument after its name and a colon; "" if nothing."""
    names = "|".join(argument.name for argument in arguments_of(cls))
    said = re.split(rf"(?:^|(?<=[.)]\s))({names}|Source): ", inspect.getdoc(cls) or "", flags=re.MULTILINE)
    found = dict(zip(said[1::2], said[2::2], strict=True)).get(name, "")
    return " ".join(found.split("\n\n")[0].split())


@cache
def _characters() -> dict[str, Any]:
    """Tables of characters in the version of Unicode that Python has.

    looks: characters that look like a plain one or like nothing, with that one (or themselves) and their
    names. spaces: what `str.strip` removes. letters, unseen, wide: the first and last code points of runs of
    characters that words are made of, that take no column of a terminal, or two.
    """
    known = range(sys.maxunicode + 1)
    looks = {
        character: [text.plain_look(character), unicodedata.name(character, "without a name")]
        for character in map(chr, known[128:])
        if character in text.INVISIBLE or text.plain_look(character) != character
    }
    return {
        "looks": looks,
        "spaces": "".join(character for character in map(chr, known) if character.isspace()),
        "letters": _runs([chr(code).isalnum() or chr(code) == "_" for code in known]),
        "unseen": _runs([unicodedata.combining(chr(code)) != 0 for code in known]),
        "wide": _runs([unicodedata.east_asian_width(chr(code)) in "WF" for code in known]),
    }


def _runs(marks: list[bool]) -> list[int]:
    """The first and last places of each run of True, one after another."""
    ends = [
        place for place, (mark, following) in enumerate(pairwise([False, *marks, False])) if mark != following
    ]
    return [end - place % 2 for place, end in enumerate(ends)]
