"""The processor in words: another processor can change the last digits of a result."""

import os
import platform
from collections.abc import Iterable
from pathlib import Path

BFLOAT16 = ("amx_bf16", "avx512_bf16")  # Linux's names for a processor's bfloat16 arithmetic
INSTRUCTIONS = (*BFLOAT16, "avx512f", "avx2", "avx")  # widest first


def processor() -> str:
    """The processor's name and its widest instructions, as far as the system tells them."""
    return ", ".join(filter(None, (_said("model name"), widest_instructions()))) or platform.machine()


def widest_instructions() -> str:
    """The first of INSTRUCTIONS that the processor has; "" where the system does not tell."""
    flags = _said("flags").split()
    return next((name for name in INSTRUCTIONS if name in flags), "")


def described(device: str, switches: Iterable[str]) -> str:
    """A device, with the library's switches that are set in the environment."""
    return " ".join([device, *(f"{name}={os.environ[name]}" for name in switches if name in os.environ)])


def _said(line: str) -> str:
    """A line of what Linux says about the processor; "" on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((text.split(":", 1)[1].strip() for text in lines if text.startswith(line)), "")


def cores() -> int:
    """How many cores this process may use: what its affinity and its container's limits leave of them."""
    import joblib

    return int(joblib.cpu_count())
