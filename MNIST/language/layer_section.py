"""`Layers:`: one layer on each line, blocks indented; from lines to layers and back."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from MNIST.language.errors import Problems
from MNIST.language.grammar import bind, block_field, find, statement_text
from MNIST.language.layer import Layer
from MNIST.language.layers import LAYERS, Parallel, Path
from MNIST.language.model import ModelSpec
from MNIST.language.names import HEADS, name_of
from MNIST.language.text import Statement

INDENT = "    "


def read_layers(head: Statement, lines: Sequence[Statement], problems: Problems) -> dict[str, Any]:
    """`Layers:`: one layer on each line."""
    if not lines:
        problems.add(head.line, "an empty section: the smallest network is Flatten, then Dense,10,softmax")
        return {}
    layers = [_layer(line, problems) for line in lines]
    _check_paths(None, lines, layers, problems)
    return {"layers": tuple(layers)}


def write_layers(spec: ModelSpec) -> list[str]:
    """The lines of `Layers:`, blocks indented."""
    return list(_layer_lines(spec.layers, ""))


def _layer(statement: Statement, problems: Problems) -> Layer | None:
    """The layer of a statement, with its block; None if it is wrong or still open."""
    mistakes = len(problems)
    line = statement.line
    name = name_of(LAYERS, "layer", statement, problems)
    misplaced = name is None and find(statement.name.text, HEADS)  # its lines are no layers
    inside = [_layer(child, problems) for child in statement.block if not misplaced]
    if name is None:
        return None
    cls = LAYERS[name]
    taken = block_field(cls)
    if taken and not statement.opens:
        problems.add(line, f"{name} opens a block: end its line in a colon, and indent what is in it")
    elif taken and not inside:
        problems.add(line, f"{name} has nothing in it: indent its layers below it")
    elif not taken and statement.opens:
        problems.add(line, f"{name} opens no block: leave out the colon")
    _check_paths(cls, statement.block, inside, problems)
    values = bind(name, cls, statement.words[1:], line, problems)
    if values is None or None in inside or len(problems) > mistakes:
        return None
    if taken:
        values[taken] = tuple(inside)
    layer: Layer = cls(**values, line=line)
    return layer


def _layer_lines(layers: Iterable[Layer], margin: str) -> Iterator[str]:
    """The lines of consecutive layers; each block is below its head and indented."""
    for layer in layers:
        yield margin + statement_text(layer)
        inside = block_field(type(layer))
        if inside:
            yield from _layer_lines(getattr(layer, inside), margin + INDENT)


def _check_paths(
    parent: type[Layer] | None, lines: Sequence[Statement], layers: Sequence[Layer | None], problems: Problems
) -> None:
    """Note a Path that is not directly below Parallel, and any other layer that is."""
    for statement, layer in zip(lines, layers, strict=True):
        if isinstance(layer, Path) and parent is not Parallel:
            problems.add(statement.line, "a path stands directly below 'Parallel:', and nowhere else")
        elif layer is not None and parent is Parallel and not isinstance(layer, Path):
            message = (
                f"{type(layer).__name__} does not stand directly below 'Parallel:'; put it into a 'Path:'"
            )
            problems.add(statement.line, message)
