"""The language's optimizers: those of `torch.optim`, with the formulas of `MNIST.language.optimizers`.

Where PyTorch's formula differs, its inputs are set before each step so that the results are equal. Only
RMSprop is written here, because PyTorch puts its epsilon outside the root.
"""

from collections.abc import Callable, Iterable
from math import sqrt
from typing import Any

import torch

from MNIST.language import optimizers


class Optimizer:
    """A spec's optimizer for trainable weights by name. There must be at least one weight."""

    def __init__(self, spec: optimizers.Optimizer, weights: dict[str, torch.nn.Parameter]) -> None:
        make, self._prepare = OPTIMIZERS[type(spec)]
        self._spec, self._weights = spec, weights
        self._optimizer = make(spec, weights.values())

    def step(self, learning_rate: float) -> None:
        """Update the weights by their gradients in `grad`, then clear the gradients."""
        self._prepare(self._spec, self._optimizer, learning_rate)
        self._optimizer.step()
        self._optimizer.zero_grad()

    def variables(self) -> dict[str, torch.Tensor]:
        """What the next step needs besides weights and gradients, by names like `conv_1/kernel/exp_avg`."""
        return {
            f"{name}/{own}": variable
            for name, weight in self._weights.items()
            for own, variable in self._optimizer.state[weight].items()
        }


class RMSprop(torch.optim.Optimizer):
    """s ← rho · s + (1 − rho) · g², v ← momentum · v + lr · g / √(s + epsilon), w ← w − v."""

    def __init__(self, weights: Iterable[Any], rho: float, momentum: float, epsilon: float) -> None:
        super().__init__(weights, {"lr": 0.0, "rho": rho, "momentum": momentum, "epsilon": epsilon})

    @torch.no_grad()
    def step(self) -> None:
        (group,) = self.param_groups
        for w in group["params"]:
            s, v = self.state[w]["square_avg"], self.state[w].get("velocity")
            s.mul_(group["rho"]).addcmul_(w.grad, w.grad, value=1 - group["rho"])
            root = (s + group["epsilon"]).sqrt_()
            if v is None:  # no momentum
                w.addcdiv_(w.grad, root, value=-group["lr"])
            else:
                v.mul_(group["momentum"]).addcdiv_(w.grad, root, value=group["lr"])
                w.sub_(v)


# The fused forms are several times as fast: a step of Adam for 784-512-256-10 takes 0.28 ms on one core
# instead of 2.0 ms.


def _sgd(spec: optimizers.SGD, weights: Iterable[Any]) -> torch.optim.Optimizer:
    optimizer = torch.optim.SGD(weights, lr=1.0, momentum=spec.momentum, nesterov=spec.nesterov, fused=True)
    return _with_zeros(optimizer, "momentum_buffer") if spec.momentum else optimizer


def _prepare_sgd(spec: optimizers.SGD, optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """PyTorch's buffer sums gradients, b ← momentum · b + g, and its step is lr · b; ours sums steps.

    With learning_rate · g in place of g and lr = 1, its buffer is −v, whatever the earlier rates were.
    """
    (group,) = optimizer.param_groups
    if not spec.momentum:
        group["lr"] = learning_rate
        return
    for weight in group["params"]:
        weight.grad.mul_(learning_rate)


def _rmsprop(spec: optimizers.RMSprop, weights: Iterable[Any]) -> torch.optim.Optimizer:
    optimizer = RMSprop(weights, spec.rho, spec.momentum, spec.epsilon)
    return _with_zeros(optimizer, "square_avg", *(["velocity"] if spec.momentum else []))


def _adam(spec: optimizers.Adam, weights: Iterable[Any]) -> torch.optim.Optimizer:
    optimizer = torch.optim.Adam(weights, betas=(spec.beta1, spec.beta2), fused=True)
    return _with_zeros(optimizer, "step", "exp_avg", "exp_avg_sq")


def _adamw(spec: optimizers.AdamW, weights: Iterable[Any]) -> torch.optim.Optimizer:
    optimizer = torch.optim.AdamW(
        weights, betas=(spec.beta1, spec.beta2), weight_decay=spec.weight_decay, fused=True
    )
    return _with_zeros(optimizer, "step", "exp_avg", "exp_avg_sq")


def _prepare_adam(
    spec: optimizers.Adam | optimizers.AdamW, optimizer: torch.optim.Optimizer, learning_rate: float
) -> None:
    """PyTorch's step is learning_rate / (1 − beta1ⁿ) · m / (√s / c + eps) with c = √(1 − beta2ⁿ).

    Ours is learning_rate · c / (1 − beta1ⁿ) · m / (√s + epsilon). They are equal if eps = epsilon / c.
    """
    (group,) = optimizer.param_groups
    n = 1 + float(optimizer.state[group["params"][0]]["step"])
    group["lr"], group["eps"] = learning_rate, spec.epsilon / sqrt(1 - spec.beta2**n)


def _adagrad(spec: optimizers.Adagrad, weights: Iterable[Any]) -> torch.optim.Optimizer:
    """PyTorch's step is lr · g / (√s + eps). It equals ours with eps = 0 and epsilon added to the first s."""
    return torch.optim.Adagrad(
        weights, initial_accumulator_value=spec.accumulator + spec.epsilon, eps=0.0, fused=True
    )


def _set_rate(spec: optimizers.Optimizer, optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    (group,) = optimizer.param_groups
    group["lr"] = learning_rate


OPTIMIZERS: dict[type, tuple[Callable[..., torch.optim.Optimizer], Callable[..., None]]] = {
    optimizers.SGD: (_sgd, _prepare_sgd),
    optimizers.RMSprop: (_rmsprop, _set_rate),
    optimizers.Adam: (_adam, _prepare_adam),
    optimizers.AdamW: (_adamw, _prepare_adam),
    optimizers.Adagrad: (_adagrad, _set_rate),
}
"""For each optimizer: the function that makes it, and the function to call before each of its steps."""


def _with_zeros(optimizer: torch.optim.Optimizer, *names: str) -> torch.optim.Optimizer:
    """Create the optimizer's variables, as PyTorch would in the first step; return the optimizer.

    A state then has the same names before that step as after it.
    """
    (group,) = optimizer.param_groups
    for weight in group["params"]:
        for name in names:
            count = torch.zeros((), device=weight.device)  # PyTorch counts in float32
            optimizer.state[weight][name] = count if name == "step" else torch.zeros_like(weight)
    return optimizer
