"""One spelling for each spec, defaults filled in; and the spec without what cannot matter."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from MNIST.spec.grammar import arguments_of, block_field
from MNIST.spec.inputs import Standardize
from MNIST.spec.layers import Activation, Dropout, Layer, Pad, Parallel, Repeat, Residual
from MNIST.spec.model import ModelSpec
from MNIST.spec.optimizers import SGD

INDENT = "    "


def canonical_text(spec: ModelSpec) -> str:
    """The one text of a spec: a model file that parses to an equal spec; equal specs have one text."""
    lines = ["Input:", *map(statement_text, spec.input), "", "Layers:", *_block(spec.layers, "")]
    lines += ["", "Optimizer:", statement_text(spec.optimizer)]
    lines += [f"epochs={spec.epochs}", f"batch={spec.batch_size}"]
    return "\n".join(lines) + "\n"


def statement_text(value: Any, defaults: bool = True) -> str:
    """The line that makes `value`, a layer, input step or optimizer; with or without what is the default."""
    words = [type(value).__name__]
    for argument in arguments_of(type(value)):
        found = getattr(value, argument.name)
        if argument.place == "many":
            words += map(argument.kind.write, found)
        elif argument.required:
            words.append(argument.kind.write(found))
        elif found is not None and (defaults or found != argument.default):
            words.append(f"{argument.name}={argument.kind.write(found)}")
    return ",".join(words) + (":" if block_field(type(value)) else "")


def simplify(spec: ModelSpec) -> ModelSpec:
    """The same network without what cannot matter: specs that compute the same become equal.

    Repeat is expanded; dropout of 0, linear activations and padding by 0 are left out (a block that would be
    empty keeps one linear activation); Scale before Standardize and `nesterov` without momentum go.
    """
    steps = (Standardize(),) if Standardize() in spec.input else spec.input
    optimizer = spec.optimizer
    if isinstance(optimizer, SGD) and not optimizer.momentum:
        optimizer = replace(optimizer, nesterov=False)
    return replace(spec, input=steps, layers=tuple(_simplified(spec.layers)), optimizer=optimizer)


def _simplified(layers: Iterable[Layer]) -> Iterator[Layer]:
    for layer in layers:
        if isinstance(layer, Repeat):
            inner = tuple(_simplified(layer.layers))
            for _ in range(layer.times):
                yield from inner
        elif isinstance(layer, Residual):
            yield replace(layer, layers=_inside(layer.layers))
        elif isinstance(layer, Parallel):
            yield replace(
                layer, paths=tuple(replace(path, layers=_inside(path.layers)) for path in layer.paths)
            )
        elif layer not in (Dropout(0.0), Activation("linear"), Pad(0, 0)):
            yield layer


def _inside(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    return tuple(_simplified(layers)) or (Activation("linear"),)


def _block(layers: Iterable[Layer], margin: str) -> Iterator[str]:
    for layer in layers:
        yield margin + statement_text(layer)
        name = block_field(type(layer))
        if name:
            yield from _block(getattr(layer, name), margin + INDENT)
