"""An .onnx file answers as our engines do, whatever layers it has, and holds all that it needs."""

import dataclasses
import json

import numpy as np
import pytest
from small_networks import COLUMNS, IMAGES, NETWORKS, network_of, probabilities

from MNIST.errors import UsageError
from MNIST.export.onnx_file import ACTIVATIONS, BUILDERS, answers, content_of
from MNIST.language import LAYERS
from MNIST.language.layer import ACTIVATION
from MNIST.language.layers import Path, Repeat

onnx = pytest.importorskip("onnx", reason="needs onnx: python -m pip install '.[onnx]'")
pytest.importorskip("onnxruntime", reason="needs onnxruntime: python -m pip install '.[onnx]'")


def test_every_layer_and_activation_of_the_language_has_its_place():
    assert set(BUILDERS) == set(LAYERS.values()) - {Path, Repeat}  # laying out replaces these two
    assert set(ACTIVATIONS) == set(ACTIVATION.choices) - {"swish"}  # another spelling


@pytest.mark.parametrize("name", NETWORKS)
def test_it_answers_as_the_engine_from_scratch_does(name):
    network = network_of(NETWORKS[name])
    expected = probabilities(network)
    assert np.ptp(expected, axis=0).max() > 0.02  # answers differ between images, so the comparison can fail
    assert abs(answers(content_of(network), IMAGES) - expected).max() < 1e-5


def test_columns_fire_exactly_as_in_the_engine():
    """One neuron more or less would change a probability in its second digit."""
    network = network_of(COLUMNS)
    expected = probabilities(network, "sonn")
    assert np.ptp(expected, axis=0).max() > 0.1
    assert abs(answers(content_of(network), IMAGES) - expected).max() < 1e-6


def test_the_file_tells_what_it_is():
    network = network_of(NETWORKS["standardized"])
    model = onnx.load_from_string(content_of(network))
    (images,), (out,) = model.graph.input, model.graph.output
    assert (images.name, images.type.tensor_type.elem_type) == ("images", onnx.TensorProto.UINT8)
    assert (out.name, out.type.tensor_type.elem_type) == ("probabilities", onnx.TensorProto.FLOAT)
    sides = [[d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in (images, out)]
    assert sides == [["batch", 28, 28], ["batch", 10]]
    said = {each.key: each.value for each in model.metadata_props}
    assert json.loads(said.pop("classes")) == list("0123456789")
    assert said == {"name": "net", "spec": network.text}
    assert {each.name for each in model.graph.initializer} >= network.weights.keys()


def test_one_image_is_a_batch_too():
    content = content_of(network_of(NETWORKS["blocks"]))
    assert abs(answers(content, IMAGES[:1]) - answers(content, IMAGES)[:1]).max() < 1e-6


def test_the_same_network_gives_the_same_bytes():
    network = network_of(NETWORKS["blocks"])
    in_float64 = {name: weight.astype(np.float64) for name, weight in network.weights.items()}
    content = content_of(network)
    assert content == content_of(network)
    assert content == content_of(dataclasses.replace(network, weights=in_float64))


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(UsageError, match=r'onnx.*not installed: python -m pip install "\.\[onnx\]"'):
        content_of(network_of(NETWORKS["standardized"]))


def test_a_network_too_large_for_such_a_file_is_refused():
    text = "Layers:\nFlatten\nDense,20000,relu\nDense,30000,relu\nDense,10,softmax\nOptimizer:\n0.1,0\n1\n1\n"
    from MNIST.language import lay_out, parse_spec

    network = dataclasses.replace(
        network_of(NETWORKS["standardized"]), network=lay_out(parse_spec(text)), weights={}
    )
    with pytest.raises(UsageError, match=r"616,\d+,\d+ parameters are more than an \.onnx file can hold"):
        content_of(network)
