"""What `check` tells of a model file, as JSON: its layers with their shapes and costs, or its mistakes."""

from collections.abc import Iterator
from typing import Any

from MNIST.commands.check import checked_template, remarks
from MNIST.errors import UsageError
from MNIST.language import (
    ModelSpec,
    Node,
    SpecError,
    Template,
    count_flops,
    count_parameters,
    nodes_as_written,
    read_text,
    statement_text,
)
from MNIST.language.errors import Problem
from MNIST.paths import find_model_file


def described(description: str, classes: int | None) -> dict[str, Any]:
    """What a model file has, or every mistake in it below "problems".

    description: its name or path. classes: how many the dataset has; None if there is no dataset.
    """
    try:
        path = find_model_file(description)
        template = checked_template(read_text(path), path, classes)
    except SpecError as error:
        return {"file": description, "problems": [*map(_problem, error.problems)]}
    except UsageError as error:
        return {"file": description, "problems": [{"line": None, "column": None, "message": str(error)}]}
    about = _template(template) if template.names else _model(template.fill({}))
    return {"file": str(path), "problems": [], **about}


def _problem(problem: Problem) -> dict[str, Any]:
    """A mistake. Lines and columns count from 1; null is the file as a whole."""
    return {
        "line": problem.line or None,
        "column": problem.column or None,
        "length": problem.length or None,
        "message": problem.message,
        "text": problem.text,
    }


def _model(spec: ModelSpec) -> dict[str, Any]:
    nodes = nodes_as_written(spec)
    return {
        "input": [statement_text(step) for step in spec.input],
        "input_shape": nodes[0].input_shape,
        "layers": [layer for node in nodes for layer in _layers(node, 0)],
        "parameters": count_parameters(nodes),
        "mflops": count_flops(nodes) / 1e6,
        "optimizer": statement_text(spec.optimizer, defaults=False),
        "epochs": spec.epochs,
        "batch_size": spec.batch_size,
        "label_smoothing": spec.label_smoothing,
        "schedule": statement_text(spec.schedule, defaults=False),
        "augment": [statement_text(step) for step in spec.augment],
        "stop": statement_text(spec.stop, defaults=False) if spec.stop else None,
        "remarks": [*remarks(spec)],
    }


def _layers(node: Node, depth: int) -> Iterator[dict[str, Any]]:
    """A layer, then those inside it. depth: in how many blocks it lies."""
    yield {
        "line": node.layer.line.number if node.layer.line else None,
        "text": statement_text(node.layer, defaults=False),
        "depth": depth,
        "output_shape": node.output_shape,
        "parameters": sum(parameter.size for parameter in node.parameters),
        "mflops": node.flops / 1e6,
    }
    for child in node.children:
        yield from _layers(child, depth + 1)


def _template(template: Template) -> dict[str, Any]:
    """The placeholders, the values of those that have some, and how many points the whole grid has."""
    values = {name: axis.of(name) for axis in template.axes for name in axis.names}
    return {
        "placeholders": [
            {
                "name": name,
                "values": values.get(name, []),
                "lines": [line.number for line in template.lines(name)],
            }
            for name in template.all_names
        ],
        "points": template.points,
    }
