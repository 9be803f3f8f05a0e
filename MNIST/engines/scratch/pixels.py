"""From pixels 0 to 255 to what the first layer sees: the steps of `Input:`."""

from collections.abc import Sequence

from MNIST.engines.scratch.layer import Array, namespace
from MNIST.language import InputStep, inputs


def prepare(pixels: Array, steps: Sequence[InputStep], pixel_statistics: tuple[float, float]) -> Array:
    """Images as the network's input: (batch, 28, 28, channels).

    pixels: (batch, 28, 28), of the engine's precision; pixel_statistics: mean and standard deviation of
    the training images, in [0, 1].
    """
    (step,) = steps  # a simplified spec has one
    x = pixels[..., None]
    if isinstance(step, inputs.Scale):
        return x * (1 / 255)
    if isinstance(step, inputs.Standardize):
        mean, standard_deviation = pixel_statistics
        return x * (1 / (255 * standard_deviation)) - mean / standard_deviation
    assert isinstance(step, inputs.Threshold)
    xp = namespace(x)
    return xp.concat([xp.astype(x >= level, x.dtype) for level in step.levels], axis=-1)
