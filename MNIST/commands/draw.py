"""Draw the network of a model file as a picture: an SVG file, for reports and web pages.

Usage:
    python MNIST draw <model-description-file> [<svg-file>] [options]
    python MNIST draw --help

A map is a box in proportion: as high as it has rows, as deep as it has columns, and the broader the more
channels it has. A row of numbers is a thin bar. Below each stand the layer, its window and activation, the
shape of what it gives, and how many parameters it has. The line around a Residual adds its input to its
output; the paths of a Parallel lie side by side; what is repeated with the same shapes is drawn once, with
its number of times. The picture suits light and dark pages, and the same file gives the same bytes.

Nothing is trained, and no data is needed. A mistake in the file is told as `check` tells it.

Arguments:
    <model-description-file>    a name, as optimized_model, or a path
    <svg-file>                  the file to write, such as net.svg; .svg is added if it has no ending; without
                                it, the picture is called after the model file, in the current folder

Options:
    --classes N    let {classes} stand for N; without it, for 10
    -q, --quiet    print only warnings and errors
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from MNIST.commands.values import whole_number
from MNIST.commands.written_files import own_file
from MNIST.files import write_atomically
from MNIST.language import fill_classes, parse_spec, read_text
from MNIST.language.layer import FEWEST_CLASSES, MOST_CLASSES
from MNIST.paths import find_model_file, name_from
from MNIST.words import DIGITS


def run(options: Mapping[str, Any]) -> int:
    """Draw the picture; if the model file is wrong, write nothing."""
    wanted, classes = options["--classes"], None
    if wanted is not None:
        classes = whole_number(wanted, "--classes", FEWEST_CLASSES, MOST_CLASSES)
    path = find_model_file(options["<model-description-file>"])
    usual = f"{name_from(path.stem) or 'network'}.svg"
    named = options["<svg-file>"]
    file = own_file(usual if named is None else named, (".svg",), "picture", _is_own)

    from MNIST.architecture import architecture_svg

    text = read_text(path)
    spec = parse_spec(text if classes else fill_classes(text, len(DIGITS)), str(path), classes)
    content = architecture_svg(spec, path.stem).encode()
    write_atomically(file, content)
    print(f"Written: {file} ({len(content):,} bytes). It opens in any browser.")
    return 0


def _is_own(file: Path) -> bool:
    from MNIST.architecture import BEGINNING

    if not file.is_file():  # a pipe would never end
        return False
    with file.open("rb") as stream:
        return stream.read(len(BEGINNING)) == BEGINNING.encode()
