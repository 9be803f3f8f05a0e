"""The model language: from a text file to a checked, immutable spec, its network, and back to text.

errors.py      mistakes and how they are shown        layers.py      each layer, its arguments and shapes
text.py        lines, words, blocks                   inputs.py      what is done to the pixels
grammar.py     arguments of a line                    optimizers.py  each optimizer and its arguments
sections.py    sections, and their lines              model.py       ModelSpec
parse.py       a whole file to a ModelSpec            network.py     shapes, parameters, cost
axes.py        values that an exploration tries       canonical.py   one spelling; what cannot matter
template.py    model files with {placeholders}

To add a layer type, add its class to layers.py and a builder to each engine. Imports nothing but the
standard library.
"""

from MNIST.spec.axes import Axis, parse_axis, read_values
from MNIST.spec.canonical import canonical_text, simplify
from MNIST.spec.errors import Problem, SpecError
from MNIST.spec.grammar import statement_text
from MNIST.spec.inputs import INPUTS, InputStep, Scale, Standardize, Threshold
from MNIST.spec.layers import (
    LAYERS,
    Activation,
    AvgPool,
    BatchNorm,
    Columns,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LocalResponseNorm,
    MaxPool,
    Pad,
    Parallel,
    Parameter,
    Path,
    Repeat,
    Residual,
)
from MNIST.spec.model import ModelSpec
from MNIST.spec.network import Network, Node, lay_out, needs_engine
from MNIST.spec.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, Optimizer, ParallelDelta, RMSprop
from MNIST.spec.parse import parse_spec, read_spec
from MNIST.spec.template import Template, parse_template
from MNIST.spec.text import read_text

__all__ = [
    "INPUTS", "LAYERS", "OPTIMIZERS", "SGD",
    "Activation", "Adagrad", "Adam", "AdamW", "AvgPool", "Axis", "BatchNorm", "Columns", "Conv", "Dense",
    "Dropout", "Flatten", "GlobalAvgPool", "InputStep", "Layer", "LocalResponseNorm", "MaxPool", "ModelSpec",
    "Network", "Node", "Optimizer", "Pad", "Parallel", "ParallelDelta", "Parameter", "Path", "Problem",
    "RMSprop", "Repeat", "Residual", "Scale", "SpecError", "Standardize", "Template", "Threshold",
    "canonical_text", "lay_out", "needs_engine", "parse_axis", "parse_spec", "parse_template", "read_spec",
    "read_text", "read_values", "simplify", "statement_text",
]  # fmt: skip
