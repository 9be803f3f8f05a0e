"""The names that lines begin with (sections, layers, optimizers, …), and the message for an unknown one."""

import re
from collections.abc import Mapping
from typing import Any

from MNIST.errors import did_you_mean, quoted
from MNIST.language.errors import Problems
from MNIST.language.grammar import Argument, bind, find, usage
from MNIST.language.layer import ACTIVATION
from MNIST.language.text import Statement

EXPLORE = "Explore"  # of a template: see axes.py; no part of a spec
HEADS = ("Input", "Layers", "Optimizer", "Schedule", "Augment", "Stop", EXPLORE)


# What to write for names of other libraries.
_INPUT = "leave the line out: the first layer takes images of 28×28 pixels"
_BATCH_NORM = "there is none; 'BatchNorm' is near"
_ADAM = "there is none; 'Adam,rate' is near"
OF_OTHERS = {
    **{name.replace("_", ""): f"write 'Activation,{name}'" for name in ACTIVATION.choices},
    "leakyrelu": "write 'Activation,leaky_relu', whose slope below 0 is 0.2",
    "input": _INPUT,
    "inputlayer": _INPUT,
    "reshape": "leave the line out: shapes follow from the layers",
    "add": "write 'Residual:' and indent below it the layers to whose output their input is added",
    "concatenate": "write 'Parallel:' and below it 'Path:' for each of the branches",
    "zeropadding2d": "write 'Pad,rows,columns', or padding=same in the layer below",
    "linear": "write 'Dense,units,activation'",
    "spatialdropout2d": "there is none; 'Dropout,rate' drops single values",
    "layernormalization": _BATCH_NORM,
    "groupnormalization": _BATCH_NORM,
    "adadelta": "there is none; 'Adagrad,rate' is near",
    "nadam": _ADAM,
    "adamax": _ADAM,
    "lion": _ADAM,
}


def name_of(names: Mapping[str, type], what: str, statement: Statement, problems: Problems) -> str | None:
    """The name that a line begins with, as `names` spells it.

    None if it is none of them (the problem is noted) or a placeholder without a value.
    """
    word = statement.name
    if word.is_open or (word.key is None and not word.text):
        return None
    found = find(word.text, names) if word.key is None else None
    if found is None:
        shown, span = (word.text, word.span) if word.key is None else (word.key, word.key_span)
        hint = _name_hint(statement, names, what)
        problems.add(statement.line, f"unknown {what} {quoted(shown)}{hint}", span)
    return found


def read_line(
    names: Mapping[str, type],
    what: str,
    statement: Statement,
    problems: Problems,
    droppable: Mapping[str, Argument] | None = None,
) -> Any:
    """The object that a line makes; its name is one of `names`, and it opens no block.

    None if something is wrong (the problem is noted) or a placeholder has no value yet.
    droppable: as for `bind`.
    """
    name = name_of(names, what, statement, problems)
    refuse_block(statement, problems)
    if name is None:
        return None
    values = bind(name, names[name], statement.words[1:], statement.line, problems, droppable)
    return None if values is None else names[name](**values)


def refuse_block(statement: Statement, problems: Problems) -> None:
    """Note a line that opens or has a block, in a section where there are none."""
    if statement.block or statement.opens:
        problems.add(statement.line, "nothing in this section opens a block: leave out the colon")


def _name_hint(statement: Statement, names: Mapping[str, type], what: str) -> str:
    """A hint for a name that is none of `names`: what it was probably meant to be."""
    word = statement.name
    if word.key is not None:
        return f"; a line begins with a name, then a comma: {', '.join(names)}"
    meant = OF_OTHERS.get(word.text.lower().replace("_", ""))
    if meant and what in ("layer", "optimizer") and not statement.opens:
        return f"; {meant}"
    section = find(word.text, HEADS)
    if section:
        return f"; a section begins at the left margin, in a line of its own: '{section}:'"
    first_word = re.match(r"\w+", word.text)
    name = find(first_word[0], names) if first_word else None
    if name:
        return f"; commas go between the values: {usage(name, names[name])}"
    return did_you_mean(word.text, names) or f"; there are {', '.join(names)}"
