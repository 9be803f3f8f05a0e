"""A .keras file answers as our engines do, in a Python that has Keras and nothing of this project."""

import subprocess
import sys

import numpy as np
import pytest
from small_networks import COLUMNS, IMAGES, NETWORKS, network_of, probabilities

from MNIST.errors import UsageError
from MNIST.export.keras_file import content_of

STRANGER = """
import sys
sys.path = [place for place in sys.path if "site-packages" in place or place.startswith(sys.base_prefix)]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in str(finder)]
import importlib.util, keras, numpy as np
assert importlib.util.find_spec("MNIST") is None
for name in sys.argv[1:]:
    model = keras.models.load_model(f"{name}.keras")
    np.save(f"{name}.npy", model.predict(np.load("images.npy"), verbose=0))
"""


@pytest.mark.slow
def test_keras_alone_opens_it_and_answers_as_the_engine_from_scratch_does(tmp_path):
    networks = {name: network_of(NETWORKS[name]) for name in ("blocks", "standardized")}
    for name, network in networks.items():
        (tmp_path / f"{name}.keras").write_bytes(content_of(network))
    np.save(tmp_path / "images.npy", IMAGES)
    result = subprocess.run(
        [sys.executable, "-I", "-c", STRANGER, *networks], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    for name, network in networks.items():
        assert abs(np.load(tmp_path / f"{name}.npy") - probabilities(network)).max() < 1e-5


@pytest.mark.slow
def test_the_same_network_gives_the_same_bytes():
    network = network_of(NETWORKS["blocks"])
    assert content_of(network) == content_of(network)


@pytest.mark.slow
def test_the_file_of_a_network_does_not_depend_on_how_it_learned():
    text = "Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n{}\n1\n50\n"
    assert content_of(network_of(text.format("LeastSquares"))) == content_of(
        network_of(text.format("SGD,0.1"))
    )


def test_columns_are_refused_with_the_way_out():
    with pytest.raises(UsageError, match=r"no layer for net's Columns; export it as \.onnx"):
        content_of(network_of(COLUMNS))
