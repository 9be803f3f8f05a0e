"""Look into a trained network: the output of each layer, and how the answer depends on each pixel.

It is in this room because a network from scratch can be stopped between any two layers, whichever engine
trained it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from MNIST.engines.protocol import Arrays
from MNIST.engines.scratch.blocks import Chain, Parallel, Residual
from MNIST.engines.scratch.layer import Array, Cache, Gradients, Layer, LearningLayer, Pass
from MNIST.engines.scratch.network import build_network
from MNIST.engines.scratch.pixels import prepare
from MNIST.language import Network, Node, Standardize

IMAGES_AT_ONCE = 64


@dataclass(frozen=True)
class LayerOutput:
    """A layer's output for some images: float32 (n, *node.output_shape)."""

    node: Node
    output: np.ndarray


class Inspection:
    """A trained network whose layers can be looked into.

    network: one that learns by gradients. weights: by name, as `Engine.get_weights` gives them.
    pixel_statistics: mean and standard deviation of the training images, in [0, 1].
    Images are uint8 (n, 28, 28); everything is computed in float32, without random draws.
    """

    def __init__(self, network: Network, weights: Arrays, pixel_statistics: tuple[float, float]) -> None:
        self._spec, self._pixel_statistics = network.spec, pixel_statistics
        self._chain = build_network(network, {name: w.astype(np.float32) for name, w in weights.items()})
        self._nodes = network.to_logits()
        self._seen: list[LayerOutput] = []
        for layer in self._chain.layers:
            if isinstance(layer, LearningLayer):
                layer.wants_dx = True  # also for the first layer, before which nothing learns
        _watch(self._chain, self._nodes, self._seen)

    def layer_outputs(self, images: np.ndarray) -> list[LayerOutput]:
        """Every layer's output in the order of computation: a block comes after the layers in it.

        The last output is the logits; the caller applies softmax.
        """
        self._chain.forward(self._input(images), Pass())
        return self._taken()

    def last_features(self, images: np.ndarray) -> np.ndarray:
        """The input of the last layer with weights for each image, flattened: float32 (n, units).

        A block counts as one layer. Without any weights, it is the prepared image.
        """
        rows = [self._features(images[part]) for part in _parts(len(images))]
        return np.concatenate(rows)

    def pixel_gradient(self, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """The gradient of a class's logit with respect to pixels from 0 to 1: float32 (n, 28, 28).

        classes: integer (n,): the class whose logit is meant. `Threshold` has no slope; there the
        result is the sum of the gradients with respect to an image's binary maps.
        Source: Simonyan, Vedaldi and Zisserman (2013), Deep inside convolutional networks, arXiv:1312.6034.
        """
        logits, cache = self._chain.forward(self._input(images), Pass())
        gradients: Gradients = {}
        self._taken()
        dx = self._chain.backward(np.eye(logits.shape[1], dtype=np.float32)[classes], cache, gradients)
        scale = 1 / self._pixel_statistics[1] if Standardize() in self._spec.input else 1.0
        return dx.reshape(*images.shape, -1).sum(axis=-1) * np.float32(scale)

    def _taken(self) -> list[LayerOutput]:
        """Return the outputs kept so far and forget them, because they can need much memory."""
        seen = list(self._seen)
        self._seen.clear()
        return seen

    def _input(self, images: np.ndarray) -> Array:
        return prepare(images.astype(np.float32), self._spec.input, self._pixel_statistics)

    def _features(self, images: np.ndarray) -> np.ndarray:
        x = self._input(images)
        before = x
        for layer, node in zip(self._chain.layers, self._nodes, strict=True):
            if any(each.parameters for each in node.walk()):
                before = x
            x, _ = layer.forward(x, Pass())
            self._taken()
        return before.reshape(len(images), -1)


class _Watched:
    """A layer whose outputs are kept."""

    def __init__(self, layer: Layer, node: Node, seen: list[LayerOutput]) -> None:
        self._layer, self._node, self._seen = layer, node, seen

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        y, cache = self._layer.forward(x, this_pass)
        self._seen.append(LayerOutput(self._node, y))
        return y, cache

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        return self._layer.backward(dy, cache, gradients)


def _watch(chain: Chain, nodes: Sequence[Node], seen: list[LayerOutput]) -> None:
    """Make every layer of a chain, and of the blocks in it, keep its output."""
    for layer, node in zip(chain.layers, nodes, strict=True):
        for inner, children in _inside(layer, node):
            _watch(inner, children, seen)
    chain.layers = [_Watched(layer, node, seen) for layer, node in zip(chain.layers, nodes, strict=True)]


def _inside(layer: Layer, node: Node) -> Iterator[tuple[Chain, Sequence[Node]]]:
    """The chains in a block, each with its nodes."""
    if isinstance(layer, Residual):
        assert isinstance(layer.block, Chain)
        yield layer.block, node.children
    elif isinstance(layer, Parallel):
        for path, way in zip(layer.paths, node.children, strict=True):
            assert isinstance(path, Chain)
            yield path, way.children


def _parts(count: int) -> Iterator[slice]:
    for begin in range(0, count, IMAGES_AT_ONCE):
        yield slice(begin, begin + IMAGES_AT_ONCE)
