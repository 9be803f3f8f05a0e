"""What a picture of a network shows: its layers as boxes and marks, its blocks, and repeated groups."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from MNIST.language import Layer, ModelSpec, Node, Parallel, Repeat, Residual, statement_text
from MNIST.language.layer import Shape

MOST_DRAWN = 200  # layers and blocks; a picture of more would not be read

KINDS = {
    **dict.fromkeys(("Conv", "DepthwiseConv", "SeparableConv"), "conv"),
    **dict.fromkeys(("MaxPool", "AvgPool", "GlobalAvgPool"), "pool"),
    **dict.fromkeys(("Dense", "Columns"), "dense"),
    **dict.fromkeys(("BatchNorm", "LocalResponseNorm"), "norm"),
}
MARKS = frozenset({"BatchNorm", "LocalResponseNorm", "Activation", "Dropout", "GaussianNoise"})


@dataclass(frozen=True)
class Box:
    """A layer whose output has a shape of its own.

    kind: decides the colour. about: its window and its activation. tooltip: its line.
    """

    kind: str
    name: str
    about: str
    shape: Shape
    parameters: int
    tooltip: str


@dataclass(frozen=True)
class Mark:
    """A layer that changes the values and keeps their shape, such as Dropout."""

    kind: str
    words: str
    parameters: int
    tooltip: str


@dataclass(frozen=True)
class Skip:
    """Parts with a line around them, on which their input is added to their output.

    about: what the line does with the input; "" if nothing.
    """

    parts: tuple["Part", ...]
    about: str


@dataclass(frozen=True)
class Branches:
    """Paths side by side, which begin and end together."""

    paths: tuple[tuple["Part", ...], ...]


@dataclass(frozen=True)
class Group:
    """Parts that follow one another `times` times."""

    parts: tuple["Part", ...]
    times: int


@dataclass(frozen=True)
class More:
    """Where layers are left out."""


Part = Box | Mark | Skip | Branches | Group | More


@dataclass
class _Budget:
    """How many more layers and blocks are drawn."""

    left: int = MOST_DRAWN
    over: bool = field(default=False, init=False)


def parts_of(spec: ModelSpec, nodes: Sequence[Node]) -> tuple[Part, ...]:
    """The parts of a network's picture, in the order of the file; at most MOST_DRAWN layers and blocks.

    nodes: those of the spec, as written. Rounds of a Repeat are one Group if they make the same shapes. Where
    layers are left out there is a More.
    """
    steps = "; ".join(statement_text(step, defaults=False) for step in spec.input)
    shape = nodes[0].input_shape
    first = Box("input", "Input", "", shape, 0, steps)
    return first, *_sequence(spec.layers, nodes, _Budget())


def _sequence(layers: Sequence[Layer], nodes: Sequence[Node], budget: _Budget) -> tuple[Part, ...]:
    """The parts of consecutive layers. nodes: theirs, with each Repeat expanded."""
    parts: list[Part] = []
    place = 0
    for layer in layers:
        if budget.over:
            break
        length = _length(layer)
        mine = nodes[place : place + length]
        place += length
        if isinstance(layer, Repeat):
            parts += _repeated(layer, mine, budget)
        else:
            parts += _part(layer, mine[0], budget)
    return tuple(parts)


def _repeated(layer: Repeat, nodes: Sequence[Node], budget: _Budget) -> list[Part]:
    """The parts of a Repeat. Rounds that get the same shape are equal, and are drawn once."""
    parts: list[Part] = []
    if not nodes:
        return parts
    size = len(nodes) // layer.times
    begin = 0
    while begin < layer.times and not budget.over:
        shape = nodes[begin * size].input_shape
        end = begin + 1
        while end < layer.times and nodes[end * size].input_shape == shape:
            end += 1
        inside = _sequence(layer.layers, nodes[begin * size : (begin + 1) * size], budget)
        parts += inside if end == begin + 1 else [Group(inside, end - begin)]
        begin = end
    return parts


def _part(layer: Layer, node: Node, budget: _Budget) -> list[Part]:
    """The part of one layer or block; a Parallel's is followed by what its paths make together."""
    budget.left -= 1
    if budget.left < 0:
        budget.over = True
        return [More()]
    if isinstance(layer, Residual):
        return [Skip(_sequence(layer.layers, node.children, budget), _projection(node))]
    if isinstance(layer, Parallel):
        paths = []
        for path, way in zip(layer.paths, node.children, strict=True):
            budget.left -= 1
            paths.append(_sequence(path.layers, way.children, budget) if budget.left >= 0 else (More(),))
            if budget.left < 0:
                budget.over = True
                break
        return [Branches(tuple(paths)), Box("none", "Joined", "", node.output_shape, 0, "Parallel")]
    name, tooltip = type(layer).__name__, statement_text(layer, defaults=False)
    parameters = sum(parameter.size for parameter in node.parameters)
    kind = KINDS.get(name, "none")
    if name in MARKS:
        return [Mark(kind, _mark(layer, name), parameters, tooltip)]
    return [Box(kind, name, _about(layer, node), node.output_shape, parameters, tooltip)]


def _length(layer: Layer) -> int:
    """How many consecutive nodes a layer has."""
    return layer.times * sum(map(_length, layer.layers)) if isinstance(layer, Repeat) else 1


def _projection(node: Node) -> str:
    """What brings a Residual's input to the shape of its output; "" if the shapes are equal."""
    if node.projection_stride is None:
        return ""
    stride = f"/{node.projection_stride}" if node.projection_stride != 1 else ""
    return f"Conv 1×1{stride}, {sum(parameter.size for parameter in node.parameters):,}"


def _mark(layer: Layer, name: str) -> str:
    """The words of a mark: Activation is called by its curve, and Dropout has its rate."""
    number = getattr(layer, "rate", getattr(layer, "standard_deviation", None))
    return getattr(layer, "name", name if number is None else f"{name} {number:g}")


def _about(layer: Layer, node: Node) -> str:
    """The window of a layer, its stride where it is not the usual one, and its activation."""
    words = []
    if layer.window:
        rows, columns = layer.window.size
        words.append(f"{rows}×{columns}")
        usual = (rows, columns) if KINDS.get(type(layer).__name__) == "pool" else (1, 1)
        if layer.window.strides != usual:
            words[0] += f"/{layer.window.strides[0]}"
    activation = getattr(layer, "activation", None)
    words += [activation] if activation not in (None, "linear") else []
    return ", ".join(words)


def in_words(parts: Sequence[Part]) -> str:
    """The parts as text, for those who do not see the picture."""
    return "; ".join(filter(None, map(_in_words, parts)))


def _in_words(part: Part) -> str:
    match part:
        case Box(kind=kind, name=name, about=about, shape=shape):
            words = [name, about, "" if kind == "input" else "to", "×".join(map(str, shape))]
            return " ".join(filter(None, words))
        case Mark(words=words):
            return words
        case Skip(parts=inside, about=about):
            line = f"input, projected by {about.split(',')[0]}" if about else "input"
            return f"({in_words(inside)}) plus its {line}"
        case Branches(paths=paths):
            return "side by side " + " and ".join(f"({in_words(path) or 'unchanged'})" for path in paths)
        case Group(parts=inside, times=times):
            return f"{times} times ({in_words(inside)})"
    return "and further layers, which are not drawn"


def largest_side(parts: Sequence[Part]) -> int:
    """The most rows or columns of a map in the picture."""
    return max((_side(part) for part in parts), default=1)


def _side(part: Part) -> int:
    match part:
        case Box(shape=shape):
            return max(shape[:2]) if len(shape) == 3 else 1
        case Skip(parts=inside) | Group(parts=inside):
            return largest_side(inside)
        case Branches(paths=paths):
            return max(map(largest_side, paths))
    return 1


def is_cut(parts: Sequence[Part]) -> bool:
    """Whether layers are left out."""
    return any(
        isinstance(part, More)
        or (isinstance(part, Skip | Group) and is_cut(part.parts))
        or (isinstance(part, Branches) and any(map(is_cut, part.paths)))
        for part in parts
    )


def soft(number: int) -> float:
    """A number on a scale on which a doubling is always as much."""
    return math.log2(1 + number)
