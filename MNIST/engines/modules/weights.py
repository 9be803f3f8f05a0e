"""Convert weights between this project's order of axes and PyTorch's.

Ours: kernels (rows, columns, in, out) or (in, out). PyTorch's: (out, in, rows, columns) or (out, in).
An optimizer's variable has the axes of its weight, or none.
"""

import numpy as np
import torch

from MNIST.engines.protocol import Arrays, refuse_other_arrays

# By the number of axes: what `permute` must be given for this order.
TO_OURS = {0: (), 1: (0,), 2: (1, 0), 4: (2, 3, 1, 0)}
TO_PYTORCH = {0: (), 1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}


def to_array(tensor: torch.Tensor) -> np.ndarray:
    """A copy of a tensor as an array in our order of axes."""
    return np.array(tensor.detach().permute(TO_OURS[tensor.dim()]).cpu().numpy(), order="C")


@torch.no_grad()
def assign(tensors: dict[str, torch.Tensor], arrays: Arrays) -> None:
    """Give each tensor the values of the array with the same name, which is in our order of axes.

    Raises ValueError for wrong names or a wrong shape, before anything has changed.
    """
    shapes = {name: tuple(tensor.permute(TO_OURS[tensor.dim()]).shape) for name, tensor in tensors.items()}
    refuse_other_arrays(shapes, arrays)
    for name, tensor in tensors.items():
        tensor.copy_(torch.tensor(arrays[name]).permute(TO_PYTORCH[tensor.dim()]))
