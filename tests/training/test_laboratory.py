"""Files of a laboratory: read equal, or refused in bounded memory with nothing written (fault 29)."""

import os
import tracemalloc
from dataclasses import replace

import pytest
from saved_networks import HISTORY, MODEL, Student, hostile

from MNIST.errors import MNISTError, ModelError
from MNIST.training import read_laboratory_network
from MNIST.training.history import history_csv

HOSTILE = hostile(Student())
MOST_MEMORY = 40_000_000  # bytes; the test's own copies of a file are some of them


@pytest.fixture
def file(tmp_path):
    """A function that writes a file and returns its path."""

    def write(content):
        path = tmp_path / "net.zip"
        path.write_bytes(content)
        return path

    return write


def test_what_a_laboratory_saved_is_read(file):
    student = Student()
    saved = read_laboratory_network(file(student.packed()))
    assert saved.text == MODEL.replace("{classes}", "10")
    assert saved.history == HISTORY
    assert saved.weights == student.members()["weights.npz"]
    assert saved.kept == HISTORY[-1]


def test_gradients_may_be_large(file):
    """The norm's variance of a training that nearly diverges; 2⁵³ is about 9e15."""
    history = [replace(result, loss=1e16, gradient_norm_variance=1e17) for result in HISTORY]
    saved = read_laboratory_network(file(Student().packed(history=history_csv(history).encode())))
    assert saved.history == history


@pytest.mark.parametrize("what", HOSTILE)
def test_nothing_else_is(what, file):
    content, hint = HOSTILE[what]
    path = file(content)
    tracemalloc.start()
    with pytest.raises(MNISTError) as refused:
        read_laboratory_network(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert hint in str(refused.value)
    assert len(str(refused.value)) < 1_000
    assert str(refused.value).replace("\n", "").isprintable()
    assert peak < MOST_MEMORY


def test_a_network_of_other_texts_weights_may_be_large_and_its_file_is_not(file):
    wide = Student().packed(
        spec=MODEL.replace("Flatten", "Flatten\nDense,20000,relu\nDense,20000,relu").encode()
    )
    tracemalloc.start()
    with pytest.raises(ModelError, match="not those of the model text"):
        read_laboratory_network(file(wide))
    assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    tracemalloc.stop()


def test_a_folder_that_a_browser_unpacked_is_read_too(tmp_path):
    for name, content in Student().members().items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / ".DS_Store").touch()
    assert read_laboratory_network(tmp_path).name == "my_net"
    (tmp_path / "spec.txt").rename(tmp_path / "text.txt")
    with pytest.raises(ModelError, match=r"^spec.txt is missing"):
        read_laboratory_network(tmp_path)
    (tmp_path / "spec.txt").symlink_to(tmp_path / "text.txt")
    with pytest.raises(ModelError, match="is a link"):
        read_laboratory_network(tmp_path)
    (tmp_path / "spec.txt").unlink()
    (tmp_path / "spec.txt").write_text(MODEL)
    with pytest.raises(ModelError, match="another file beside its four"):
        read_laboratory_network(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "net.zip")
    with pytest.raises(ModelError, match="expected a file"):
        read_laboratory_network(tmp_path / "net.zip")
