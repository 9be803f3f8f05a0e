"""PyTorch for every engine that computes on it: the device, the threads, repeatable operations.

It holds no network, only settings of the whole process and descriptions of the machine.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from MNIST.engines.processor import described, processor

__all__ = ["DEVICE", "device", "has_fast_bfloat16", "libraries", "memory_errors", "set_threads"]

SWITCHES = (
    *("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"),
    *("MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_DEFAULT_FPMATH_MODE"),
    *("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE"),
)


def _chosen_device() -> torch.device:
    with warnings.catch_warnings():  # a driver that is too old is no error: then the processor is used
        warnings.simplefilter("ignore")
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


DEVICE = _chosen_device()
"""Where tensors are kept: on the GPU if there is one, else on the processor."""

# cuBLAS repeats its results only with a fixed workspace, which it reads when it is first used.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
# PyTorch then raises an error for an operation that has no repeatable form.
# (`use_deterministic_algorithms(True)` is the same here, but takes two seconds: it imports the compiler.)
torch.set_deterministic_debug_mode("error")
# That setting also fills each new tensor, which costs time; nothing here reads a value before writing it.
torch.utils.deterministic.fill_uninitialized_memory = False
torch.backends.cudnn.benchmark = False  # True would choose the fastest kernel anew in each process
# Otherwise 19-bit TF32 products would be used in place of float32.
torch.backends.cudnn.allow_tf32 = False
torch.backends.cuda.matmul.allow_tf32 = False


def set_threads(threads: int) -> None:
    """Let operations on the processor use this many threads from now on."""
    if torch.get_num_threads() != threads:  # setting the same number would still drop oneDNN's caches
        torch.set_num_threads(threads)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn PyTorch's "out of memory" errors into MemoryError."""
    try:
        yield
    except RuntimeError as error:  # on the processor this error has no type of its own
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            raise MemoryError from error
        raise


def libraries() -> str:
    """The version that decides the numbers."""
    return f"PyTorch {torch.__version__}"


def device() -> str:
    """The GPU or the processor with its widest instructions, then the libraries' switches that are set.

    All of these can change the last digits of a result.
    """
    gpu = torch.cuda.get_device_name() if DEVICE.type == "cuda" else None
    return described(gpu or processor(), SWITCHES)


def has_fast_bfloat16() -> bool:
    """Always False: the engines on PyTorch compute in float32 and float64."""
    return False
