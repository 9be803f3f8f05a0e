"""The sections that say how a network is trained: `Optimizer:`, `Schedule:`, `Augment:`, `Stop:`."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from MNIST.errors import did_you_mean, quoted
from MNIST.language.augmentations import AUGMENTATIONS
from MNIST.language.errors import Line, Problems
from MNIST.language.grammar import (
    Argument,
    Kind,
    arguments_of,
    bind,
    find,
    read_value,
    real,
    statement_text,
    whole,
)
from MNIST.language.model import ModelSpec
from MNIST.language.names import HEADS, name_of, read_line, refuse_block
from MNIST.language.optimizers import OPTIMIZERS, SPELLINGS, Optimizer
from MNIST.language.schedules import CONSTANT, SCHEDULES
from MNIST.language.stop import Stop
from MNIST.language.text import Statement, Word

# The settings below the optimizer: each has its field of ModelSpec, its kind, and the words for a message if
# it is missing. NUMBERS may be written without keys, in this order; OPTIONS need theirs.
NUMBERS: dict[str, tuple[str, Kind, str]] = {
    "epochs": ("epochs", whole(1, 100_000), "the number of epochs, as in 'epochs=10'"),
    "batch": ("batch_size", whole(1, 1_000_000), "the batch size, as in 'batch=128'"),
}
OPTIONS: dict[str, tuple[str, Kind, str]] = {
    "label_smoothing": ("label_smoothing", real(0, 1, below=True), ""),
}
SETTINGS = NUMBERS | OPTIONS
IN_ORDER = "; without keys, the lines are the optimizer, the epochs and the batch size"
LESSONS = {
    "epochs": "How often the network sees every training image.",
    "batch": "How many images make a step: the network learns from all of them at once.",
    "label_smoothing": "How much of each label is spread over all classes, so that no answer is too sure.",
}

# Lines that beginners write below `Optimizer:`, with the section in which they belong.
ELSEWHERE = dict.fromkeys(SCHEDULES, "Schedule") | dict.fromkeys(AUGMENTATIONS, "Augment")

# In a template, an optimizer may have a key that only another optimizer knows; so may a schedule.
OF_OPTIMIZERS: dict[str, Argument] = {
    argument.name: argument for cls in OPTIMIZERS.values() for argument in arguments_of(cls)
}
OF_SCHEDULES: dict[str, Argument] = {
    argument.name: argument for cls in SCHEDULES.values() for argument in arguments_of(cls)
}


def read_optimizer(head: Statement, lines: Sequence[Statement], problems: Problems) -> dict[str, Any]:
    """`Optimizer:`: the optimizer, the number of epochs, the batch size; the last two need no keys."""
    fields: dict[str, Any] = {}
    waiting = ["optimizer", *SETTINGS]
    smoothing: Line | None = None
    for key, statement in _settings(lines):
        word = statement.name
        hint = IN_ORDER if word.key is None and word.placeholder is None else ""
        refuse_block(statement, problems)
        if key is None and word.is_open:  # it may become a setting, or nothing
            continue
        if key is None:
            problems.add(
                statement.line,
                f"expected nothing after the optimizer, epochs and batch size{_section_hint(word)}",
            )
        elif key == "optimizer" and word.key is None:
            fields["optimizer"] = _optimizer(statement, problems)
        elif key not in SETTINGS:
            keys = " and ".join(f"{name}=" for name in SETTINGS)
            near = did_you_mean(key, SETTINGS, "=") or f"; this section has {keys}"
            problems.add(statement.line, f"unknown setting {quoted(key)}{near}", word.key_span)
        elif key not in waiting:
            problems.add(statement.line, f"{key} is given twice", word.key_span)
        elif len(statement.words) > 1:
            problems.add(statement.line, f"{key} is one number{hint}", statement.words[1].span)
        else:
            field, kind, _ = SETTINGS[key]
            fields[field] = read_value(kind, key, word, statement.line, problems, hint)
            smoothing = statement.line if field == "label_smoothing" else smoothing
        waiting = [name for name in waiting if name != key]
    optimizer = fields.get("optimizer")
    if smoothing and optimizer and not optimizer.follows_gradients:
        name = type(optimizer).__name__
        problems.add(smoothing, f"{name} does not use the loss, which label_smoothing changes; leave it out")
    example = "the optimizer, as in 'Adam,0.001'"
    lacking = [NUMBERS[key][2] if key in NUMBERS else example for key in waiting if key not in OPTIONS]
    if lacking:
        problems.add(head.line, f"this section lacks {'; '.join(lacking)}")
    return fields


def _section_hint(word: Word) -> str:
    """A hint at the section in which a line below `Optimizer:` belongs; "" if it belongs in no other."""
    first = re.match(r"\w+", word.text)
    name = find(first[0], (*HEADS, *ELSEWHERE)) if first else None
    if name is None:
        return ""
    return f"; a section begins at the left margin, in a line of its own: '{ELSEWHERE.get(name, name)}:'"


def epochs_placeholder(lines: Sequence[Statement]) -> str | None:
    """The placeholder for the number of epochs below `Optimizer:`; None if there is none."""
    words = (statement.name for key, statement in _settings(lines) if key == "epochs")
    return next((word.placeholder for word in words), None)


def _settings(lines: Sequence[Statement]) -> Iterator[tuple[str | None, Statement]]:
    """Each line of `Optimizer:` with the setting that its key or place names; None after the last place."""
    waiting = ["optimizer", *NUMBERS]
    for statement in lines:
        word = statement.name
        key = word.key.lower() if word.key is not None else waiting[0] if waiting else None
        yield key, statement
        waiting = [name for name in waiting if name != key]


def write_optimizer(spec: ModelSpec) -> list[str]:
    """The lines of `Optimizer:`, with keys for the numbers; an option that is 0 is left out."""
    return [
        statement_text(spec.optimizer),
        *(
            f"{key}={kind.write(getattr(spec, field))}"
            for key, (field, kind, _) in SETTINGS.items()
            if key in NUMBERS or getattr(spec, field)
        ),
    ]


def read_schedule(head: Statement, lines: Sequence[Statement], problems: Problems) -> dict[str, Any]:
    """`Schedule:`: one line, how the learning rate changes."""
    schedules = [read_line(SCHEDULES, "schedule", line, problems, OF_SCHEDULES) for line in lines]
    if not lines:
        problems.add(head.line, f"an empty section: it takes {', '.join(SCHEDULES)}, or leave it out")
    if len(lines) > 1:
        problems.add(lines[1].line, "a second schedule: a training has one")
    return {"schedule": schedules[0] if schedules else None}


def write_schedule(spec: ModelSpec) -> list[str]:
    """The line of `Schedule:`; none for a constant rate."""
    return [] if spec.schedule == CONSTANT else [statement_text(spec.schedule)]


def read_augment(head: Statement, lines: Sequence[Statement], problems: Problems) -> dict[str, Any]:
    """`Augment:`: how the training images are changed, each kind at most once; the order has no effect."""
    if not lines:
        problems.add(head.line, f"an empty section: it takes {', '.join(AUGMENTATIONS)}, or leave it out")
    found: dict[type, Any] = {}
    for line in lines:
        augmentation = read_line(AUGMENTATIONS, "augmentation", line, problems)
        if augmentation is not None and type(augmentation) in found:
            problems.add(line.line, f"{type(augmentation).__name__} is given twice")
        found[type(augmentation)] = augmentation
    return {"augment": tuple(found[cls] for cls in AUGMENTATIONS.values() if cls in found)}


def write_augment(spec: ModelSpec) -> list[str]:
    """The lines of `Augment:`, none for images as they are."""
    return [statement_text(augmentation) for augmentation in spec.augment]


def read_stop(head: Statement, lines: Sequence[Statement], problems: Problems) -> dict[str, Any]:
    """`Stop:`: settings, one or several on a line."""
    arguments = {argument.name: argument for argument in arguments_of(Stop)}
    keys = ", ".join(f"{name}=" for name in arguments)
    values: dict[str, Any] = {}
    is_open = False  # whether a placeholder may still become any setting
    for line in lines:
        refuse_block(line, problems)
        for word in line.words:
            key = (word.key or "").lower()
            if word.is_open and word.key is None:
                is_open = True
            elif word.key is None:
                commas = "; commas go between them" if "=" in word.text else ""
                problems.add(line.line, f"expected a setting and its value: {keys}{commas}", word.span)
            elif key not in arguments:
                hint = did_you_mean(key, arguments, "=") or f"; this section has {keys}"
                problems.add(line.line, f"unknown setting {quoted(word.key)}{hint}", word.key_span)
            elif key in values:
                problems.add(line.line, f"{key} is given twice", word.key_span)
            else:
                values[key] = read_value(arguments[key].kind, key, word, line.line, problems)
    if not is_open and "patience" not in values and "accuracy" not in values:
        problems.add(head.line, "this section lacks when to stop, as in 'patience=5' or 'accuracy=0.99'")
    if is_open or None in values.values():  # wrong, or a placeholder that is still open
        return {"stop": None}
    return {"stop": Stop(**values)}


def write_stop(spec: ModelSpec) -> list[str]:
    """The lines of `Stop:`, none for a training that goes on to its last epoch."""
    return statement_text(spec.stop).split(",")[1:] if spec.stop else []


def _optimizer(statement: Statement, problems: Problems) -> Optimizer | None:
    """The optimizer of a line: `Name,rate,…`, or `rate,decay` for Adam; None if it is wrong or still open."""
    name: str | None = "Adam"
    words = statement.words
    if not re.match(r"[-+.0-9]", words[0].text):
        name = name_of(OPTIMIZERS, "optimizer", statement, problems)
        words = words[1:]
    if name is None:
        return None
    values = bind(name, OPTIMIZERS[name], words, statement.line, problems, OF_OPTIMIZERS)
    if values is None:
        return None
    return OPTIMIZERS[name](**{**SPELLINGS.get(name, {}), **values}, line=statement.line)
