"""One spelling for each spec, with its defaults filled in; and the spec without parts that have no effect."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from MNIST.language.augmentations import Augmentation, Elastic, Rotate, Shear, Shift, Zoom
from MNIST.language.inputs import Standardize
from MNIST.language.layer import Layer
from MNIST.language.layers import Activation, Parallel, Repeat, Residual
from MNIST.language.model import ModelSpec
from MNIST.language.optimizers import SGD
from MNIST.language.schedules import CONSTANT, Plateau, Step
from MNIST.language.sections import SECTIONS

STILL = (Rotate(0.0), Shift(0.0), Zoom(0.0), Shear(0.0))  # augmentations that move nothing


def canonical_text(spec: ModelSpec) -> str:
    """The one text of a spec: a model file that parses to an equal spec. Equal specs have the same text."""
    sections = ((name, section.write(spec)) for name, section in SECTIONS.items())
    return "\n\n".join("\n".join([f"{name}:", *lines]) for name, lines in sections if lines) + "\n"


def simplify(spec: ModelSpec) -> ModelSpec:
    """The same network without parts that have no effect: specs that compute the same become equal.

    Repeat is expanded. Dropout and noise of 0, linear activations and padding by 0 are left out (a block that
    would be empty keeps one linear activation). So are Scale before Standardize, `nesterov` without momentum,
    augmentations of 0, and the `monitor` of `Stop:` without patience. Step and Plateau of factor 1 become
    Constant.
    """
    steps = (Standardize(),) if Standardize() in spec.input else spec.input
    optimizer = spec.optimizer
    if isinstance(optimizer, SGD) and not optimizer.momentum:
        optimizer = replace(optimizer, nesterov=False)
    stop = spec.stop
    if stop is not None and stop.patience is None:
        stop = replace(stop, monitor="loss")
    steady = isinstance(spec.schedule, Step | Plateau) and spec.schedule.factor == 1
    return replace(
        spec,
        input=steps,
        layers=tuple(_simplified(spec.layers)),
        optimizer=optimizer,
        schedule=CONSTANT if steady else spec.schedule,
        augment=tuple(filter(_moves, spec.augment)),
        stop=stop,
    )


def _moves(augmentation: Augmentation) -> bool:
    """Whether an augmentation changes anything."""
    return augmentation not in STILL and not (isinstance(augmentation, Elastic) and augmentation.alpha == 0)


def _simplified(layers: Iterable[Layer]) -> Iterator[Layer]:
    """The layers that have an effect, with those of each Repeat in its place."""
    for layer in layers:
        if isinstance(layer, Repeat):
            inner = tuple(_simplified(layer.layers)) if layer.times else ()
            for _ in range(layer.times if inner else 0):
                yield from inner
        elif isinstance(layer, Residual):
            yield replace(layer, layers=_block(layer.layers))
        elif isinstance(layer, Parallel):
            yield replace(
                layer, paths=tuple(replace(path, layers=_block(path.layers)) for path in layer.paths)
            )
        elif not layer.changes_nothing:
            yield layer


def _block(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """The layers of a block that have an effect; a block is never empty."""
    return tuple(_simplified(layers)) or (Activation("linear"),)
