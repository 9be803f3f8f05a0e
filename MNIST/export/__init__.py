"""Export: a trained network as a file that other programs read, or as a script, without this project."""

from MNIST.export.shared_network import SharedNetwork

FORMATS = {".onnx": "MNIST.export.onnx_file", ".keras": "MNIST.export.keras_file"}
"""Each module has `content_of`, which makes a network's bytes, and `answers`, which computes with them."""

__all__ = ["FORMATS", "SharedNetwork"]
