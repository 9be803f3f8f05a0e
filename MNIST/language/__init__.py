"""The model language: from a text file to a checked, immutable spec, its network, and back to text.

From text to a spec, and back:                      What lines can say, a dataclass each:
text.py        lines, words, blocks                 inputs.py         what is done to the pixels
grammar.py     arguments of a line                  layer.py          what every layer has
names.py       names that lines begin with          layers.py         each layer, and its shapes
sections.py    sections, and their lines            optimizers.py     each optimizer
    layer_section.py  training_sections.py          schedules.py      how the learning rate changes
parse.py       a whole file to a ModelSpec          augmentations.py  how training images change
classes.py     the dataset's number of classes       stop.py           when to end early
canonical.py   one spelling; parts without effect
errors.py      mistakes and how they are shown
axes.py        values that an exploration tries     What comes of it:
template.py    model files with {placeholders}      model.py          ModelSpec
                                                    network.py        shapes, parameters, cost

To add a layer type, add its class to layers.py and a builder to each engine. Imports nothing but the
standard library.
"""

from MNIST.language.augmentations import AUGMENTATIONS, Augmentation, Elastic, Rotate, Shear, Shift, Zoom
from MNIST.language.axes import Axis, first_values, parse_axis, read_axis
from MNIST.language.canonical import canonical_text, simplify
from MNIST.language.classes import CLASSES, asks_for_classes, fill_classes
from MNIST.language.errors import Problem, SpecError
from MNIST.language.grammar import statement_text
from MNIST.language.inputs import INPUTS, InputStep, Scale, Standardize, Threshold
from MNIST.language.layer import Layer, Parameter
from MNIST.language.layers import (
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
    LocalResponseNorm,
    MaxPool,
    Pad,
    Parallel,
    Path,
    Repeat,
    Residual,
)
from MNIST.language.model import ModelSpec
from MNIST.language.network import (
    Network,
    Node,
    count_flops,
    count_parameters,
    lay_out,
    needs_engine,
    nodes_as_written,
)
from MNIST.language.optimizers import (
    OPTIMIZERS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    LeastSquares,
    Optimizer,
    ParallelDelta,
    RMSprop,
)
from MNIST.language.parse import parse_spec, read_spec
from MNIST.language.schedules import CONSTANT, SCHEDULES, Constant, Cosine, OneCycle, Plateau, Schedule, Step
from MNIST.language.stop import Stop
from MNIST.language.template import Template, parse_template
from MNIST.language.text import as_text, is_group, read_text

__all__ = [
    "AUGMENTATIONS", "CLASSES", "CONSTANT", "INPUTS", "LAYERS", "OPTIMIZERS", "SCHEDULES", "SGD",
    "Activation", "Adagrad", "Adam", "AdamW", "Augmentation", "AvgPool", "Axis", "BatchNorm", "Columns",
    "Constant", "Conv", "Cosine", "Dense", "Dropout", "Elastic", "Flatten", "GlobalAvgPool",
    "InputStep", "Layer", "LeastSquares", "LocalResponseNorm", "MaxPool", "ModelSpec", "Network", "Node",
    "OneCycle", "Optimizer", "Pad", "Parallel", "ParallelDelta", "Parameter", "Path", "Plateau", "Problem",
    "RMSprop", "Repeat", "Residual", "Rotate", "Scale", "Schedule", "Shear", "Shift", "SpecError",
    "Standardize", "Step", "Stop", "Template", "Threshold", "Zoom", "as_text", "asks_for_classes",
    "canonical_text", "count_flops", "count_parameters", "fill_classes", "first_values", "is_group",
    "lay_out", "needs_engine", "nodes_as_written", "parse_axis", "parse_spec", "parse_template",
    "read_axis", "read_spec", "read_text", "simplify", "statement_text",
]  # fmt: skip
