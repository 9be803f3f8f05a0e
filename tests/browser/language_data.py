"""What Python makes of model files, as the plain data that the JavaScript makes of them."""

import dataclasses
import math
from typing import Any

from MNIST.language import (
    Layer,
    ModelSpec,
    Network,
    Node,
    SpecError,
    canonical_text,
    lay_out,
    nodes_as_written,
    parse_spec,
)
from MNIST.language.errors import Line, Problem
from MNIST.language.layer import Kept, Parameter


def answer(text: str, source: str, classes: int | None) -> dict[str, Any]:
    """What READ gives for a text: its spec, network and canonical text, or its mistakes."""
    try:
        spec = parse_spec(text, source, classes)
        network = lay_out(spec)
    except SpecError as error:
        problems = [_problem(problem) for problem in error.problems]
        return {"problems": problems, "message": str(error)}
    return {
        "spec": plain(spec),
        "text": canonical_text(spec),
        "written": [node_data(node) for node in nodes_as_written(spec)],
        "network": network_data(network),
        "simple": canonical_text(network.spec),
        "logits": [[plain(node.layer), node.path] for node in network.to_logits()],
    }


# JavaScript: the same for many texts, as JSON.
READ = """(cases) => JSON.stringify(cases.map(([text, source, classes]) => {
    try {
        const spec = parseSpec(text, { source, classes });
        const network = layOut(spec);
        const logits = toLogits(network).map(({ layer, path }) => [layer, path]);
        return { spec, text: canonicalText(spec), written: nodesAsWritten(spec), network,
                 simple: canonicalText(network.spec), logits };
    } catch (error) {
        if (!(error instanceof SpecError)) throw error;
        const problems = error.problems.map((problem) => ({ ...problem, text: problem.text.slice(0, 1000) }));
        return { problems, message: error.message };
    }
}))"""


def plain(value: Any) -> Any:
    """A value of the language as JSON: a dataclass as its fields, with its name as `kind`."""
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if not dataclasses.is_dataclass(value):
        return value
    fields = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return fields if isinstance(value, Line | ModelSpec) else {"kind": type(value).__name__, **fields}


def network_data(network: Network) -> dict[str, Any]:
    return {
        "spec": plain(network.spec),
        "nodes": [node_data(node) for node in network.nodes],
        "inputShape": [*network.input_shape],
        "classes": network.classes,
        "parameters": network.parameters,
        "flops": float(network.flops),
        "followsGradients": network.spec.optimizer.follows_gradients,
    }


def node_data(node: Node) -> dict[str, Any]:
    layer: Layer = node.layer
    draws = layer.draws
    return {
        "layer": plain(layer),
        "path": node.path,
        "inputShape": [*node.input_shape],
        "outputShape": [*node.output_shape],
        "parameters": [_parameter(parameter) for parameter in node.parameters],
        "flops": float(node.flops),
        "children": [node_data(child) for child in node.children],
        "projectionStride": node.projection_stride,
        "margins": node.margins._asdict(),
        "draws": draws and ({"kind": "kept", "rate": draws.rate} if isinstance(draws, Kept) else NORMAL),
        "passesThrough": layer.passes_through,
        "needsWholeBatch": layer.needs_whole_batch,
        "workingValues": float(layer.working_values(node.input_shape)),
    }


NORMAL = {"kind": "normal"}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    assert math.prod(parameter.shape) == parameter.size
    return {
        "name": parameter.name,
        "shape": [*parameter.shape],
        "init": parameter.init,
        "fanIn": parameter.fan_in,
        "fanOut": parameter.fan_out,
        "trainable": parameter.trainable,
        "map": [*parameter.map],
        "spread": parameter.spread,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    """A problem; of a long line, only the beginning, which a hundred problems of one file may repeat."""
    return {
        "line": problem.line,
        "column": problem.column,
        "length": problem.length,
        "message": problem.message,
        "source": problem.source,
        "text": problem.text[:1000],
    }
