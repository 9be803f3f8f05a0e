"""Random model files: hypothesis strategies for valid specs, made from the language's own tables."""

from typing import Any

from hypothesis import strategies as st

from MNIST.language import (
    AUGMENTATIONS,
    CONSTANT,
    INPUTS,
    LAYERS,
    OPTIMIZERS,
    SCHEDULES,
    Activation,
    AvgPool,
    BatchNorm,
    Columns,
    Conv,
    Cosine,
    Dense,
    Dropout,
    Elastic,
    Flatten,
    GlobalAvgPool,
    Layer,
    LocalResponseNorm,
    MaxPool,
    ModelSpec,
    OneCycle,
    Pad,
    Parallel,
    Path,
    Plateau,
    Repeat,
    Residual,
    Rotate,
    Scale,
    Shear,
    Shift,
    SpecError,
    Standardize,
    Step,
    Stop,
    Threshold,
    Zoom,
    lay_out,
)
from MNIST.language.layer import ACTIVATION, INIT
from MNIST.language.layers import DepthwiseConv, GaussianNoise, SeparableConv
from MNIST.language.optimizers import SGD, Adagrad, Adam, AdamW, LeastSquares, ParallelDelta, RMSprop

proportions = st.floats(0, 1, exclude_max=True)
betas = st.floats(0, 0.99999)
tiny = st.floats(1e-30, 1)
activations = st.sampled_from([name for name in ACTIVATION.choices if name not in ("softmax", "swish")])
inits = st.sampled_from(INIT.choices)
sides = st.integers(1, 3)

# Layers that keep the rows and columns of a map, so that any of them can follow any other.
same_size = st.one_of(
    st.builds(
        Conv,
        st.integers(1, 40),
        sides,
        sides,
        activations,
        stride=st.just(1),
        padding=st.just("same"),
        init=inits,
    ),
    st.builds(DepthwiseConv, sides, sides, activations, padding=st.just("same"), init=inits),
    st.builds(
        SeparableConv, st.integers(1, 40), sides, sides, activations, padding=st.just("same"), init=inits
    ),
    st.builds(MaxPool, sides, sides, stride=st.just(1), padding=st.just("same")),
    st.builds(AvgPool, sides, sides, stride=st.just(1), padding=st.just("same")),
    st.builds(BatchNorm, momentum=st.floats(0, 1), epsilon=tiny),
    st.builds(
        LocalResponseNorm,
        size=st.integers(0, 9).map(lambda n: 2 * n + 1),
        alpha=st.floats(0, 1e6),
        beta=st.floats(0, 100),
        k=st.floats(1e-30, 1e6),
    ),
    st.builds(Activation, activations),
    st.builds(Dropout, proportions),
    st.builds(GaussianNoise, st.floats(0, 1)),
)


def blocks(inside: st.SearchStrategy[Layer]) -> st.SearchStrategy[Layer]:
    """Layers that contain the layers `inside`."""
    several = st.lists(inside, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Residual, several),
        st.builds(Parallel, st.lists(st.builds(Path, several), min_size=1, max_size=3).map(tuple)),
        st.builds(Repeat, st.integers(0, 3), several),
    )


map_layers = st.recursive(same_size, blocks, max_leaves=6)
shrinking = st.one_of(
    st.builds(Conv, st.integers(1, 9), sides, sides, activations, stride=st.integers(1, 2), init=inits),
    st.builds(DepthwiseConv, sides, sides, activations, stride=sides),
    st.builds(SeparableConv, st.integers(1, 9), sides, sides, activations, stride=sides),
    st.builds(MaxPool, sides, sides, padding=st.sampled_from(("valid", "same"))),
    st.builds(AvgPool, sides, sides, stride=st.one_of(st.none(), sides)),
    st.builds(Pad, st.integers(0, 3), st.integers(0, 3)),
)
row_layers = st.one_of(
    st.builds(Dense, st.integers(1, 99), activations, init=inits),
    st.builds(Dropout, proportions),
    st.builds(BatchNorm),
    st.builds(
        Repeat,
        st.integers(0, 3),
        st.lists(st.builds(Dense, st.integers(1, 9), activations), min_size=1).map(tuple),
    ),
)
endings = st.one_of(
    st.builds(Dense, st.just(10), st.just("softmax"), init=inits).map(lambda layer: (layer,)),
    st.just((Dense(10, "linear"), Activation("softmax"))),
)
layers = st.builds(
    lambda first, second, third, flat, rows, end: (*first, *second, *third, flat, *rows, *end),
    st.lists(map_layers, max_size=3),
    st.lists(shrinking, max_size=2),
    st.lists(map_layers, max_size=2),
    st.sampled_from((Flatten(), GlobalAvgPool())),
    st.lists(row_layers, max_size=3),
    endings,
)

rates: dict[str, Any] = {"rate": st.floats(0, 1e30, exclude_min=True), "decay": st.floats(0, 1e6)}
adam: dict[str, Any] = {**rates, "beta1": betas, "beta2": betas, "epsilon": tiny}
optimizers = st.one_of(
    st.builds(SGD, **rates, momentum=betas, nesterov=st.booleans()),
    st.builds(RMSprop, **rates, rho=betas, momentum=betas, epsilon=tiny),
    st.builds(Adam, **adam),
    st.builds(AdamW, **adam, weight_decay=st.floats(0, 1)),
    st.builds(Adagrad, **rates, accumulator=st.floats(0, 1e6), epsilon=tiny),
)
thresholds = st.sets(st.integers(1, 255), min_size=1, max_size=5).map(
    lambda levels: (Threshold(tuple(sorted(levels))),)
)
inputs = st.one_of(st.sampled_from(((Scale(),), (Standardize(),), (Scale(), Standardize()))), thresholds)
monitors = st.sampled_from(("loss", "accuracy"))
counts = st.integers(1, 100_000)
amounts = st.floats(0, 1e30)
schedules = st.one_of(
    st.just(CONSTANT),
    st.builds(Cosine, warmup=proportions, final=amounts),
    st.builds(OneCycle, st.floats(0, 1e30, exclude_min=True), warmup=proportions, final=amounts),
    st.builds(Step, counts, tiny),
    st.builds(
        Plateau,
        factor=st.floats(0, 1, exclude_min=True, exclude_max=True),
        patience=counts,
        min=amounts,
        monitor=monitors,
        delta=st.floats(0, 1e6),
    ),
)
augmentations = st.tuples(  # each at its place in the order, or missing
    *(
        st.one_of(st.none(), augmentation)
        for augmentation in (
            st.builds(Rotate, st.floats(0, 180)),
            st.builds(Shift, st.floats(0, 1)),
            st.builds(Zoom, proportions),
            st.builds(Shear, st.floats(0, 90, exclude_max=True)),
            st.builds(Elastic, st.floats(0, 1000), st.floats(0.5, 28)),
        )
    )
).map(lambda found: tuple(augmentation for augmentation in found if augmentation is not None))
stops = st.one_of(
    st.none(),
    st.builds(Stop, patience=counts, accuracy=st.one_of(st.none(), tiny), monitor=monitors),
    st.builds(Stop, accuracy=tiny, monitor=monitors),
)
numbers: dict[str, Any] = {
    "epochs": counts,
    "batch_size": st.integers(1, 1_000_000),
    "schedule": schedules,
    "augment": augmentations,
    "stop": stops,
}
columns = st.builds(Columns, st.integers(1, 9999), st.integers(1, 99), spread=st.integers(1, 28))
rule = st.builds(
    ParallelDelta, **rates, reach=st.floats(0, 1e6, exclude_min=True), lessons=proportions, prune=proportions
)
least_squares = st.builds(
    LeastSquares, st.floats(0, 1, exclude_min=True), st.floats(0, 1e6), ridge=st.floats(1e-9, 1e6)
)


def within_limits(spec: ModelSpec) -> bool:
    """Whether the language allows a network of this size: paths in paths in a Repeat can grow beyond it."""
    try:
        lay_out(spec)
    except SpecError as error:
        return " are allowed" not in str(error)  # a test must find any other mistake
    return True


specs = st.one_of(
    st.builds(
        ModelSpec, input=inputs, layers=layers, optimizer=optimizers, label_smoothing=proportions, **numbers
    ),
    st.builds(ModelSpec, input=thresholds, layers=st.tuples(columns), optimizer=rule, **numbers),
    st.builds(
        ModelSpec,
        input=inputs,
        layers=layers.filter(lambda chosen: isinstance(chosen[-1], Dense)),
        optimizer=least_squares,
        **numbers,
    ),
).filter(within_limits)

# Text that is nearly a model file: its words, in any order.
words = st.one_of(
    st.sampled_from(
        [
            *LAYERS,
            *OPTIMIZERS,
            *INPUTS,
            *SCHEDULES,
            *AUGMENTATIONS,
            *ACTIVATION.choices,
            "Layers",
            "Optimizer",
            "Input",
            "Schedule",
            "Augment",
            "Stop",
            "Explore",
        ]
    ),
    st.sampled_from(
        [
            "stride",
            "padding",
            "epochs",
            "batch",
            "momentum",
            "{x}",
            "{",
            "}",
            "x",
            "1:3",
            "+",
            "same",
            "0",
            "-1",
            "1e400",
        ]
    ),
    st.integers(-2, 10**6).map(str),
    st.floats().map(str),
    st.text(max_size=5),
)
lines = st.builds(
    lambda margin, pieces, end: margin + "".join(pieces) + end,
    st.sampled_from(["", "", "", " ", "    ", "        ", "\t"]),
    st.lists(st.one_of(words, st.sampled_from([",", ",", "=", " "])), max_size=9),
    st.sampled_from(["", "", ":", "#", ",", "\r"]),
)
texts = st.one_of(st.text(max_size=300), st.lists(lines, max_size=20).map("\n".join))
