"""From a spec to its network: every layer with its shapes, parameters and cost, Repeat expanded.

This is pure arithmetic on shapes; nothing is built. It finds models that cannot work. `lay_out` makes the
`Network` that engines, training, the page, exports and certificates use.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from MNIST.language.canonical import simplify
from MNIST.language.errors import Line, Problems
from MNIST.language.grammar import block_field
from MNIST.language.inputs import InputStep, Threshold
from MNIST.language.layer import (
    FEWEST_CLASSES,
    MOST_CLASSES,
    Layer,
    Margins,
    Parameter,
    Shape,
    ShapeError,
    described,
    kernel,
)
from MNIST.language.layers import Activation, Columns, Dense, Parallel, Path, Repeat, Residual
from MNIST.language.model import ModelSpec
from MNIST.language.optimizers import LeastSquares, Optimizer, ParallelDelta

IMAGE_SIDE = 28
MOST_LAYERS = 10_000  # after Repeat
MOST_PARAMETERS = 10**9
MOST_VALUES = 10**8  # between two layers, for one image


@dataclass(frozen=True, slots=True)
class Node:
    """One layer in its place in the network.

    path: unique, and a valid layer name in any engine. It is the layer's kind and its place among its
    siblings, from 1, after the path of the block around it: `conv_1`, `residual_3.conv_1`.
    parameters, flops: its own, without those of its children; flops as in `Layer.flops`.
    children: a Residual's layers, a Parallel's paths, a Path's layers; Repeat is expanded in place.
    projection_stride: the stride of a Residual's "projection"; None for other nodes.
    """

    layer: Layer
    path: str
    input_shape: Shape
    output_shape: Shape
    parameters: tuple[Parameter, ...]
    flops: int
    children: tuple["Node", ...] = ()
    projection_stride: int | None = None

    @property
    def margins(self) -> Margins:
        """The rows and columns that the layer adds around its map, such as those of `padding=same`."""
        return self.layer.margins(self.input_shape)

    @property
    def most_values(self) -> int:
        """How many values one image has in the largest array that the layer makes."""
        return max(math.prod(self.output_shape), self.layer.working_values(self.input_shape))

    def walk(self) -> Iterator["Node"]:
        """This node, then all below it, depth first, in the order of the file."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True)
class Network:
    """A model that can work: its simplified spec, and the nodes of that spec's layers, in order.

    Only `lay_out` makes one from a spec.
    """

    spec: ModelSpec
    nodes: tuple[Node, ...]

    @property
    def input_shape(self) -> Shape:
        """The shape (28, 28, channels) in which the first layer sees an image."""
        return input_shape(self.spec.input)

    @property
    def classes(self) -> int:
        """How many classes the network tells apart: its last layer has a number for each."""
        return self.nodes[-1].output_shape[0]

    @cached_property
    def parameters(self) -> int:
        """How many numbers the network has, including those of BatchNorm that are not trained."""
        return count_parameters(self.nodes)

    @cached_property
    def flops(self) -> int:
        """The flops of all layers together, counted as in `Layer.flops`."""
        return count_flops(self.nodes)

    @property
    def only_engine(self) -> str | None:
        """The name of the only engine that trains this network; None if all that use gradients do."""
        return needs_engine(self.spec)

    def of_batches(self, size: int) -> "Network":
        """The same network, trained on batches of `size` images."""
        return replace(self, spec=replace(self.spec, batch_size=size))

    def to_logits(self) -> tuple[Node, ...]:
        """The nodes up to the logits. The loss applies the softmax that makes probabilities of them."""
        *body, last = self.nodes
        if isinstance(last.layer, Dense):
            return *body, replace(last, layer=replace(last.layer, activation="linear"))
        return self.nodes if isinstance(last.layer, Columns) else tuple(body)

    def walk(self) -> Iterator[Node]:
        """All nodes, depth first, in the order of the file; a block before its children."""
        for node in self.nodes:
            yield from node.walk()


def lay_out(spec: ModelSpec) -> Network:
    """The network that a spec describes: its nodes are those of the simplified spec.

    Raises SpecError, with the line of every layer that cannot work and the shapes that do not fit.
    """
    nodes, simple = nodes_as_written(spec), simplify(spec)
    if simple.layers != spec.layers:
        nodes = nodes_as_written(simple)
    return Network(simple, nodes)


def nodes_as_written(spec: ModelSpec) -> tuple[Node, ...]:
    """The nodes of all layers of a spec, including those that change nothing.

    Raises SpecError, with the line of every layer that cannot work and the shapes that do not fit.
    """
    problems = Problems()
    nodes = lay_out_layers(spec.layers, input_shape(spec.input), problems)
    if nodes is not None:
        check_ending(spec.layers, spec.input, nodes, problems)
        check_rule(spec.layers, spec.optimizer, problems)
    problems.raise_any()
    assert nodes is not None  # nothing was wrong
    return nodes


def count_parameters(nodes: Iterable[Node]) -> int:
    """How many numbers the parameters of some nodes, and of the nodes in their blocks, have."""
    return sum(each.size for root in nodes for node in root.walk() for each in node.parameters)


def count_flops(nodes: Iterable[Node]) -> int:
    """The flops of some nodes and of the nodes in their blocks, counted as in `Layer.flops`."""
    return sum(node.flops for root in nodes for node in root.walk())


def count_layers(layers: Iterable[Layer]) -> int:
    """How many layers some layers become when Repeat is expanded; they are counted without expanding."""
    return sum(map(_count, layers))


def needs_engine(spec: ModelSpec) -> str | None:
    """The name of the only engine that trains such a network; None if all that use gradients do."""
    return "sonn" if isinstance(spec.layers[0], Columns) else None  # Columns is the only layer


def input_shape(steps: Iterable[InputStep]) -> Shape:
    """The shape (28, 28, channels) of an image after the steps of `Input:`."""
    channels = 1
    for step in steps:
        channels = step.channels
    return IMAGE_SIDE, IMAGE_SIDE, channels


def lay_out_layers(layers: Sequence[Layer], shape: Shape, problems: Problems) -> tuple[Node, ...] | None:
    """The nodes of a network's layers; None if one of them cannot work (the problem is noted)."""
    mistakes = len(problems)
    count = 0
    for layer in layers:
        count += _count(layer)
        if count > MOST_LAYERS:
            message = f"up to here the network has more than the {MOST_LAYERS:,} layers that are allowed"
            _note(problems, layer, "", message)
            return None
    _check_softmax(layers, True, problems)
    _check_alone(layers, problems)
    if len(problems) > mistakes and _columns(layers):
        return None  # messages about the shapes of its neighbours would mislead
    nodes, _ = _Layout(problems).sequence(layers, shape, "")
    return nodes if len(problems) == mistakes else None


def check_ending(
    layers: Sequence[Layer],
    steps: Sequence[InputStep],
    nodes: Sequence[Node],
    problems: Problems,
    classes: int | None = None,
) -> None:
    """Note a network that does not end in softmax over the classes, or Columns that see no binary maps.

    classes: how many classes the dataset has; None if there is no dataset.
    """
    if not nodes:
        _note(problems, layers[-1], "", "there is no layer: all of them are repeated 0 times")
        return
    for columns in _columns(layers):
        if not any(isinstance(step, Threshold) for step in steps):
            message = "Columns sums binary pixels: let 'Input:' have a line such as 'Threshold,1,64,128,192'"
            _note(problems, columns, nodes[-1].path, message)
        if classes not in (None, columns.classes):
            message = f"Columns votes for {columns.classes:,} classes, and this dataset has {classes:,}"
            _note(problems, columns, nodes[-1].path, f"{message}; write classes={classes}")
        return  # its votes take the place of softmax
    last = _last(layers)
    shape, wanted = nodes[-1].output_shape, "{classes}" if classes is None else f"{classes}"
    fits = len(shape) == 1 and FEWEST_CLASSES <= shape[0] <= MOST_CLASSES and classes in (None, shape[0])
    if not fits:
        any_data = f"a dataset has {FEWEST_CLASSES} to {MOST_CLASSES:,} classes"
        there = any_data if classes is None else f"this dataset has {classes:,} classes"
        message = f"the network ends in {described(shape)}, and {there}"
        _note(problems, last, nodes[-1].path, f"{message}; let it end in Dense,{wanted},softmax")
    elif not (last.is_softmax and isinstance(last, Dense | Activation)):
        message = "the network must end in softmax, which makes probabilities of its numbers"
        _note(problems, last, nodes[-1].path, f"{message}: Dense,{wanted},softmax")


def check_rule(layers: Sequence[Layer], optimizer: Optimizer, problems: Problems) -> None:
    """Note a network that its optimizer cannot train.

    Columns has a learning rule of its own, and LeastSquares computes a last layer that is Dense.
    layers: they fit together, so a Columns among them stands alone.
    """
    columns, rule = isinstance(layers[0], Columns), isinstance(optimizer, ParallelDelta)
    name, message = type(optimizer).__name__, ""
    if columns and not rule:
        message = f"{name} cannot train Columns; its rule is 'ParallelDelta,0.05'"
    elif rule and not columns:
        message = (
            "ParallelDelta is the learning rule of Columns, and these layers learn by gradients; "
            "take an optimizer such as 'Adam,0.001'"
        )
    elif isinstance(optimizer, LeastSquares) and _present(layers) and not isinstance(_last(layers), Dense):
        message = (
            "LeastSquares computes the last layer: let the network end in Dense with softmax, in one line"
        )
    if message:
        problems.add(optimizer.line or Line(name, 0), message, of_shapes=True)


class _Layout:
    """Lays out layers one after another, keeping count of the network's parameters."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.parameters = 0

    def sequence(
        self, layers: Iterable[Layer], shape: Shape, prefix: str
    ) -> tuple[tuple[Node, ...], Shape | None]:
        """The nodes of consecutive layers, and their output shape, which is None if a layer cannot work."""
        nodes: list[Node] = []
        for layer in _expanded(layers):
            path = f"{prefix}{type(layer).__name__.lower()}_{len(nodes) + 1}"
            node = self.node(layer, shape, path)
            if node is None:
                return tuple(nodes), None
            nodes.append(node)
            shape = node.output_shape
        return tuple(nodes), shape

    def node(self, layer: Layer, shape: Shape, path: str) -> Node | None:
        """The node of one layer; None, with the reason noted, if it cannot work."""
        try:
            if isinstance(layer, Residual):
                node = self.residual(layer, shape, path)
            elif isinstance(layer, Parallel):
                node = self.parallel(layer, shape, path)
            elif isinstance(layer, Path):
                children, out = self.sequence(layer.layers, shape, path + ".")
                node = None if out is None else Node(layer, path, shape, out, (), 0, children)
            else:
                out = layer.output_shape(shape)
                node = Node(layer, path, shape, out, layer.parameters(shape), layer.flops(shape))
            if node is not None:
                self.check_size(node)
            return node
        except ShapeError as error:
            _note(self.problems, layer, path, f"{type(layer).__name__}: {error}")
            return None

    def residual(self, layer: Residual, shape: Shape, path: str) -> Node | None:
        """The node of a Residual, with its projection if it needs one."""
        children, inner = self.sequence(layer.layers, shape, path + ".")
        if inner is None:
            return None
        stride = layer.projection_stride(shape, inner)
        if stride is None:
            return Node(layer, path, shape, inner, (), 0, children)
        projection = kernel("projection", (1, 1, shape[-1], inner[-1]), "glorot_uniform")
        flops = 2 * math.prod(inner) * shape[-1]
        return Node(layer, path, shape, inner, (projection,), flops, children, stride)

    def parallel(self, layer: Parallel, shape: Shape, path: str) -> Node | None:
        """The node of a Parallel; every path is tried, so that the mistakes of all are reported."""
        ways = [self.node(way, shape, f"{path}.path_{n}") for n, way in enumerate(layer.paths, start=1)]
        children = tuple(way for way in ways if way is not None)
        if len(children) < len(ways):
            return None
        return Node(layer, path, shape, layer.joined([way.output_shape for way in children]), (), 0, children)

    def check_size(self, node: Node) -> None:
        """Raise ShapeError if the network grows beyond its limits."""
        self.parameters += sum(parameter.size for parameter in node.parameters)
        if self.parameters > MOST_PARAMETERS:
            raise ShapeError(
                f"up to here the network has {self.parameters:,} parameters; "
                f"at most {MOST_PARAMETERS:,} are allowed"
            )
        if math.prod(node.output_shape) > MOST_VALUES:
            raise ShapeError(
                f"it makes {described(node.output_shape)}; at most {MOST_VALUES:,} values are allowed"
            )


def _expanded(layers: Iterable[Layer]) -> Iterator[Layer]:
    """The layers, with those of each Repeat in its place; a Repeat of nothing takes no time."""
    for layer in layers:
        if isinstance(layer, Repeat):
            inner = tuple(_expanded(layer.layers)) if layer.times else ()
            for _ in range(layer.times if inner else 0):
                yield from inner
        else:
            yield layer


def _count(layer: Layer) -> int:
    """How many layers one layer becomes when Repeat is expanded; it is counted without expanding."""
    if isinstance(layer, Repeat):
        return layer.times * sum(map(_count, layer.layers))
    return 1 + sum(map(_count, _inside(layer)))


def _inside(layer: Layer) -> tuple[Layer, ...]:
    """The layers in a layer's block; none if it has none."""
    name = block_field(type(layer))
    return getattr(layer, name) if name else ()


def _last(layers: Iterable[Layer]) -> Layer:
    """The last layer, inside any Repeat. At least one layer is there."""
    last = _present(layers)[-1]
    return _last(last.layers) if isinstance(last, Repeat) else last


def _present(layers: Iterable[Layer]) -> list[Layer]:
    """The layers without any Repeat that expands to nothing."""
    return [layer for layer in layers if _is_there(layer)]


def _is_there(layer: Layer) -> bool:
    return not isinstance(layer, Repeat) or (layer.times > 0 and any(map(_is_there, layer.layers)))


def _check_softmax(layers: Sequence[Layer], at_end: bool, problems: Problems) -> None:
    """Note each softmax that is not the network's last step. at_end: whether `layers` end the network."""
    layers = _present(layers)
    for place, layer in enumerate(layers, start=1):
        is_last = at_end and place == len(layers)
        if layer.is_softmax and not is_last:
            message = "softmax makes probabilities of the classes: only the last layer has it"
            _note(problems, layer, "", f"{message}; use relu here, or let no layer follow")
        _check_softmax(_inside(layer), is_last and isinstance(layer, Repeat) and layer.times == 1, problems)


def _check_alone(layers: Sequence[Layer], problems: Problems) -> None:
    """Note a Columns that is not the only layer."""
    found = _columns(layers)
    if found and (len(layers) > 1 or found[0] is not layers[0]):
        message = "Columns is a whole network, from the binary maps to the votes for the classes"
        _note(problems, found[0], "", f"{message}: let it stand alone in 'Layers:'")


def _columns(layers: Iterable[Layer]) -> list[Columns]:
    """Every Columns among layers and in their blocks."""
    found = []
    for layer in layers:
        found += [layer] if isinstance(layer, Columns) else _columns(_inside(layer))
    return found


def _note(problems: Problems, layer: Layer, path: str, message: str) -> None:
    where = layer.line or Line(path or type(layer).__name__, 0)
    problems.add(where, message, of_shapes=True)
