"""Begin a run with the weights of a trained network, which any engine may have trained."""

import re

from MNIST.engines import Arrays
from MNIST.errors import UsageError
from MNIST.language import ModelSpec, Network, lay_out
from MNIST.training.trained_model import load_trained


def weights_of(name: str, spec: ModelSpec, threads: int | None = None) -> Arrays:
    """The weights of the trained network `name`, with which a run of this spec can begin.

    Layers without weights may stand elsewhere in the two, or in one of them alone: a Dropout, for example.
    threads: as in `load_trained`. Raises ModelError if there is no such network or it cannot be trusted;
    UsageError, with the layer's name, if its weights do not fit the spec.
    """
    trained = load_trained(name, threads)
    weights = trained.engine.get_weights()
    trained.engine.close()
    network = lay_out(spec)
    _refuse_another_map(name, trained.network, network)
    before, after = weight_shapes(trained.network), weight_shapes(network)
    if [_kind(*one) for one in before.items()] == [_kind(*one) for one in after.items()]:
        return {new: weights[old] for old, new in zip(before, after, strict=True)}
    refuse_other_layers(name, weights, network)
    return weights


def weight_shapes(network: Network) -> dict[str, tuple[int, ...]]:
    """The shape of each weight by its name, in the network's order."""
    return {
        f"{node.path}/{parameter.name}": parameter.shape
        for node in network.walk()
        for parameter in node.parameters
    }


def _kind(key: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """What two weights must have in common: their layers' types and their shapes, whatever the numbers."""
    return re.sub(r"_\d+", "", key), shape


def _refuse_another_map(name: str, before: Network, after: Network) -> None:
    """Raise UsageError if Columns of the network `name` were connected to pixels of another map."""
    old, new = (
        [parameter.map for node in network.walk() for parameter in node.parameters if parameter.map]
        for network in (before, after)
    )
    if old and new and old != new:
        raise UsageError(
            f"{name} is connected to a map of {_size(old[0])}, and this network to one of {_size(new[0])}:"
            f" let Input: have the same lines"
        )


def refuse_other_layers(name: str, weights: Arrays, network: Network) -> None:
    """Raise UsageError unless the weights have the names and shapes that the network needs.

    name: the network that the weights are from, for the message.
    """
    others = dict(weights)
    for node in network.walk():
        for parameter in node.parameters:
            key = f"{node.path}/{parameter.name}"
            found = others.pop(key, None)
            if found is None or found.shape != parameter.shape:
                line = node.layer.line
                where = f"{line.source}, line {line.number}: " if line else ""
                has = "has none" if found is None else f"has {_size(found.shape)}"
                raise UsageError(f"{where}{key} takes {_size(parameter.shape)} weights, and {name} {has}")
    if others:
        raise UsageError(f"{name} has weights that this network has no layer for: {', '.join(others)[:200]}")


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "a number"
