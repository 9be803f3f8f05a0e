"""A network as a `.keras` file: Keras alone opens it, for it has standard layers only."""

import numpy as np

from MNIST.errors import UsageError
from MNIST.export.shared_network import SharedNetwork
from MNIST.language import needs_engine


def content_of(network: SharedNetwork) -> bytes:
    """The bytes of a .keras file. Input: uint8 images (n, 28, 28); output: probabilities (n, 10), float32.

    The same network gives the same bytes. Raises UsageError for a network that Keras has no layers for.
    """
    if needs_engine(network.spec):
        raise UsageError(f"Keras has no layer for {network.name}'s Columns; export it as .onnx")
    from MNIST.engines.keras.whole_model import standard_file

    weights = {name: weight.astype(np.float32) for name, weight in network.weights.items()}
    return standard_file(network.spec, weights, network.pixels)


def answers(content: bytes, images: np.ndarray) -> np.ndarray | None:
    """The probabilities that the file itself gives for images, by Keras."""
    from MNIST.engines.keras.whole_model import answers_of

    return answers_of(content, images)
