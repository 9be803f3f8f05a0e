"""Neural networks as text files: train, test and explore networks on MNIST without writing code.

In a notebook: `from MNIST import NeuralNetwork, explain, load, load_network`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from MNIST.explaining import explain
    from MNIST.notebook import NeuralNetwork, load, load_network

__version__ = "1.0.0"
__all__ = ["NeuralNetwork", "__version__", "explain", "load", "load_network"]


def __getattr__(name: str) -> object:
    """Import what notebooks use only when it is asked for, because it imports NumPy."""
    if name in ("NeuralNetwork", "load", "load_network"):
        from MNIST import notebook

        return getattr(notebook, name)
    if name == "explain":
        from MNIST.explaining import explain

        return explain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
