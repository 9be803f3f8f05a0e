"""Why a trained network answers as it does: a network and one image become an `Explanation`.

NumPy computes it, whichever engine trained the network. `MNIST.report.explaining` draws it.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from MNIST import training
from MNIST.data.idx import IMAGE_SIDE
from MNIST.engines.scratch.inspection import Inspection, LayerOutput
from MNIST.errors import ModelError, UsageError
from MNIST.language import Conv, Network, statement_text
from MNIST.report.explaining.explanation import MOST_CLASSES, Explanation, LayerView


def explain(name: str, image: np.ndarray, label: int | None = None, subject: str = "an image") -> Explanation:
    """Explain a trained network's answer to one image.

    name: the network's name in training. image: uint8 (28, 28), with ink as the network knows it.
    label: what the image shows, if that is known. subject: the image in words.
    Raises UsageError for a network that has no gradients, ModelError for one that does not exist or whose
    layers compute numbers that are not finite, ValueError for another kind of array.
    """
    if image.dtype != np.uint8 or image.shape != (IMAGE_SIDE, IMAGE_SIDE):
        raise ValueError(
            f"expected one image, uint8 ({IMAGE_SIDE}, {IMAGE_SIDE}), found {image.dtype} {image.shape}"
        )
    model = training.load_trained(name)
    if model.network.only_engine:
        raise UsageError(
            f"{name} is one layer of Columns, which has no maps and no gradients: nothing explains its votes"
        )
    weights = model.engine.get_weights()
    model.engine.close()
    inspection = Inspection(model.network, weights, model.record.pixel_statistics)
    with np.errstate(over="ignore", invalid="ignore"):
        outputs = inspection.layer_outputs(image[None])
        probabilities = training.softmax(outputs[-1].output)[0]
        shown = _likely(probabilities, label)
        slopes = inspection.pixel_gradient(np.repeat(image[None], len(shown), axis=0), np.array(shown))
    has_dark_ink = model.record.about.ink == "dark"
    if has_dark_ink:
        slopes = -slopes  # more ink is a smaller value there
    if not all(np.isfinite(each).all() for each in (slopes, *(layer.output for layer in outputs))):
        raise ModelError(f"{name}: what its layers make of this image are not finite numbers")
    return Explanation(
        network=name,
        subject=subject,
        image=image,
        has_dark_ink=has_dark_ink,
        label=label,
        names=model.record.about.classes,
        probabilities=probabilities,
        shown=shown,
        slopes=slopes,
        layers=_views(model.network, weights, outputs),
    )


def _likely(probabilities: np.ndarray, label: int | None) -> list[int]:
    """The likeliest classes, and the right one if it is known, in order."""
    likely = np.argsort(-probabilities, kind="stable")[:MOST_CLASSES].tolist()
    return sorted({*likely, *([] if label is None else [label])})


def _views(
    network: Network, weights: Mapping[str, np.ndarray], outputs: Sequence[LayerOutput]
) -> tuple[LayerView, ...]:
    """The layers outside all blocks; the view of a block holds those inside it."""
    written = {node.path: node.layer for node in network.walk()}  # with the softmax at the end
    inside: dict[str, list[LayerView]] = {}
    for each in outputs:  # a block comes after the layers in it
        path = each.node.path
        layer = written[path]
        block = re.sub(r"\.path_\d+$", "", path.rpartition(".")[0])
        view = LayerView(
            statement_text(layer, defaults=False),
            type(layer).__name__,
            each.output[0],
            weights[f"{path}/kernel"] if isinstance(layer, Conv) else None,
            tuple(inside.pop(path, ())),
            layer.lesson,
            layer.passes_through,
        )
        inside.setdefault(block, []).append(view)
    return tuple(inside[""])
