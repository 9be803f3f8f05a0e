"""What model files mean."""

from dataclasses import replace

import pytest

from MNIST.language import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    AvgPool,
    Conv,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    ModelSpec,
    Optimizer,
    Parallel,
    Path,
    Repeat,
    Residual,
    RMSprop,
    Scale,
    Standardize,
    Threshold,
    canonical_text,
    parse_spec,
    simplify,
)

FIRST_VERSION = """\
Layers:
Conv,32,3,3,relu
MaxPool,2,2
Dropout,0.1
Flatten
Dense,256,relu
Dense,10,softmax
Optimizer:
0.001,1e-4
15
1000
"""
NETWORK = "Layers:\nFlatten\nDense,10,softmax\n"


def test_a_file_of_the_first_version() -> None:
    assert parse_spec(FIRST_VERSION) == ModelSpec(
        input=(Scale(),),
        layers=(
            Conv(32, 3, 3, "relu"),
            MaxPool(2, 2),
            Dropout(0.1),
            Flatten(),
            Dense(256, "relu"),
            Dense(10, "softmax"),
        ),
        optimizer=Adam(0.001, 1e-4),
        epochs=15,
        batch_size=1000,
    )


@pytest.mark.parametrize(
    ("line", "optimizer"),
    [
        ("0.001", Adam(0.001)),
        (".001,0.0001", Adam(0.001, 1e-4)),
        ("1E-3,decay=1e-4", Adam(0.001, 1e-4)),
        ("adam,0.001,0.0001", Adam(0.001, 1e-4)),
        ("RMSProp,0.01,momentum=0.5", RMSprop(0.01, momentum=0.5)),
        ("SGD,0.1", SGD(0.1)),
        ("Momentum,0.1", SGD(0.1, momentum=0.9)),
        ("Momentum,0.1,momentum=0.5", SGD(0.1, momentum=0.5)),
        ("nesterov,0.1,decay=0.01", SGD(0.1, 0.01, momentum=0.9, nesterov=True)),
        ("SGD,0.1,momentum=.9,nesterov=YES", SGD(0.1, momentum=0.9, nesterov=True)),
        ("AdamW,rate=0.1,Weight_Decay=0", AdamW(0.1, weight_decay=0.0)),
        ("Adagrad,1", Adagrad(1.0)),
    ],
)
def test_optimizers(line: str, optimizer: Optimizer) -> None:
    assert parse_spec(f"{NETWORK}Optimizer:\n{line}\n1\n1").optimizer == optimizer


@pytest.mark.parametrize(
    "lines", ["5\n100", "epochs=5\nbatch=100", "batch = 100\n5", "epochs=5\n100", "5\nBatch=100"]
)
def test_epochs_and_batch_bare_or_by_name(lines: str) -> None:
    spec = parse_spec(f"{NETWORK}Optimizer:\n0.1\n{lines}")
    assert (spec.epochs, spec.batch_size) == (5, 100)


@pytest.mark.parametrize(
    ("section", "steps"),
    [
        ("", (Scale(),)),
        ("Input:\nscale\n", (Scale(),)),
        ("input:\n  Standardize\n", (Standardize(),)),
        ("Input:\nScale\nStandardize\n", (Scale(), Standardize())),
        ("Input:\nThreshold,1,64,255\n", (Threshold((1, 64, 255)),)),
    ],
)
def test_inputs(section: str, steps: tuple[object, ...]) -> None:
    assert parse_spec(f"{section}{NETWORK}Optimizer:\n0.1\n1\n1").input == steps


def test_blocks_with_any_consistent_indentation() -> None:
    text = """
LAYERS :            # sections and layers in any case, with spaces and comments anywhere

  repeat , 2 :
     Residual:      # a residual block
      conv, 8, 3, 3, ReLU, padding = same

     Parallel:
                    Path:
                       AvgPool,2,3,padding=same
                    Path:
                       MaxPool,2,2,stride=2,padding=same
                       AvgPool,2,2,stride=1,padding=same
  Flatten
  Dense,10,softmax
Optimizer:
    0.1
    1
    1
"""
    with pytest.raises(Exception, match="rows and columns must agree"):
        parse_spec(text)
    spec = parse_spec(text.replace("AvgPool,2,3,padding=same", "AvgPool,2,2"))
    assert spec.layers[0] == Repeat(
        2,
        (
            Residual((Conv(8, 3, 3, "relu", padding="same"),)),
            Parallel(
                (
                    Path((AvgPool(2, 2),)),
                    Path((MaxPool(2, 2, padding="same"), AvgPool(2, 2, stride=1, padding="same"))),
                )
            ),
        ),
    )


def test_specs_are_equal_whatever_the_spelling() -> None:
    spelt = FIRST_VERSION.replace("0.1\n", ".10\n").replace("MaxPool,2,2", "maxpool,2,2,stride=2")
    spelt = spelt.replace("relu", "RELU").replace("Dense,256", "\n# more\nDense, 256")
    assert parse_spec(spelt) == parse_spec(FIRST_VERSION)
    assert hash(parse_spec(spelt)) == hash(parse_spec(FIRST_VERSION))
    assert canonical_text(parse_spec(spelt)) == canonical_text(parse_spec(FIRST_VERSION))


def test_canonical_text_is_a_model_file_with_everything_said() -> None:
    assert (
        canonical_text(parse_spec(FIRST_VERSION))
        == """\
Input:
Scale

Layers:
Conv,32,3,3,relu,stride=1,padding=valid,init=glorot_uniform
MaxPool,2,2,padding=valid
Dropout,0.1
Flatten
Dense,256,relu,init=glorot_uniform
Dense,10,softmax,init=glorot_uniform

Optimizer:
Adam,0.001,decay=0.0001,beta1=0.9,beta2=0.999,epsilon=1e-07
epochs=15
batch=1000
"""
    )


def test_simplify_removes_what_cannot_matter() -> None:
    text = """
Input:
Scale
Standardize
Layers:
Repeat,2:
    Dropout,0
    Conv,8,3,3,relu
Pad,0,0
Residual:
    Activation,linear
    Dropout,0
Flatten
Activation,linear
Dense,10,softmax
Optimizer:
SGD,0.1,nesterov=yes
1
1
Stop:
accuracy=0.9,monitor=accuracy
"""
    plain = """
Input:
Standardize
Layers:
Conv,8,3,3,relu
Conv,8,3,3,relu
Residual:
    Activation,linear
Flatten
Dense,10,softmax
Optimizer:
SGD,0.1
1
1
Stop:
accuracy=0.9
"""
    assert simplify(parse_spec(text)) == parse_spec(plain)
    assert simplify(replace(parse_spec(text), epochs=2)).epochs == 2
