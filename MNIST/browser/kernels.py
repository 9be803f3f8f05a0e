"""The engine's compiled loops, for the pages that carry them."""

from base64 import b64encode
from importlib.resources import files


def kernels_in_base64() -> dict[str, str]:
    """The kernels that kernels.c makes: `simd`, and `plain` for browsers without SIMD. Both are in base64."""
    folder = files(__package__).joinpath("engine")
    names = {"simd": "kernels.wasm", "plain": "kernels_plain.wasm"}
    return {kind: b64encode(folder.joinpath(name).read_bytes()).decode() for kind, name in names.items()}
