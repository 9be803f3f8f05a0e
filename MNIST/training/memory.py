"""Will a run fit, and what did it take? The first is said before it begins.

A system out of memory ends a process without a word.
"""

import math
import sys
from contextlib import suppress
from pathlib import Path

from MNIST.errors import TrainingError
from MNIST.language import Network
from MNIST.language.layers import Conv, Dense

BYTES = {"bfloat16": 2, "float32": 4, "float64": 8}  # of a value between two layers


def least_memory(network: Network, batch_size: int, precision: str) -> int:
    """A lower bound, in bytes, of what one training step holds at once.

    Each Conv's and Dense's output is kept for the backward pass, for every image of the batch; each
    parameter stands there with its gradient. What an engine needs beyond that is not counted.
    """
    value = BYTES[precision]
    outputs = sum(
        math.prod(node.output_shape) for node in network.walk() if isinstance(node.layer, Conv | Dense)
    )
    return batch_size * outputs * value + 2 * max(4, value) * network.parameters


def refuse_too_large(network: Network, batch_size: int, precision: str, ahead: int = 0) -> None:
    """Raise TrainingError if one step cannot fit into the memory that is free now.

    ahead: bytes of the next epoch's images, which are there meanwhile.
    """
    least, free = least_memory(network, batch_size, precision) + ahead, available_memory()
    if free is not None and least > free:
        raise TrainingError(
            f"out of memory: a step on {batch_size:,} images needs at least {least / 2**30:.1f} GiB, "
            f"and {free / 2**30:.1f} GiB are free; try a smaller batch (--batch) or a smaller network"
        )


def available_memory() -> int | None:
    """Bytes that can be had without swapping, or None where the system does not say."""
    return _linux_bytes("/proc/meminfo", "MemAvailable:")


def peak_memory() -> int:
    """The most bytes of resident memory that this process held since `reset_peak_memory`.

    Since the process began, where the system cannot reset it; 0 where it does not say.
    """
    peak = _linux_bytes("/proc/self/status", "VmHWM:")
    if peak is not None:
        return peak
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024  # macOS says bytes, the others say KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def reset_peak_memory() -> None:
    """Let `peak_memory` begin again from what the process holds now, where Linux permits it.

    Source: proc_pid_clear_refs(5).
    """
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _linux_bytes(file: str, name: str) -> int | None:
    """What a file of /proc says of a name, in bytes, or None where it does not."""
    try:
        lines = Path(file).read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
    except (OSError, StopIteration, ValueError):
        return None
