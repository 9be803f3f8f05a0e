"""Engines: the arithmetic of training, one file or folder each, behind one protocol.

An engine gets a laid-out network, an optimizer and arrays, and computes. The trainer decides what must be
equal in every engine: initial weights, the order of the images, rates, seeds and checkpoints.
"""

from MNIST.engine_names import ENGINES, PRECISIONS
from MNIST.engines.protocol import Arrays, Engine, EpochMetrics, GradientEngine, OnStep
from MNIST.engines.registry import (
    DEFAULT,
    ELSEWHERE,
    MODEL_FILES,
    PRELOADED,
    WITHOUT_GRADIENTS,
    choose,
    create,
    device,
    kept_at_once,
    name_of,
    read_saved,
    reader_of,
    resolve_precision,
    version,
)

__all__ = [
    "DEFAULT",
    "ELSEWHERE",
    "ENGINES",
    "MODEL_FILES",
    "PRECISIONS",
    "PRELOADED",
    "WITHOUT_GRADIENTS",
    "Arrays",
    "Engine",
    "EpochMetrics",
    "GradientEngine",
    "OnStep",
    "choose",
    "create",
    "device",
    "kept_at_once",
    "name_of",
    "read_saved",
    "reader_of",
    "resolve_precision",
    "version",
]
