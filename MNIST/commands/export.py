"""Export a trained network as a file that other programs can read, or as a script, without this project.

Usage:
    python MNIST export <model-name> <file> [options]
    python MNIST export --help

The ending of <file> decides its kind. The first two take images as uint8, (batch, 28, 28), and give the
probabilities of the classes, float32, (batch, classes); preparing the pixels is part of the network.

    .onnx     for ONNX runtimes, in any language: python -m pip install ".[onnx]"
    .keras    for Keras: keras.models.load_model opens it, because all its layers are Keras's own
    .py       a script to read: it loads MNIST, trains the same network and tests it. Its weights are written
              beside it: net.py comes with net_weights.npz. `python net.py Data` trains the network anew,
              `python net.py Data --weights net_weights.npz` only tests these weights

Before the file is written, it is tested on 297 images: its answers must be those of the engine that
trained the network. An older file with this name is replaced completely or not at all.

Arguments:
    <model-name>    a network trained by `train`, or A+B for the mean of several, which only .onnx holds
    <file>          what to write, as digits.onnx

Options:
    --with LIBRARY    what a .py computes with: keras, torch (PyTorch), or numpy, where each layer is written
                      out, forward and backward
    -q, --quiet       print only warnings and errors
"""

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.commands import values
from MNIST.commands.trained_networks import refuse_unlike
from MNIST.errors import ModelError, UsageError, quoted
from MNIST.files import write_atomically, write_together
from MNIST.paths import members, short_name
from MNIST.program import as_typed, install_command

if TYPE_CHECKING:
    from MNIST.export import SharedNetwork
    from MNIST.language import Network
    from MNIST.training import RunRecord

SCRIPT = ".py"
FARTHEST = 1e-4  # largest difference from the engine's probabilities; float32 stays far below


def run(options: Mapping[str, Any]) -> int:
    """Check the names, make the file, compare its answers with the engine's, and only then write it."""
    name = values.model_or_ensemble(options["<model-name>"])
    path = _checked_path(options["<file>"])
    library = _checked_library(options["--with"], path)

    from MNIST import training
    from MNIST.data.digits import make_digits
    from MNIST.export import FORMATS

    records = [training.read_record(member) for member in members(name)]
    refuse_unlike(name, records, same_images=True)
    if library and len(records) > 1:
        raise UsageError(f"a script holds one network; export the ensemble {short_name(name)} as .onnx")
    _, _, images, _ = make_digits()
    found = [_shared(member, images) for member in members(name)]
    networks = [shared for shared, _ in found]
    expected = training.softmax(training.mean_logits([logits for _, logits in found]))
    if library:
        _write_script(path, library, networks[0], images, expected)
        return 0
    kind = importlib.import_module(FORMATS[path.suffix])
    content = kind.content_of(*networks)
    needed = f"onnxruntime ({install_command('onnx')})"
    checked = _compare(kind.answers(content, images), expected, needed)
    write_atomically(path, content)
    parameters = sum(record.parameters for record in records)
    print(f"Written: {path} ({len(content):,} bytes), {short_name(name)} with {parameters:,} parameters.")
    about = records[0].about
    print(f"In: images, uint8 (batch, 28, 28). Out: probabilities, float32 (batch, {len(about.classes)}).")
    if not about.shows_digits:
        print(f"The classes are, in order: {', '.join(about.classes)}.")
    print(checked)
    return 0


def _shared(name: str, images: Any) -> "tuple[SharedNetwork, Any]":
    """A network with its weights, and its engine's logits, (n, classes), for images, uint8 (n, 28, 28)."""
    from MNIST import engines, training
    from MNIST.export import SharedNetwork

    record = training.read_record(name)
    trained = training.load_trained(name, engine=engines.reader_of(record.settings.engine))  # in float32
    shared = SharedNetwork(
        name=name,
        text=training.read_model_text(name),
        network=_as_trained(trained.network, record),
        weights=trained.engine.get_weights(),
        pixel_statistics=record.pixel_statistics,
        classes=record.about.classes,
        paper=record.about.paper,
        training_images=record.training_images,
        validation_images=record.validation_images,
    )
    logits = trained.engine.logits(images)
    trained.engine.close()
    return shared, logits


def _write_script(path: Path, library: str, shared: "SharedNetwork", images: Any, expected: Any) -> None:
    """Make the script, compare its answers with the engine's, and only then write it and its weights."""
    from MNIST.export import scripts

    script = scripts.script_of(shared, library)
    title, needed = scripts.LIBRARIES[library], install_command("torch" if library == "torch" else "")
    checked = _compare(scripts.answers(script, images), expected, f"{title} ({needed})")
    weights = path.with_name(f"{path.stem}_weights.npz")
    write_together({weights: script.weights, path: script.source})
    print(f"Written: {path}, {shared.name} as a script with {title}, and {weights}, its weights.")
    print(f"It trains the network: python {as_typed(str(path))} Data")
    print(f"It tests these weights: python {as_typed(str(path))} Data --weights {as_typed(str(weights))}")
    print(checked)


def _as_trained(network: "Network", record: "RunRecord") -> "Network":
    """The network with the epochs and the batch size that `train` was given, if they are not the file's."""
    spec = network.spec
    epochs = max(spec.epochs, record.epochs) if record.stopped else record.epochs
    return replace(network, spec=replace(spec, epochs=epochs, batch_size=record.batch_size))


def _checked_library(text: str | None, path: Path) -> str | None:
    """What a script computes with; None for another file. Raises UsageError where --with is wrong."""
    from MNIST.export.scripts import LIBRARIES

    if path.suffix != SCRIPT:
        if text is not None:
            raise UsageError(
                f"--with: only a script takes it, a file that ends in {SCRIPT}; found {quoted(path.name)}"
            )
        return None
    if text is None:
        raise UsageError(f"{quoted(path.name)}: a script needs --with: {', '.join(LIBRARIES)}")
    return values.one_of(text, "--with", tuple(LIBRARIES))


def _checked_path(text: str) -> Path:
    """The file to write. Raises UsageError for an unknown format, a folder, or a network's own folder."""
    from MNIST.export import FORMATS

    path = Path(text)
    if path.suffix not in (*FORMATS, SCRIPT) or "\0" in text:
        raise UsageError(f"{quoted(text)}: expected a file that ends in {', '.join(FORMATS)} or {SCRIPT}")
    if path.is_dir():
        raise UsageError(f"{quoted(text)} is a folder; expected a file to write")
    if path.suffix == SCRIPT and _hides_a_module(path):
        raise UsageError(f"{quoted(path.name)} would hide Python's module {path.stem}: take another name")
    if (path.parent / "run.json").exists():
        raise UsageError(f"{path.parent} is a trained network's own folder; write {path.name} elsewhere")
    return path


def _hides_a_module(script: Path) -> bool:
    """Whether programs that are started in the script's folder would import it in place of another module."""
    if not script.stem.isidentifier() or script.stem == "__main__":
        return False
    found = importlib.util.find_spec(script.stem)
    return found is not None and found.origin != str(script.resolve())


def _compare(answers: Any, expected: Any, needed: str) -> str:
    """Say how far the file's answers differ from the engine's. Raises ModelError if they differ too much."""
    if answers is None:
        return f"Its answers were not checked: that takes {needed}."
    farthest = float(abs(answers - expected).max())
    if not farthest <= FARTHEST:  # also true of a nan
        raise ModelError(f"not written: the file's probabilities differ from the engine's by {farthest:.1e}")
    return (
        f"Checked: on {len(expected)} images it answers as the engine does in float32, within {farthest:.1e}."
    )
