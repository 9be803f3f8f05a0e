"""Show what each layer of a trained network makes of one image, and which pixels its answer hangs on.

Usage:
    python MNIST explain <model-name> --image N [options]
    python MNIST explain <model-name> <image-file>
    python MNIST explain --help

Writes a picture and a page, in Model_Output/<model-name>/explained/: the image and the answer, the slope of
the answer's score along each pixel, the maps and the kernels of the convolutions, the numbers of the others.

Arguments:
    <model-name>      a network trained by `train`, by any engine; what is computed here, NumPy computes
    <image-file>      a picture of one digit, as `predict` takes it

Options:
    --image N         the image with this number, from 0, as `test` and `show` count them
    --data FOLDER     the dataset that image is in [default: Data]
    --set NAME        its set: test or training [default: test]
"""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from MNIST.commands.values import one_of, whole_number
from MNIST.errors import ModelError, UsageError, quoted
from MNIST.files import write_atomically
from MNIST.language import needs_engine
from MNIST.paths import checked_name

LONGEST_NAME = 64  # of a file that is written, of what comes from the picture's own


def run(options: Mapping[str, Any]) -> int:
    """Explain one answer."""
    name = checked_name(options["<model-name>"], "model name")
    of_set = one_of(options["--set"], "--set", ("test", "training"))
    wanted = None if options["--image"] is None else whole_number(options["--image"], "--image", lowest=0)

    from MNIST import training
    from MNIST.report.explaining.page import explanation_page
    from MNIST.report.explaining.picture import explanation_png

    record = training.read_record(name)  # whether there is such a network is quickly told
    if wanted is None:
        file, subject, image, label = _from_file(Path(options["<image-file>"]))
    else:
        file, subject, image, label = _from_dataset(Path(options["--data"]), of_set, wanted, record)
    explained = explain(name, image, label, subject)
    folder = training.output_folder(name) / training.EXPLAINED
    write_atomically(folder / f"{file}.png", explanation_png(explained))
    write_atomically(folder / f"{file}.html", explanation_page(explained))
    print(f"{explained.network}: {subject}\n{explained.verdict}")
    print(f"Written: {folder / file}.png, and {file}.html beside it with every layer.")
    return 0


def explain(name: str, image: Any, label: int | None, subject: str) -> Any:
    """The explanation of a trained network's answer to an image, uint8 (28, 28).

    label: what it is, if that is known; subject: the image in words. Raises UsageError for a network that
    has no gradients, ModelError for one whose numbers grow beyond all bounds.
    """
    import numpy as np

    from MNIST import training
    from MNIST.data import class_names
    from MNIST.engines.scratch.inspection import Inspection
    from MNIST.report.explaining.explanation import Explanation

    model = training.load_trained(name)
    if needs_engine(model.spec):
        raise UsageError(
            f"{name} is one layer of Columns, which has no maps and no gradients: nothing explains its votes"
        )
    weights = model.engine.get_weights()
    model.engine.close()
    inspection = Inspection(model.spec, weights, (model.record.pixel_mean, model.record.pixel_deviation))
    with np.errstate(over="ignore", invalid="ignore"):
        outputs = inspection.layer_outputs(image[None])
        slopes = inspection.pixel_gradient(np.repeat(image[None], 10, axis=0), np.arange(10))
    if not all(np.isfinite(each).all() for each in (slopes, *(layer.output for layer in outputs))):
        raise ModelError(f"{name}: what its layers make of this image are not finite numbers")
    return Explanation(
        network=name,
        subject=subject,
        image=image,
        label=label,
        names=class_names(model.record.dataset),
        probabilities=training.softmax(outputs[-1].output)[0],
        slopes=slopes,
        layers=_views(model.spec, weights, outputs),
    )


def _views(spec: Any, weights: Mapping[str, Any], outputs: Sequence[Any]) -> tuple[Any, ...]:
    """The layers of the outermost level, those of each block inside it."""
    from MNIST.language import Conv, lay_out, statement_text
    from MNIST.report.explaining.explanation import LayerView

    written = {node.path: node.layer for node in lay_out(spec).walk()}  # with the softmax at the end
    inside: dict[str, list[LayerView]] = {}
    for each in outputs:  # a block comes after the layers in it
        path = each.node.path
        layer = written[path]
        block = re.sub(r"\.path_\d+$", "", path.rpartition(".")[0])
        view = LayerView(
            statement_text(layer, defaults=False),
            type(layer).__name__,
            each.output[0],
            weights[f"{path}/kernel"] if isinstance(layer, Conv) else None,
            tuple(inside.pop(path, ())),
        )
        inside.setdefault(block, []).append(view)
    return tuple(inside[""])


def _from_dataset(folder: Path, of_set: str, number: int, record: Any) -> tuple[str, str, Any, int]:
    """The name of what is written, the image in words, the image, and its label.

    Raises UsageError if the network of that record knows other classes.
    """
    from MNIST.data import class_names, load

    dataset = load(folder)
    if class_names(dataset.name) != class_names(record.dataset):
        raise UsageError(
            f"{folder} has {dataset.name}, and this network was trained on {record.dataset}, which has other"
            " classes: say with --data where its images are"
        )
    images, labels = {
        "test": (dataset.test_images, dataset.test_labels),
        "training": (dataset.train_images, dataset.train_labels),
    }[of_set]
    if number >= len(images):
        raise UsageError(
            f"--image {number}: the {of_set} set has {len(images):,} images, 0 to {len(images) - 1:,}"
        )
    subject = f"image {number:,} of the {of_set} set of {dataset.name}"
    return f"{of_set}_{number}", subject, images[number], int(labels[number])


def _from_file(file: Path) -> tuple[str, str, Any, None]:
    """The same of a file with a picture, brought to MNIST's form; nobody says what it is."""
    from MNIST.data import like_mnist, read_picture
    from MNIST.report.testing.predictions import printable

    prepared = like_mnist(read_picture(file))
    name = printable(file.name)
    for warning in prepared.warnings:
        print(f"{name}: {warning}", file=sys.stderr)
    stem = re.sub(r"[^A-Za-z0-9_-]", "_", file.stem)[:LONGEST_NAME]
    return f"file_{stem}", f"the picture {quoted(name)}", prepared.image, None
