"""A network as a `.keras` file. Keras opens it without this project, because it has standard layers only."""

import numpy as np

from MNIST.errors import UsageError
from MNIST.export.shared_network import SharedNetwork


def content_of(*networks: SharedNetwork) -> bytes:
    """The bytes of a .keras file: uint8 images (n, 28, 28) in, float32 probabilities (n, classes) out.

    The same network gives the same bytes. Raises UsageError for a network that Keras has no layers for, and
    for several networks.
    """
    if len(networks) > 1:
        raise UsageError("a .keras file holds one network; export an ensemble as .onnx")
    (shared,) = networks
    if shared.network.only_engine:
        raise UsageError(f"Keras has no layer for {shared.name}'s Columns; export it as .onnx")
    from MNIST.engines.keras.whole_model import standard_file

    weights = {name: weight.astype(np.float32) for name, weight in shared.weights.items()}
    return standard_file(shared.network, weights, shared.pixel_statistics)


def answers(content: bytes, images: np.ndarray) -> np.ndarray | None:
    """The probabilities that Keras computes for images with this file: (n, classes)."""
    from MNIST.engines.keras.whole_model import answers_of

    return answers_of(content, images)
