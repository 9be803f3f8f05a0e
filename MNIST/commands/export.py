"""Export a trained network as one file that other programs can read without this project.

Usage:
    python MNIST export <model-name> <file>
    python MNIST export --help

The ending of <file> decides its kind. Each kind takes images as uint8, (batch, 28, 28), and gives the
probabilities of the classes, float32, (batch, classes); preparing the pixels is part of the network.

    .onnx     for ONNX runtimes, in any language: python -m pip install '.[onnx]'
    .keras    for Keras: keras.models.load_model opens it, because all its layers are Keras's own

Before the file is written, it is tested on 297 images: its answers must be those of the engine that
trained the network. An older file with this name is replaced completely or not at all.

Arguments:
    <model-name>    a network trained by `train`
    <file>          what to write, as digits.onnx
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from MNIST.errors import ModelError, UsageError, quoted
from MNIST.files import write_atomically
from MNIST.paths import checked_name
from MNIST.program import install_command

FARTHEST = 1e-4  # largest difference from the engine's probabilities; float32 stays far below


def run(options: Mapping[str, Any]) -> int:
    """Check the names, make the file, compare its answers with the engine's, and only then write it."""
    name = checked_name(options["<model-name>"], "model name")
    path = _checked_path(options["<file>"])

    from MNIST import engines, training
    from MNIST.data.digits import make_digits
    from MNIST.export import FORMATS, SharedNetwork

    record = training.read_record(name)
    trained = training.load_trained(name, engine=engines.reader_of(record.settings.engine))  # in float32
    shared = SharedNetwork(
        name=name,
        text=training.read_model_text(name),
        network=trained.network,
        weights=trained.engine.get_weights(),
        pixel_statistics=record.pixel_statistics,
        classes=record.about.classes,
    )
    _, _, images, _ = make_digits()
    expected = training.softmax(trained.engine.logits(images))
    trained.engine.close()
    kind = importlib.import_module(FORMATS[path.suffix])
    content = kind.content_of(shared)
    checked = _compare(kind.answers(content, images), expected)
    write_atomically(path, content)
    print(f"Written: {path} ({len(content):,} bytes), {name} with {record.parameters:,} parameters.")
    about = record.about
    print(f"In: images, uint8 (batch, 28, 28). Out: probabilities, float32 (batch, {len(about.classes)}).")
    if not about.shows_digits:
        print(f"The classes are, in order: {', '.join(about.classes)}.")
    print(checked)
    return 0


def _checked_path(text: str) -> Path:
    """The file to write. Raises UsageError for an unknown format, a folder, or a network's own folder."""
    from MNIST.export import FORMATS

    path = Path(text)
    if path.suffix not in FORMATS or "\0" in text:
        raise UsageError(f"{quoted(text)}: expected a file that ends in {' or '.join(FORMATS)}")
    if path.is_dir():
        raise UsageError(f"{quoted(text)} is a folder; expected a file to write")
    if (path.parent / "run.json").exists():
        raise UsageError(f"{path.parent} is a trained network's own folder; write {path.name} elsewhere")
    return path


def _compare(answers: Any, expected: Any) -> str:
    """Say how far the file's answers differ from the engine's. Raises ModelError if they differ too much."""
    if answers is None:
        return f"Its answers were not checked: that takes onnxruntime ({install_command('onnx')})."
    farthest = float(abs(answers - expected).max())
    if not farthest <= FARTHEST:  # also true of a nan
        raise ModelError(f"not written: the file's probabilities differ from the engine's by {farthest:.1e}")
    return (
        f"Checked: on {len(expected)} images it answers as the engine does in float32, within {farthest:.1e}."
    )
