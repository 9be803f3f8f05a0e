"""Whether a run will fit into memory, asked before it begins, and how much memory it took.

A system that runs out of memory ends a process without a message. psutil says how much is free. Only Linux
can measure the peak anew for each epoch, and psutil does not offer that.
"""

import math
import sys
from contextlib import suppress
from pathlib import Path

from MNIST import engines
from MNIST.errors import TrainingError
from MNIST.language import LeastSquares, Network
from MNIST.training.identity import RunSettings
from MNIST.words import counted

BYTES = {"bfloat16": 2, "float32": 4, "float64": 8}  # for one value between two layers


def least_memory(network: Network, images: int, precision: str, gradients: int = 1) -> int:
    """The fewest bytes that one training step can need at once.

    images: of a batch, those whose outputs are kept at once, for the backward pass. Only layers of matrix
    products, such as Conv and Dense, count. gradients: how many of each parameter are kept beside it at once.
    LeastSquares keeps the products of the last layer's inputs, and needs as much again to add to them and to
    solve. What an engine needs beyond that is not counted.
    """
    if isinstance(network.spec.optimizer, LeastSquares):
        (inputs,) = network.to_logits()[-1].input_shape
        return 2 * BYTES["float64"] * (inputs + 1) ** 2
    value = BYTES[precision]
    outputs = sum(
        math.prod(node.output_shape) for node in network.walk() if node.layer.flops(node.input_shape)
    )
    return images * outputs * value + (1 + gradients) * max(4, value) * network.parameters


def refuse_too_large(network: Network, settings: RunSettings, batch_size: int, ahead: int = 0) -> None:
    """Raise TrainingError if one step cannot fit into the memory that is free now.

    settings: they name the engine and the precision. ahead: bytes of the next epoch's images, which are in
    memory at the same time.
    """
    kept, gradients = engines.kept_at_once(engines.name_of(settings.engine), network, batch_size)
    least = least_memory(network, kept, settings.precision, gradients) + ahead
    free = available_memory()
    if least > free:
        what, hint = (
            f"a step on {counted(batch_size, 'image')}",
            "a smaller batch (--batch) or a smaller network",
        )
        if isinstance(network.spec.optimizer, LeastSquares):
            (inputs,) = network.to_logits()[-1].input_shape
            what, hint = "LeastSquares", f"a last layer with fewer inputs than these {inputs:,}"
        raise TrainingError(
            f"out of memory: {what} needs at least {least / 2**30:.1f} GiB,"
            f" and {free / 2**30:.1f} GiB are free; try {hint}"
        )


def available_memory() -> int:
    """How many bytes are available without swapping."""
    import psutil

    return int(psutil.virtual_memory().available)


def peak_memory() -> int:
    """The most bytes of resident memory that this process has held since `reset_peak_memory`.

    If the system cannot reset the peak, it counts from the start of the process.
    """
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    unit = 1 if sys.platform == "darwin" else 1024  # macOS says bytes, the others say KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reset_peak_memory() -> None:
    """Let `peak_memory` count from now on, if the system is Linux and permits it.

    Source: proc_pid_clear_refs(5).
    """
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
