"""Neural networks as text files: train, test and explore networks on MNIST without writing code."""

__version__ = "1.0.0"
