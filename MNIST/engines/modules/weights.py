"""Weights as this project has them, and as PyTorch has them.

Ours: kernels (rows, columns, in, out) or (in, out). PyTorch's: (out, in, rows, columns) or (out, in).
An optimizer's variables have the axes of the weight that they belong to, or none.
"""

import numpy as np
import torch

from MNIST.engines.protocol import Arrays, refuse_other_arrays

# By the number of axes: which of the other's axes each one is.
TO_OURS = {0: (), 1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}
TO_PYTORCH = {0: (), 1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}


def to_array(tensor: torch.Tensor) -> np.ndarray:
    """A copy in our order of axes."""
    return np.array(tensor.detach().permute(TO_OURS[tensor.dim()]).cpu().numpy(), order="C")


@torch.no_grad()
def assign(tensors: dict[str, torch.Tensor], arrays: Arrays) -> None:
    """Give each tensor the values of the array of its name, which is in our order of axes.

    Raises ValueError, before anything has changed, for another set of names or another shape.
    """
    shapes = {name: tuple(tensor.permute(TO_OURS[tensor.dim()]).shape) for name, tensor in tensors.items()}
    refuse_other_arrays(shapes, arrays)
    for name, tensor in tensors.items():
        tensor.copy_(torch.tensor(arrays[name]).permute(TO_PYTORCH[tensor.dim()]))
