"""What the server that workers are forked from imports once. Nothing of it starts a thread."""

from MNIST import engines
from MNIST.explore.workers import local

engines.version("keras")

__all__ = ["local"]
