"""Layers made of layers: one after another, around a shortcut, side by side."""

from collections.abc import Sequence

from MNIST.engines.scratch.layer import Array, Cache, Gradients, Layer, Pass, namespace


class Chain:
    """y = lₙ(… l₂(l₁(x))): layers one after another. The chain rule goes through them in reverse."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = layers

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        caches = []
        for layer in self.layers:
            x, cache = layer.forward(x, this_pass)
            caches.append(cache)
        return x, caches

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        for layer, of_layer in zip(reversed(self.layers), reversed(cache), strict=True):
            dy = layer.backward(dy, of_layer, gradients)
            if dy is None:  # nothing that learns comes before it
                break
        return dy


class Residual:
    """y = block(x) + x, or block(x) + projection(x) where the shapes differ.

    Source: He et al. (2015), arXiv:1512.03385.
    """

    def __init__(self, block: Layer, projection: Layer | None) -> None:
        self.block, self.projection = block, projection

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        y, of_block = self.block.forward(x, this_pass)
        if self.projection is None:
            return y + x, (of_block, None)
        shortcut, of_projection = self.projection.forward(x, this_pass)
        return y + shortcut, (of_block, of_projection)

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """dy goes back both ways; the two results are added."""
        of_block, of_projection = cache
        dx = self.block.backward(dy, of_block, gradients)
        if self.projection is None:
            return dx + dy
        return dx + self.projection.backward(dy, of_projection, gradients)


class Parallel:
    """y = the outputs of several paths for the same x, concatenated along the channels.

    Source: Szegedy et al. (2014), Going deeper with convolutions, arXiv:1409.4842.
    """

    def __init__(self, paths: Sequence[Layer]) -> None:
        self.paths = paths

    def forward(self, x: Array, this_pass: Pass) -> tuple[Array, Cache]:
        outputs, caches = zip(*(path.forward(x, this_pass) for path in self.paths), strict=True)
        return namespace(x).concat(outputs, axis=-1), ([y.shape[-1] for y in outputs], caches)

    def backward(self, dy: Array, cache: Cache, gradients: Gradients) -> Array:
        """Each path gets its own channels of dy; the results are added."""
        widths, caches = cache
        begin, dx = 0, 0
        for path, width, of_path in zip(self.paths, widths, caches, strict=True):
            dx = dx + path.backward(dy[..., begin : begin + width], of_path, gradients)
            begin += width
        return dx
