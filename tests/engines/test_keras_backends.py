"""Keras on its other backends, if they are installed: resumed runs equal uninterrupted ones there too."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys, tempfile
from pathlib import Path
import numpy as np
from MNIST.data import load, split
from MNIST.language import parse_spec
from MNIST.training import Run, resolve_settings

spec = parse_spec('''Layers:
Conv,4,3,3,relu
BatchNorm
MaxPool,4,4
Residual:
    Conv,4,3,3,leaky_relu,padding=same
Dropout,0.3
Flatten
Dropout,0.2
Dense,10,softmax
Optimizer:
0.01,1e-2
2
100
label_smoothing=0.1
''')
data = split(load(Path(sys.argv[1])), 0.9, seed=0, images=400)
settings = resolve_settings("digits", images=400, split=0.9, seed=0, precision="float32")
assert sys.argv[2] in settings.engine, settings.engine
whole = Run(spec, data, settings, epochs=2)
whole.train()
with tempfile.TemporaryDirectory() as folder:
    Run(spec, data, settings, epochs=1, checkpoint=Path(folder)).train()
    resumed = Run(spec, data, settings, epochs=2, checkpoint=Path(folder))
    assert len(resumed.history) == 1
    resumed.train()
for ours, theirs in zip(resumed.history, whole.history, strict=True):
    assert ours.numbers == theirs.numbers, (ours, theirs)
    assert ours.gradient_norm_mean > 0 < ours.gradient_norm_variance
one, two = resumed.engine.get_state(), whole.engine.get_state()
assert all(np.array_equal(one[name], two[name]) for name in two)
assert whole.history[1].loss < whole.history[0].loss
name, content = whole.engine.save()
whole.engine.load(content)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_resumed_run_equals_an_uninterrupted_one(backend, digits_folder):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed (an extra of this project)")
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(digits_folder), backend], check=True, env=environment, cwd=ROOT
    )
