"""The engine `autograd`: this room's forward passes and updates, with PyTorch's own backward pass.

It calls no `backward` of this room. Those must equal what PyTorch derives from the forward passes.
"""

import torch

from MNIST.engines.scratch.blocks import Chain
from MNIST.engines.scratch.engine import engine_on, kept_at_once_on, measured
from MNIST.engines.scratch.layer import Array, Gradients, Pass
from MNIST.engines.scratch.loss import cross_entropy
from MNIST.engines.scratch.on_tensors import PRECISIONS, TorchArrays, libraries
from MNIST.engines.torch_backend import device, has_fast_bfloat16

__all__ = ["PRECISIONS", "build", "device", "has_fast_bfloat16", "kept_at_once", "libraries"]


def differentiate(
    chain: Chain,
    weights: dict[str, Array],
    x: Array,
    labels: Array,
    count: int,
    smoothing: float,
    this_pass: Pass,
) -> tuple[Array, Array, Gradients]:
    """Like `backpropagate`, but PyTorch finds the gradients."""
    try:
        for weight in weights.values():
            weight.requires_grad_(True)
        with torch.enable_grad():
            logits, _ = chain.forward(x, this_pass)
            losses, _ = cross_entropy(logits, labels, smoothing)
            loss = losses.sum() / count
        found = torch.autograd.grad(loss, list(weights.values())) if weights else ()
    finally:  # because the update changes the weights in place
        for weight in weights.values():
            weight.requires_grad_(False)
    this_pass.moving = {name: average.detach() for name, average in this_pass.moving.items()}
    gradients = dict(zip(weights, found, strict=True))
    return *measured(logits.detach(), losses.detach(), labels), gradients


build = engine_on(TorchArrays, differentiate)
kept_at_once = kept_at_once_on(TorchArrays)
