"""Write a laboratory: a web page in which networks are written, trained and tested.

Usage:
    python MNIST lab <dataset-dir> <html-file> [options]
    python MNIST lab --help

Writes one HTML file that opens in any browser: type a model text, see its shapes or its mistakes, train it,
test it, draw on it, and compare. It needs no server, no network and no other file, and it sends nothing: it
holds the dataset, the language and an engine that computes in the browser, on up to eight cores.

All of MNIST takes 16 MB; 10,000 training images and all test images take 5 MB. A network that is saved
there becomes one like any other by `import`.

Arguments:
    <dataset-dir>    where `download` or `import` put the data
    <html-file>      the file to write, such as lab.html; .html is added if it has no ending

Options:
    --images N       hold N training images, those that `train --images N` takes with seed 0; without it, all.
                     The test images are always all there, so that results can be compared
    --models NAMES   the model texts to begin with: names or paths, comma separated, the first one in the
                     editor; without it, a few of the shipped ones
    -q, --quiet      print only warnings and errors
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from MNIST.commands.values import optional_whole_number
from MNIST.commands.written_files import own_file
from MNIST.errors import UsageError, quoted
from MNIST.files import write_atomically
from MNIST.language import fill_classes, parse_spec, read_text
from MNIST.paths import find_model_file, name_from
from MNIST.words import counted

if TYPE_CHECKING:
    from MNIST.data import Dataset
    from MNIST.lab import LabModel

# Each trains within minutes in a browser.
USUAL = "example_model", "mlp", "lenet5", "optimized_model", "fast99"


def run(options: Mapping[str, Any]) -> int:
    """Write the page; if a model file is wrong or the data cannot be read, write nothing."""
    images = optional_whole_number(options["--images"], "--images")

    from MNIST.data import load, suspicions
    from MNIST.lab import is_lab_page, lab_page

    file = own_file(options["<html-file>"], (".html", ".htm"), "page", is_lab_page)
    files = None if options["--models"] is None else _model_files(options["--models"])
    folder = Path(options["<dataset-dir>"])
    dataset = load(folder)
    models = _usual(dataset) if files is None else [_model(path, dataset) for path in files]
    content = lab_page(dataset, models, images).encode()
    write_atomically(file, content)
    for suspicion in suspicions(dataset):
        print(f"{folder}: {suspicion}", file=sys.stderr)
    training = counted(images or len(dataset.train_images), "training image")
    print(
        f"Written: {file} ({len(content) / 1e6:.1f} MB) with {training} and"
        f" {counted(len(dataset.test_images), 'test image')} of {dataset.name}, {dataset.about.told_apart()}."
    )
    print("Open it in a browser, and train.")
    return 0


def _model_files(text: str) -> list[Path]:
    """The model files of a list of names and paths. Raises UsageError if two would have one name."""
    paths = [find_model_file(one.strip()) for one in text.split(",")]
    names = [_name(path) for path in paths]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise UsageError(f"--models: {', '.join(repeated)} stands there twice")
    return paths


def _model(path: Path, dataset: "Dataset") -> "LabModel":
    """A model text with the number of classes filled in. Raises SpecError, with lines, for a wrong one."""
    from MNIST.lab import LabModel

    classes = len(dataset.classes)
    text = fill_classes(read_text(path), classes)
    rule = parse_spec(text, str(path), classes).optimizer
    if not rule.follows_gradients:
        raise UsageError(f"--models: {path} learns by {type(rule).__name__}, which no laboratory has")
    return LabModel(_name(path), text)


def _usual(dataset: "Dataset") -> list["LabModel"]:
    """The usual texts, for any number of classes.

    On other data than MNIST they lose the comments before their first line, which speak of results on MNIST.
    """
    from MNIST.lab import LabModel

    models = []
    for name in USUAL:
        text = read_text(find_model_file(name))
        if dataset.name != "mnist":
            text = re.sub(r"^(#.*\n)+", "", text)
        last = f"Dense,{len(dataset.classes)},softmax"
        models.append(LabModel(name, re.sub(r"^Dense,10,softmax", last, text, flags=re.MULTILINE)))
    return models


def _name(path: Path) -> str:
    """What a model file's text is called on the page: letters, digits, _ and -, at most 64."""
    name = name_from(path.stem)
    if not name:
        raise UsageError(f"--models: {quoted(str(path))} has no name that a network can have")
    return name
