"""Scripts: a network as a program that a beginner reads, and that runs without this project.

    source.py         expressions, and the pieces of a module that a script needs
    frame.py          what surrounds the layers: a template, *.py.jinja, is filled
    keras_script.py   torch_script.py   numpy_script.py     the layers, one function or entry each
    parts/            definitions that are copied into scripts

Each of the three modules has `script_of`, which makes the source and the arrays that it loads, and
`answers`, which computes with a script.
"""

import io
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import numpy as np

from MNIST.engines.saved_arrays import write_arrays
from MNIST.errors import UsageError
from MNIST.export.shared_network import SharedNetwork

LIBRARIES = {"keras": "Keras", "torch": "PyTorch", "numpy": "NumPy"}
"""What a script computes with, and how its makers spell it."""


@dataclass(frozen=True)
class Script:
    """A network as a script of a library.

    weights: the bytes of the .npz file that the script's option --weights takes.
    """

    library: str
    source: str
    weights: bytes


def script_of(shared: SharedNetwork, library: str) -> Script:
    """A network's script. The same network gives the same bytes.

    Raises UsageError for a network whose layers the library does not have.
    """
    if shared.network.only_engine:
        raise UsageError(
            f"{LIBRARIES[library]} has no layer for {shared.name}'s Columns, which learn without gradients; "
            "export it as .onnx"
        )
    rule = shared.network.spec.optimizer
    if not rule.follows_gradients:
        raise UsageError(
            f"a script also trains its network, and none has {type(rule).__name__}, by which {shared.name} "
            "learns; export it as .onnx or .keras"
        )
    source, arrays = _module(library).script_of(shared)
    floats = {
        name: array.astype(np.float32) if array.dtype == np.float64 else array
        for name, array in arrays.items()
    }
    return Script(library, source, write_arrays(floats))


def answers(script: Script, images: np.ndarray) -> np.ndarray | None:
    """The probabilities that the script's network computes with its weights: (n, classes).

    None if its library is not installed.
    """
    try:
        return _module(script.library).answers(script.source, io.BytesIO(script.weights), images)
    except ModuleNotFoundError as error:
        if error.name != script.library:
            raise
        return None


def _module(library: str) -> ModuleType:
    return import_module(f"MNIST.export.scripts.{library}_script")
