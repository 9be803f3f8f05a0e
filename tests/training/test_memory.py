"""The peak memory of a process since it was last reset."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from MNIST.errors import TrainingError
from MNIST.language import lay_out, parse_spec
from MNIST.training import continue_run
from MNIST.training.memory import (
    available_memory,
    least_memory,
    peak_memory,
    refuse_too_large,
    reset_peak_memory,
)

BIG = 2**28  # bytes
SLACK = 2**26  # bytes for whatever else the process does at that time


def _hold_for_a_moment() -> None:
    np.ones(BIG, np.uint8)  # ones, since the system need not store pages of zeros


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is that of the process so far")
def test_the_peak_grows_with_what_is_held_and_falls_when_it_begins_again():
    reset_peak_memory()
    before = peak_memory()
    _hold_for_a_moment()
    held = peak_memory()
    assert held - before > BIG - SLACK
    reset_peak_memory()
    if peak_memory() == held:
        pytest.skip("this system does not let a process reset its peak")
    assert held - peak_memory() > BIG - SLACK


def _no_proc(path: Path) -> str:
    raise FileNotFoundError(path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no getrusage")
def test_where_there_is_no_proc_the_process_tells_its_peak(monkeypatch):
    told = peak_memory()
    monkeypatch.setattr(Path, "read_text", _no_proc)
    assert abs(peak_memory() - told) < SLACK or peak_memory() > told  # the kernel counts pages in batches


def test_windows_tells_the_peak_of_the_working_set(monkeypatch):
    monkeypatch.setattr(Path, "read_text", _no_proc)
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.setattr("psutil.Process.memory_info", lambda process: SimpleNamespace(peak_wset=2**30))
    assert peak_memory() == 2**30


def test_some_of_the_memory_is_available():
    assert BIG < available_memory() < psutil.virtual_memory().total


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is that of the process so far")
def test_each_epoch_has_a_peak_of_its_own(digits, keras_settings):
    spec = parse_spec("Layers:\nFlatten\nDense,10,softmax\nOptimizer:\n0.01,0\n2\n100\n")
    _hold_for_a_moment()
    before = peak_memory()
    peaks = [result.peak_memory for result in continue_run(spec, digits, keras_settings, epochs=2)]
    assert min(peaks) > 2**27  # TensorFlow alone takes so much
    assert max(peaks) < before  # memory that was held before is not counted


def test_only_the_images_whose_outputs_are_kept_at_once_must_fit(settings, keras_settings, monkeypatch):
    """The numpy engine takes 64 images at once, unless a layer needs the whole batch. Here are 8 pieces."""
    text = "Layers:\nConv,8,5,5,relu\nFlatten\nDense,10,softmax\nOptimizer:\n0.01,0\n2\n500\n"
    network = lay_out(parse_spec(text))
    free = least_memory(network, 64, "float32", gradients=8)
    monkeypatch.setattr("MNIST.training.memory.available_memory", lambda: free)
    refuse_too_large(network, settings, 500)
    with pytest.raises(TrainingError, match="a step on 500 images needs"):
        refuse_too_large(network, keras_settings, 500)
    monkeypatch.setattr("MNIST.training.memory.available_memory", lambda: 2 * free)
    with pytest.raises(TrainingError, match="a step on 500 images needs"):
        refuse_too_large(lay_out(parse_spec(text.replace("Flatten", "BatchNorm\nFlatten"))), settings, 500)


@pytest.mark.parametrize(("norm", "gradients"), [("", 9), ("BatchNorm\n", 16)])
def test_each_piece_that_keeps_its_gradients_counts(norm, gradients, settings, monkeypatch):
    text = f"Layers:\nFlatten\nDense,1000,relu\n{norm}Dense,10,softmax\nOptimizer:\n0.01,0\n2\n1024\n"
    network = lay_out(parse_spec(text))
    free = (1 + gradients) * 4 * network.parameters
    monkeypatch.setattr("MNIST.training.memory.available_memory", lambda: free)
    with pytest.raises(TrainingError, match="a step on 1,024 images needs"):
        refuse_too_large(network, settings, 1024)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is that of the process so far")
def test_least_squares_takes_the_memory_that_is_asked_for_before(digits, settings, monkeypatch):
    """What the engine and its libraries take comes on top."""
    text = "Layers:\nConv,{},5,5,relu,stride=3\nFlatten\nDense,10,softmax\nOptimizer:\nLeastSquares\n1\n100\n"
    spec = parse_spec(text.format(64))
    least = least_memory(lay_out(spec), 100, "float32")
    assert least == 2 * 8 * 4097**2
    reset_peak_memory()
    before = peak_memory()
    continue_run(spec, digits, settings, epochs=1)
    assert least - SLACK < peak_memory() - before < least + BIG
    monkeypatch.setattr("MNIST.training.memory.available_memory", lambda: 2**34)
    with pytest.raises(
        TrainingError, match=r"LeastSquares needs at least 6\d\d.* with fewer inputs than these 204,800"
    ):
        continue_run(parse_spec(text.format(3_200)), digits, settings, epochs=1)
