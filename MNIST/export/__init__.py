"""Export: a trained network as a file that other programs read, with nothing of this project installed."""

from MNIST.export.shared_network import SharedNetwork

FORMATS = {".onnx": "MNIST.export.onnx_file", ".keras": "MNIST.export.keras_file"}
"""Each is a module with `content_of`, a network's bytes, and `answers`, what such bytes make of images."""

__all__ = ["FORMATS", "SharedNetwork"]
