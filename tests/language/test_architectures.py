"""The named architectures have as many parameters as published, except for the changes in their files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from MNIST.language import Conv, Dense, Network, Node, Parallel, Residual, lay_out, read_spec

MODELS = Path(__file__).resolve().parent.parent.parent / "Models"


def network(name: str) -> Network:
    return lay_out(read_spec(MODELS / f"{name}.txt"))


def size(node: Node) -> int:
    """How many parameters a node has, including all nodes inside it."""
    return sum(parameter.size for each in node.walk() for parameter in each.parameters)


def weighty(name: str) -> Iterator[tuple[Node, int]]:
    """The convolutions and dense layers, in order, each with its number of parameters."""
    for node in network(name).walk():
        if isinstance(node.layer, Conv | Dense):
            yield node, size(node)


def inception(node: Node) -> bool:
    return isinstance(node.layer, Parallel)


def convolutions(node: Node) -> list[Conv]:
    return [each.layer for each in node.walk() if isinstance(each.layer, Conv)]


def sizes(name: str) -> list[int]:
    return [count for _, count in weighty(name)]


# LeCun et al. (1998), section II.B: C1, C3, C5, F6; here the last layer is ten units on 84 values.
def test_lenet5() -> None:
    c1, c3, c5, f6, last = sizes("lenet5")
    assert (c1, c5, f6, last) == (156, 48_120, 10_164, 850)
    # Table I has 60 connections from map to map, with 25 weights each; here all 6 · 16 exist.
    assert 1_516 == 60 * 25 + 16
    assert c3 == 6 * 16 * 25 + 16
    maps = [node.output_shape for node in network("lenet5").nodes]
    assert maps[:6] == [(32, 32, 1), (28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (1, 1, 120)]


# Krizhevsky et al. (2012), section 3.5: kernels of 11×11×3, 5×5×48, 3×3×256, 3×3×192, 3×3×192.
def test_alexnet() -> None:
    published = [11 * 11 * 3, 5 * 5 * 48, 3 * 3 * 256, 3 * 3 * 192, 3 * 3 * 192]
    changed = [
        11 * 11 * 1,
        5 * 5 * 96,
        3 * 3 * 256,
        3 * 3 * 384,
        3 * 3 * 384,
    ]  # one channel; not split in two
    filters = [96, 256, 384, 384, 256]
    assert sum(kernel * count + count for kernel, count in zip(published, filters, strict=True)) == 2_334_080
    found, dense = sizes("alexnet")[:5], sizes("alexnet")[5:]
    assert found == [kernel * count + count for kernel, count in zip(changed, filters, strict=True)]
    assert found[2] == 885_120  # in the paper, too, this layer sees all maps
    assert dense == [1024 * 4096 + 4096, 16_781_312, 40_970]


# Simonyan and Zisserman (2014), table 1, column D, and table 2: 138 million parameters.
def test_vgg16() -> None:
    published = [1_792, 36_928, 73_856, 147_584, 295_168, *[590_080] * 2, 1_180_160, *[2_359_808] * 5]
    dense = [102_764_544, 16_781_312, 4_097_000]
    assert round(sum(published + dense), -6) == 138_000_000
    found = sizes("vgg16")
    assert found[1:13] == published[1:]
    assert found[0] == published[0] - 2 * 3 * 3 * 64  # one channel in place of three
    assert found[13:] == [512 * 4096 + 4096, 16_781_312, 40_970]


# Szegedy et al. (2014), table 1, column "params", in units of 1,024; for the stem, only its second part.
def test_googlenet() -> None:
    stem, *expected = 112, 159, 380, 364, 437, 463, 580, 840, 1072, 1388
    nodes = network("googlenet").nodes
    modules = [size(node) / 1024 for node in nodes if inception(node)]
    own = [at for at in range(9) if at not in (4, 7)]  # the paper's sums for 4c and 5a do not fit its widths
    assert [modules[at] for at in own] == pytest.approx([expected[at] for at in own], rel=0.02)
    assert modules == pytest.approx(expected, rel=0.08)
    _, reduce, convolution = (size(node) / 1024 for node in nodes if isinstance(node.layer, Conv))
    assert reduce + convolution == pytest.approx(stem, rel=0.03)
    widths = [tuple(layer.filters for layer in convolutions(node)) for node in nodes if inception(node)]
    assert widths == [
        (64, 96, 128, 16, 32, 32),
        (128, 128, 192, 32, 96, 64),
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
        (256, 160, 320, 32, 128, 128),
        (384, 192, 384, 48, 128, 128),
    ]
    channels = [node.output_shape[-1] for node in nodes if inception(node)]
    assert channels == [256, 480, 512, 512, 512, 528, 832, 832, 1024]


# He et al. (2015), table 6: 0.27 million; 269,722 with gamma and beta of each BatchNorm.
def test_resnet20() -> None:
    net = network("resnet20")
    trained = sum(p.size for node in net.walk() for p in node.parameters if p.trainable)
    biases = sum(node.layer.filters for node, _ in weighty("resnet20") if isinstance(node.layer, Conv))
    blocks = [node for node in net.nodes if isinstance(node.layer, Residual)]
    projections = 16 * 32 + 32 * 64
    other_channels = 2 * 3 * 3 * 16
    assert trained - biases - projections + other_channels == 269_722
    assert len(blocks) == 9
    assert len(list(weighty("resnet20"))) == 20


# The numbers in Keras's own summary of the notebook that this network comes from.
def test_keras_cnn() -> None:
    assert sizes("keras_cnn") == [832, 25_632, 18_496, 36_928, 803_072, 2_570]
    assert network("keras_cnn").parameters == 887_530


def test_mlp() -> None:
    assert sizes("mlp") == [784 * 128 + 128, 128 * 32 + 32, 32 * 10 + 10]


def test_optimized_model() -> None:
    assert network("optimized_model").parameters == 227_754
