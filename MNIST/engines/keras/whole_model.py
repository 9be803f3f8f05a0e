"""A network as a `.keras` file of standard Keras layers only, which any program with Keras can read."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from MNIST.engines.keras.backend import keras, set_threads
from MNIST.engines.keras.engine import build
from MNIST.engines.keras.layers import LocalResponseNormalization
from MNIST.engines.keras.saved_file import without_times
from MNIST.engines.protocol import Arrays
from MNIST.engines.quiet import quiet_stderr
from MNIST.language import Network

_FILE = "network.keras"


def standard_file(network: Network, weights: Arrays, pixel_statistics: tuple[float, float]) -> bytes:
    """The bytes of the file: uint8 images (n, 28, 28) in, probabilities (n, classes) out, all in float32."""
    engine = build(network, precision="float32", threads=set_threads(), pixel_statistics=pixel_statistics)
    engine.set_weights(weights)
    whole = keras.models.clone_model(
        engine.whole_model, clone_function=lambda layer: layer, call_function=_call
    )
    with tempfile.TemporaryDirectory() as folder, quiet_stderr():
        path = Path(folder) / _FILE
        whole.save(path)
        content = without_times(path.read_bytes())
    engine.close()
    return content


def answers_of(content: bytes, images: np.ndarray) -> np.ndarray:
    """What the network in a file of ours answers for images: probabilities (n, classes)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _FILE
        path.write_bytes(content)
        set_threads()
        model = keras.models.load_model(path, compile=False)
    return np.asarray(model.predict(images, verbose=0))


def _call(layer: Any, *tensors: Any, **options: Any) -> Any:
    """Call a layer; if Keras does not have it, call standard layers that compute the same."""
    if isinstance(layer, LocalResponseNormalization):
        return _local_response_norm(layer, *tensors)
    return layer(*tensors, **options)


def _local_response_norm(norm: LocalResponseNormalization, x: Any) -> Any:
    """x (k + alpha · Σ x²)^−beta, with the sum over neighbouring channels as an untrained convolution."""
    channels = np.arange(x.shape[-1])
    near = np.abs(channels[:, None] - channels) <= norm.size // 2
    name, kind = norm.name, "float32"
    sums = keras.layers.Conv2D(len(channels), 1, trainable=False, dtype=kind, name=f"{name}-sums")
    total = sums(keras.layers.Multiply(dtype=kind, name=f"{name}-squares")([x, x]))
    sums.set_weights([norm.alpha * near[None, None], np.full(len(channels), norm.k)])
    return keras.layers.Multiply(dtype=kind, name=name)([x, keras.ops.power(total, -norm.beta)])
