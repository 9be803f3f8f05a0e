"""The modules engine: the network as `torch.nn` modules, trained by `torch.optim` optimizers.

`layers` makes the modules, `optimizers` the optimizers.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import get_total_norm

from MNIST.engines.modules.layers import NetworkModule
from MNIST.engines.modules.optimizers import Optimizer
from MNIST.engines.modules.weights import assign, to_array
from MNIST.engines.protocol import Arrays, EpochMetrics, OnStep
from MNIST.engines.saved_arrays import load_weights, save_weights
from MNIST.engines.torch_backend import (
    DEVICE,
    device,
    has_fast_bfloat16,
    libraries,
    memory_errors,
    set_threads,
)
from MNIST.language import Network

__all__ = ["ModulesEngine", "build", "device", "has_fast_bfloat16", "libraries"]

PRECISIONS = ("float32", "float64")
INFERENCE_BATCH = 1000


class ModulesEngine:
    """One network of PyTorch modules. See `GradientEngine` for what each method promises."""

    save, load = save_weights, load_weights

    def __init__(
        self,
        network: Network,
        *,
        precision: str,
        threads: int,
        pixel_statistics: tuple[float, float],
        draws: Arrays | None = None,
    ) -> None:
        self._spec, self._classes, self._threads = network.spec, network.classes, threads
        with memory_errors():
            self._network = NetworkModule(network, getattr(torch, precision), pixel_statistics, draws)
        self._trainable = {name: w for name, w in self._network.weights.items() if w.requires_grad}

    @cached_property
    def _optimizer(self) -> Optimizer | None:
        """The optimizer with its variables, which only training needs; None if no weight is trainable."""
        return Optimizer(self._spec.optimizer, self._trainable) if self._trainable else None

    def train_epoch(
        self, images: np.ndarray, labels: np.ndarray, rates: np.ndarray, seed: int, on_step: OnStep
    ) -> EpochMetrics:
        set_threads(self._threads)
        self._network.train()
        self._network.set_seeds(seed)
        norms = np.zeros(len(rates))
        loss_sum = correct_sum = 0.0
        done = 0
        with memory_errors():
            x, y_true = _on_device(images), _on_device(labels).long()
            batches = zip(x.split(self._spec.batch_size), y_true.split(self._spec.batch_size), strict=True)
            for step, (batch, batch_labels) in enumerate(batches):
                loss, correct, norms[step] = self._step(batch, batch_labels, float(rates[step]))
                loss_sum, correct_sum = loss_sum + loss * len(batch), correct_sum + correct
                done += len(batch)
                on_step(step + 1, loss_sum / done, correct_sum / done)
        return EpochMetrics.of(loss_sum / done, correct_sum / done, norms)

    def _step(self, images: torch.Tensor, labels: torch.Tensor, learning_rate: float) -> list[float]:
        """Train on one batch; return its mean loss, how many answers are correct, and the gradient's norm."""
        logits = self._network(images)
        loss = self._loss(logits, labels)
        correct = (logits.detach().argmax(dim=1) == labels).sum()
        norm = torch.zeros_like(loss)
        if self._optimizer is not None:
            loss.backward()
            norm = get_total_norm([weight.grad for weight in self._trainable.values()])
            self._optimizer.step(learning_rate)
        # One transfer for all three, so that each step waits for the GPU only once.
        return torch.stack([loss.detach(), correct.to(loss.dtype), norm]).tolist()

    def _loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return cross_entropy(logits, labels, label_smoothing=self._spec.label_smoothing)

    def gradients(self, images: np.ndarray, labels: np.ndarray) -> tuple[float, Arrays]:
        set_threads(self._threads)
        self._network.train()
        averages = [weight for weight in self._network.weights.values() if not weight.requires_grad]
        before = [average.clone() for average in averages]
        try:
            with memory_errors():
                loss = self._loss(self._network(_on_device(images)), _on_device(labels).long())
                found = torch.autograd.grad(loss, self._trainable.values()) if self._trainable else ()
        finally:
            for average, value in zip(averages, before, strict=True):
                average.copy_(value)
        return loss.item(), dict(zip(self._trainable, map(to_array, found), strict=True))

    def logits(self, images: np.ndarray) -> np.ndarray:
        return self._outputs(self._network, images)

    def features(self, images: np.ndarray) -> np.ndarray:
        return self._outputs(self._network.before_last, images)

    def _outputs(self, module: Callable[[torch.Tensor], torch.Tensor], images: np.ndarray) -> np.ndarray:
        """What a part of the network makes of the images, outside training. Of no images it is empty."""
        set_threads(self._threads)
        self._network.eval()
        with memory_errors(), torch.inference_mode():
            batches = [
                module(_on_device(images[begin : begin + INFERENCE_BATCH])).cpu().numpy()
                for begin in range(0, max(len(images), 1), INFERENCE_BATCH)
            ]
        return np.concatenate(batches)

    def get_weights(self) -> Arrays:
        return {name: to_array(weight) for name, weight in self._network.weights.items()}

    def set_weights(self, weights: Arrays) -> None:
        assign(self._network.weights, weights)

    def get_state(self) -> Arrays:
        return {name: to_array(variable) for name, variable in self._state().items()}

    def set_state(self, state: Arrays) -> None:
        assign(self._state(), state)

    def close(self) -> None:
        """Do nothing: PyTorch frees a network that nobody refers to."""

    def _state(self) -> dict[str, torch.Tensor]:
        variables = self._optimizer.variables() if self._optimizer is not None else {}
        return self._network.weights | {f"optimizer/{name}": v for name, v in variables.items()}


def _on_device(array: np.ndarray) -> torch.Tensor:
    """An array as a tensor. On the processor the two may share memory, which is only read."""
    return torch.from_numpy(array if array.flags.writeable else array.copy()).to(DEVICE)


build = ModulesEngine
