"""Read model files: a table of layers with shapes, parameters and cost, or every mistake.

Usage:
    python MNIST check <model-description-file>... [--data DIR] [--json]
    python MNIST check --help

Nothing is trained, and no data is needed. MFLOPs are for the forward pass of one image: two operations for
each multiply-add of a convolution or a dense layer. For a template, it shows the placeholders and their
values. `draw` draws the same network as a picture.

Arguments:
    <model-description-file>    a name, as optimized_model, or a path

Options:
    --data DIR                  check that each network has an output for each class of this dataset;
                                without it, {classes} stands for 10
    --json                      print it as JSON, for other programs: the layers of each file, or its mistakes
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from MNIST.errors import UsageError, quoted
from MNIST.language import (
    CONSTANT,
    ModelSpec,
    Node,
    Plateau,
    Rotate,
    Stop,
    Template,
    asks_for_classes,
    count_flops,
    count_parameters,
    fill_classes,
    nodes_as_written,
    parse_template,
    read_text,
    statement_text,
)
from MNIST.language.errors import dotted
from MNIST.output import print_json
from MNIST.paths import find_model_file, has_data
from MNIST.program import as_typed, program
from MNIST.words import DIGITS, counted

Row = tuple[str, str, str, str, str]

HEADINGS: Row = ("line", "layer", "output", "parameters", "MFLOPs")
NARROWEST = 16  # columns for the layers in the narrowest terminal
WIDEST_VALUES = 30  # columns for the values of a placeholder, at most


def run(options: Mapping[str, Any]) -> int:
    """Describe each file; in the end, raise UsageError with all mistakes of the files that are wrong."""
    width = _terminal_width()
    data, classes = options["--data"], None
    if data is not None:
        from MNIST.data import class_count

        classes = class_count(_dataset_folder(data))
    if options["--json"]:
        return _print_json(options["<model-description-file>"], classes)
    errors = []
    for place, description in enumerate(options["<model-description-file>"]):
        try:
            lines = list(describe_file(find_model_file(description), width, classes))
        except UsageError as error:
            errors.append(str(error))
        else:
            print(*[""] * bool(place), *lines, sep="\n")
    if errors:
        sys.stdout.flush()  # the tables come first, even if both go to one file
        raise UsageError("\n\n".join(errors))
    return 0


def _print_json(descriptions: Sequence[str], classes: int | None) -> int:
    from MNIST.commands.check_json import described

    files = [described(description, classes) for description in descriptions]
    print_json({"files": files})
    return UsageError.exit_code if any(file["problems"] for file in files) else 0


def checked_template(text: str, path: Path, classes: int | None) -> Template:
    """Parse the text of a model file or of a template, whose values are checked too.

    classes: how many the dataset has; None if there is no dataset. Raises SpecError with every mistake in it.
    """
    template = parse_template(text if classes else fill_classes(text, len(DIGITS)), str(path), classes)
    template.check_values()
    return template


def describe_file(path: Path, width: int | None = None, classes: int | None = None) -> Iterator[str]:
    """The lines that describe a model file or a template, at most `width` columns wide where possible.

    classes: how many the dataset has; None if there is no dataset. Raises SpecError with every mistake in it.
    """
    text = read_text(path)
    template = checked_template(text, path, classes)
    about = _about_template(template) if template.names else _about_model(template.fill({}), width)
    yield from (str(path), "", *("  " + line if line else "" for line in about))
    if asks_for_classes(text):
        without = f"{len(DIGITS)}, as of digits; --data DIR takes those of a dataset"
        yield f"  {{classes}}  {classes or without}"


def _about_model(spec: ModelSpec, width: int | None) -> Iterator[str]:
    """The table of layers, then how the network is trained; settings with their usual value are left out."""
    yield from _table(spec, width)
    yield ""
    yield f"optimizer  {statement_text(spec.optimizer, defaults=False)}"
    yield f"training   {counted(spec.epochs, 'epoch')}, {counted(spec.batch_size, 'image')} a batch"
    if spec.label_smoothing:
        yield f"smoothing  {spec.label_smoothing:g} of each label, spread over all classes"
    if spec.schedule != CONSTANT:
        yield f"schedule   {statement_text(spec.schedule, defaults=False)}"
    if spec.augment:
        yield f"augment    {'; '.join(map(statement_text, spec.augment))}"
    if spec.stop:
        yield f"stop       {', '.join(statement_text(spec.stop, defaults=False).split(',')[1:])}"
    yield from (f"remark     {remark}" for remark in remarks(spec))


def remarks(spec: ModelSpec) -> Iterator[str]:
    """What is allowed and probably not meant."""
    match spec.schedule, spec.stop:
        case Plateau(patience=before, monitor=one, delta=delta), Stop(patience=int(patience), monitor=other):
            if patience <= before and one == other:
                only = f"lowers the rate only after a gain of at most {delta:g}"
                what = only if delta else "never lowers the rate"
                after = counted(patience, "epoch")
                yield f"Plateau {what}: `Stop:` ends the training {after} after the best one"
    if any(isinstance(step, Rotate) and step.degrees > 90 for step in spec.augment):
        yield "Rotate turns some images upside down, and a 6 upside down is a 9"


def _about_template(template: Template) -> Iterator[str]:
    placeholders = counted(len(template.names), "placeholder")
    explore = f"{program()} explore Data NAME --template {as_typed(template.source)}"
    if any(axis.is_range for axis in template.axes):
        explore += " --design tpe"
    yield f"A template with {placeholders}; `{explore}` explores it."
    yield ""
    rows = [
        (f"{{{name}}}", dotted(_values(template, name)), dotted(_uses(template, name)))
        for name in template.all_names
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, values, uses in rows:
        yield f"{name:{widths[0]}}  {values:{widths[1]}}  {uses}"
    yield ""
    yield _grid_size(template)


def _values(template: Template, name: str) -> str:
    """The values that a placeholder takes, and the placeholders that change together with it."""
    axis = next((axis for axis in template.axes if name in axis.names), None)
    if axis is None:
        return "no values"
    values = axis.of(name)
    shown = ",".join(values)
    if len(shown) > WIDEST_VALUES:
        shown = f"{_shortened(values[0])},…,{_shortened(values[-1])} ({counted(len(values), 'value')})"
    others = ", ".join(f"{{{other}}}" for other in axis.names if other != name)
    return f"{shown} with {others}" if others else shown


def _uses(template: Template, name: str) -> str:
    """The numbers of the lines that contain a placeholder, and the text of the first of them."""
    lines = template.lines(name)
    if not lines:
        others = [f"{{{axis.names[0]}}}" for axis in template.axes if name in axis.inner_names]
        return f"in the values of {', '.join(others)}"
    numbers = ", ".join(str(line.number) for line in lines)
    return f"line{'s' * (len(lines) > 1)} {numbers}: {lines[0].text.split('#', 1)[0].strip()}"


def _grid_size(template: Template) -> str:
    lacking = template.without_values
    if lacking:
        names = ", ".join(f"{{{name}}}" for name in lacking)
        return f"{names}: no values; give them below `Explore:`, or by `--set {lacking[0]}=…`"
    if template.points is None:
        return "A range has more values than a grid can have: --design tpe chooses among them."
    return f"{counted(template.points, 'point')} in the whole grid"


def _table(spec: ModelSpec, width: int | None) -> Iterator[str]:
    """The layers of a network as they are written, aligned: text to the left, numbers to the right."""
    nodes = nodes_as_written(spec)
    steps = ", ".join(statement_text(step) for step in spec.input)
    rows: list[Row] = [("", steps, _shape(nodes[0].input_shape), "", "")]
    rows += (row for node in nodes for row in _rows(node, ""))
    layers = sum(1 for root in nodes for node in root.walk() if not node.children)
    size = f"{count_parameters(nodes):,}"
    total: Row = ("", counted(layers, "layer"), "", size, _mega(count_flops(nodes)))
    widths = [max(map(len, column)) for column in zip(HEADINGS, *rows, total, strict=True)]
    if width is not None:
        spare = width - sum(widths) - 2 * len(widths)
        widths[1] = max(NARROWEST, widths[1] + min(0, spare))
    rules: Row = tuple("─" * column for column in widths)  # type: ignore[assignment]
    for row in (HEADINGS, rules, *rows, rules, total):
        line, layer, output, parameters, mega = row
        layer = layer if len(layer) <= widths[1] else layer[: widths[1] - 1] + "…"
        yield (
            f"{line:>{widths[0]}}  {layer:{widths[1]}}  {output:{widths[2]}}"
            f"  {parameters:>{widths[3]}}  {mega:>{widths[4]}}"
        ).rstrip()


def _rows(node: Node, margin: str) -> Iterator[Row]:
    """The row of a node; then the rows of the nodes inside it, indented."""
    line = str(node.layer.line.number) if node.layer.line else ""
    parameters = sum(parameter.size for parameter in node.parameters)
    layer = margin + statement_text(node.layer, defaults=False)
    yield line, layer, _shape(node.output_shape), f"{parameters:,}" if parameters else "", _mega(node.flops)
    for child in node.children:
        yield from _rows(child, margin + "  ")


def _shortened(value: str) -> str:
    return value if len(value) <= WIDEST_VALUES // 3 else value[: WIDEST_VALUES // 3 - 1] + "…"


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _mega(flops: int) -> str:
    return "" if not flops else "<0.01" if flops < 10_000 else f"{flops / 1e6:,.2f}"


def _dataset_folder(text: str) -> Path:
    from MNIST.data.about import CLASSES_FILE

    folder = Path(text)
    if not folder.is_dir():
        raise UsageError(f"--data: there is no folder {quoted(text)}")
    if not has_data(folder) and not (folder / CLASSES_FILE).exists():
        raise UsageError(f"--data: {quoted(text)} has no dataset")
    return folder


def _terminal_width() -> int | None:
    """The width of the terminal in columns; None if it does not tell, or if the output goes elsewhere."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None
