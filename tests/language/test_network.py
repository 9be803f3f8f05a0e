"""Shapes, parameters and cost of networks, compared with published figures and with counts by hand."""

from pathlib import Path

import pytest

from MNIST.language import (
    SGD,
    Columns,
    Conv,
    Dense,
    Flatten,
    MaxPool,
    ModelSpec,
    Node,
    SpecError,
    Threshold,
    lay_out,
    needs_engine,
    nodes_as_written,
    parse_spec,
    read_spec,
    read_text,
    statement_text,
)

SHIPPED = sorted((Path(__file__).parents[2] / "Models").glob("*.txt"))
END = "\nOptimizer:\n0.001\n5\n100\n"


def nodes(layers: str) -> list[Node]:
    spec = parse_spec("Layers:\n" + layers + END)
    return [node for root in nodes_as_written(spec) for node in root.walk()]


def test_shipped_models_have_the_published_parameters() -> None:
    networks = {path.stem: lay_out(read_spec(path)) for path in SHIPPED if "{" not in read_text(path)}
    assert networks["optimized_model"].parameters == 227_754
    assert networks["example_model"].parameters == 43_706


def test_a_convolution() -> None:
    node, *_ = nodes("Conv,32,5,3,relu,init=he_normal\nFlatten\nDense,10,softmax")
    kernel, bias = node.parameters
    assert node.output_shape == (24, 26, 32)
    assert (kernel.shape, kernel.init, kernel.fan_in, kernel.fan_out) == ((5, 3, 1, 32), "he_normal", 15, 480)
    assert (bias.shape, bias.init) == ((32,), "zeros")
    assert node.flops == 2 * 24 * 26 * 32 * 15


def test_a_depthwise_convolution_knows_its_shapes_and_costs() -> None:
    """Its fan_in and fan_out are those that Keras computes for the same kernel."""
    _, node, *_ = nodes(
        "Conv,6,3,3,relu\nDepthwiseConv,5,3,relu,stride=2,init=lecun_normal\nFlatten\nDense,10,softmax"
    )
    kernel, bias = node.parameters
    assert node.output_shape == (11, 12, 6)
    assert (kernel.shape, kernel.init, kernel.fan_in, kernel.fan_out) == (
        (5, 3, 6, 1),
        "lecun_normal",
        90,
        15,
    )
    assert (bias.shape, bias.init) == ((6,), "zeros")
    assert node.flops == 2 * 11 * 12 * 6 * 15


def test_a_separable_convolution_knows_its_shapes_and_costs() -> None:
    text = "Conv,6,3,3,relu\nSeparableConv,4,5,3,relu,stride=2,init=he_uniform\nFlatten\nDense,10,softmax"
    _, node, *_ = nodes(text)
    assert node.output_shape == (11, 12, 4)
    found = [(each.name, each.shape, each.init, each.fan_in, each.fan_out) for each in node.parameters]
    assert found == [
        ("depthwise_kernel", (5, 3, 6, 1), "he_uniform", 90, 15),
        ("pointwise_kernel", (1, 1, 6, 4), "he_uniform", 6, 4),
        ("bias", (4,), "zeros", 0, 0),
    ]
    assert node.flops == 2 * 11 * 12 * 6 * 15 + 2 * 11 * 12 * 6 * 4
    assert node.most_values == 11 * 12 * 6  # between its two convolutions


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ("Conv,4,3,3,relu,stride=2", (13, 13, 4)),
        ("Conv,4,3,3,relu,stride=2,padding=same", (14, 14, 4)),
        ("Conv,4,28,28,relu", (1, 1, 4)),
        ("DepthwiseConv,4,3,relu", (25, 26, 1)),
        ("DepthwiseConv,4,3,relu,stride=3,padding=same", (10, 10, 1)),
        ("SeparableConv,5,4,3,relu", (25, 26, 5)),
        ("SeparableConv,5,4,3,relu,stride=3,padding=same", (10, 10, 5)),
        ("MaxPool,3,3", (9, 9, 1)),
        ("MaxPool,3,2", (9, 14, 1)),
        ("MaxPool,3,3,padding=same", (10, 10, 1)),
        ("AvgPool,3,3,stride=1", (26, 26, 1)),
        ("Pad,2,1", (32, 30, 1)),
        ("BatchNorm", (28, 28, 1)),
        ("LocalResponseNorm", (28, 28, 1)),
        ("GlobalAvgPool", (1,)),
        ("Flatten", (784,)),
    ],
)
def test_output_shapes(layer: str, shape: tuple[int, ...]) -> None:
    node, *_ = nodes(f"{layer}\nFlatten\nDense,10,softmax")
    assert node.output_shape == shape


def test_paths_are_unique_and_count_siblings_after_repeat() -> None:
    found = nodes(
        "Repeat,2:\n"
        "    Residual:\n"
        "        Conv,8,3,3,relu,padding=same\n"
        "        BatchNorm\n"
        "Parallel:\n"
        "    Path:\n"
        "        Conv,4,1,1,relu\n"
        "    Path:\n"
        "        MaxPool,3,3,stride=1,padding=same\n"
        "Flatten\n"
        "Dense,10,softmax"
    )
    assert [node.path for node in found] == [
        "residual_1", "residual_1.conv_1", "residual_1.batchnorm_2",
        "residual_2", "residual_2.conv_1", "residual_2.batchnorm_2",
        "parallel_3", "parallel_3.path_1", "parallel_3.path_1.conv_1",
        "parallel_3.path_2", "parallel_3.path_2.maxpool_1",
        "flatten_4", "dense_5",
    ]  # fmt: skip
    assert found[6].output_shape == (28, 28, 12)


@pytest.mark.parametrize(
    ("inner", "stride", "shape"),
    [
        ("Conv,1,3,3,relu,padding=same", None, (28, 28, 1)),
        ("Conv,8,3,3,relu,padding=same", 1, (28, 28, 8)),
        ("Conv,8,3,3,relu,padding=same,stride=2", 2, (14, 14, 8)),
        ("Conv,1,3,3,relu,padding=same,stride=3", 3, (10, 10, 1)),
        ("Conv,8,28,28,relu", 28, (1, 1, 8)),
    ],
)
def test_residual_projects_where_shapes_differ(
    inner: str, stride: int | None, shape: tuple[int, ...]
) -> None:
    node, *_ = nodes(f"Residual:\n    {inner}\nFlatten\nDense,10,softmax")
    assert node.projection_stride == stride
    assert node.output_shape == shape
    assert [p.shape for p in node.parameters] == ([] if stride is None else [(1, 1, 1, shape[-1])])
    assert node.flops == (0 if stride is None else 2 * shape[0] * shape[1] * shape[2])


def test_batch_norm_has_two_arrays_that_are_not_trained() -> None:
    node, *_ = nodes("BatchNorm\nFlatten\nDense,10,softmax")
    assert [(p.name, p.shape, p.init, p.trainable) for p in node.parameters] == [
        ("gamma", (1,), "ones", True),
        ("beta", (1,), "zeros", True),
        ("moving_mean", (1,), "zeros", False),
        ("moving_variance", (1,), "ones", False),
    ]


def test_threshold_levels_are_channels() -> None:
    text = "Input:\nThreshold,1,64,128,192\nLayers:\nConv,2,3,3,relu\nFlatten\nDense,10,softmax" + END
    network = lay_out(parse_spec(text))
    assert network.input_shape == (28, 28, 4)
    assert network.nodes[0].parameters[0].shape == (3, 3, 4, 2)


def test_columns_are_a_whole_network() -> None:
    spec = parse_spec(
        "Input:\nThreshold,1,128\nLayers:\nColumns,50,8,spread=5\nOptimizer:\nParallelDelta,0.05\n5\n100\n"
    )
    network = lay_out(spec)
    (node,) = network.nodes
    assert [(p.name, p.shape, p.init, p.trainable) for p in node.parameters] == [
        ("sources", (10, 50, 8), "indices", False),
        ("weights", (10, 50, 8), "normal", True),
        ("thresholds", (10, 50), "zeros", True),
    ]
    assert (node.parameters[0].map, node.parameters[0].spread) == ((28, 28, 2), 5)
    assert (node.output_shape, network.flops) == ((10,), 2 * 10 * 50 * 8)
    assert needs_engine(spec) == "sonn"
    assert needs_engine(parse_spec("Layers:\nFlatten\nDense,10,softmax" + END)) is None


def test_a_spec_made_in_code_is_checked_too() -> None:
    with pytest.raises(SpecError, match="SGD: SGD cannot train Columns"):
        lay_out(
            ModelSpec(
                input=(Threshold((1,)),), layers=(Columns(9, 9),), optimizer=SGD(0.1), epochs=1, batch_size=1
            )
        )
    layers = (MaxPool(28, 28), Conv(8, 3, 3, "relu"), Flatten(), Dense(10, "softmax"))
    with pytest.raises(SpecError, match="conv_2: Conv: its 3×3 window does not fit on a 1×1×1 map"):
        lay_out(ModelSpec(layers=layers, optimizer=SGD(0.1), epochs=1, batch_size=1))


def test_a_block_repeated_0_times_is_not_there() -> None:
    text = "Repeat,0:\n    MaxPool,99,99\n    Dense,5,softmax\n{}Flatten\nDense,10,softmax\n{}"
    absent = "Repeat,0:\n    Conv,1,1,1,relu\n"
    assert [node.path for node in nodes(text.format("", absent))] == ["flatten_1", "dense_2"]
    nested = absent.replace("Repeat,0:", "Repeat,2:").replace("    ", "    Repeat,0:\n        ")
    assert [node.path for node in nodes(text.format(nested, nested))] == ["flatten_1", "dense_2"]
    found = nodes(text.format("Residual:\n    Repeat,0:\n        BatchNorm\n", ""))
    assert [node.path for node in found] == ["residual_1", "flatten_2", "dense_3"]
    with pytest.raises(SpecError, match="line 2: there is no layer: all of them are repeated 0 times"):
        nodes("Repeat,0:\n    Dense,10,softmax")
    with pytest.raises(SpecError, match="line 2: the network must end in softmax"):
        nodes("Flatten\nRepeat,0:\n    Dense,10,softmax")


def test_the_limit_of_layers_is_reached_and_not_passed() -> None:
    assert len(nodes("Repeat,9998:\n    Dropout,0.5\nFlatten\nDense,10,softmax")) == 10_000
    with pytest.raises(SpecError, match="more than the 10,000 layers"):
        nodes("Repeat,9999:\n    Dropout,0.5\nFlatten\nDense,10,softmax")
    with pytest.raises(SpecError, match="more than the 10,000 layers"):
        nodes(
            "".join("  " * n + "Repeat,10000:\n" for n in range(60)) + "  " * 60 + "Flatten\nDense,10,softmax"
        )


def test_what_is_computed_before_the_probabilities() -> None:
    """A last softmax is left out, as a layer or as an activation; the votes of Columns are logits already."""

    def layers_to_logits(text: str) -> list[str]:
        return [statement_text(node.layer, False) for node in lay_out(parse_spec(text)).to_logits()]

    dense = "Layers:\nFlatten\nDense,10,"
    assert layers_to_logits(dense + "softmax" + END) == ["Flatten", "Dense,10,linear"]
    assert layers_to_logits(dense + "relu\nActivation,softmax" + END) == ["Flatten", "Dense,10,relu"]
    columns = "Input:\nThreshold,9\nLayers:\nColumns,9,9\nOptimizer:\nParallelDelta,0.05\n5\n100\n"
    assert layers_to_logits(columns) == ["Columns,9,9"]


@pytest.mark.parametrize(
    "text",
    [
        "".join("  " * n + "Repeat,10000:\n" for n in range(9))
        + "  " * 9
        + "Repeat,0:\n"
        + "  " * 10
        + "Flatten\n",
        "Repeat,0:\n" + "".join("  " * n + "Repeat,10000:\n" for n in range(1, 9)) + "  " * 9 + "BatchNorm\n",
    ],
)
def test_nothing_is_repeated_in_no_time(text: str) -> None:
    network = lay_out(parse_spec(f"Layers:\n{text}Flatten\nDense,10,softmax{END}"))
    assert [node.path for node in network.walk()] == ["flatten_1", "dense_2"]
