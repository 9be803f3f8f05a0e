// From a spec to its network: every layer with its shapes, parameters and cost, Repeat expanded.
//
// This is arithmetic on shapes; nothing is built. It finds models that cannot work.
//
// node: one layer in its place in the network: {layer, path, inputShape, outputShape, parameters, flops, children,
// projectionStride, margins, draws, passesThrough, needsWholeBatch, workingValues}. path: unique, the layer's kind
// and its place among its siblings, from 1, after the path of the block around it: `conv_1`, `residual_3.conv_1`.
// parameters, flops: its own, without those of its children. children: a Residual's layers, a Parallel's paths, a
// Path's layers. projectionStride: the stride of a Residual's "projection", null for other nodes.

import { simplify } from "./canonical.js";
import { Problems } from "./errors.js";
import { blockField } from "./grammar.js";
import { ask, described, joined, kernel, projectionStride, ShapeError } from "./layers.js";
import { product, sum, thousands } from "./numbers.js";
import { followsGradients, language } from "./table.js";

/**
 * The network that a spec describes: {spec, nodes, inputShape, classes, parameters, flops, followsGradients};
 * spec is simplified, and the nodes are those of its layers.
 * Throws SpecError, with the line of every layer that cannot work and the shapes that do not fit.
 */
export function layOut(spec) {
  const written = nodesAsWritten(spec);
  const simple = simplify(spec);
  const nodes = areSame(simple.layers, spec.layers) ? written : nodesAsWritten(simple);
  return {
    spec: simple,
    nodes,
    inputShape: inputShape(simple.input),
    classes: nodes.at(-1).outputShape[0],
    parameters: countParameters(nodes),
    flops: Number(countFlops(nodes)),
    followsGradients: followsGradients(simple.optimizer),
  };
}

/**
 * The nodes of all layers of a spec, including those that change nothing.
 * Throws SpecError, with the line of every layer that cannot work and the shapes that do not fit.
 */
export function nodesAsWritten(spec) {
  const problems = new Problems();
  const nodes = layOutLayers(spec.layers, inputShape(spec.input), problems);
  if (nodes !== null) {
    checkEnding(spec.layers, spec.input, nodes, problems);
    checkRule(spec.layers, spec.optimizer, problems);
  }
  problems.raiseAny();
  return nodes;
}

/** All nodes, depth first, in the order of the file; a block before its children. */
export function* walk(nodes) {
  for (const node of nodes) {
    yield node;
    yield* walk(node.children);
  }
}

/** The nodes up to the logits. The loss applies the softmax that makes probabilities of them. */
export function toLogits({ nodes }) {
  const last = nodes.at(-1);
  const body = nodes.slice(0, -1);
  if (last.layer.kind === "Dense") return [...body, { ...last, layer: { ...last.layer, activation: "linear" } }];
  return last.layer.kind === "Columns" ? nodes : body;
}

/** How many numbers the parameters of some nodes, and of the nodes in their blocks, have. */
export function countParameters(nodes) {
  return sum([...walk(nodes)].flatMap((node) => node.parameters.map(({ shape }) => product(shape))));
}

/** The flops of some nodes and of the nodes in their blocks; a BigInt if they are too many for a number. */
export function countFlops(nodes) {
  return sum(Array.from(walk(nodes), ownFlops));
}

/** The flops of a node without its children; a BigInt if they are too many for a number. */
export function ownFlops({ layer, inputShape, outputShape, projectionStride }) {
  if (projectionStride === null) return ask(layer, "flops", inputShape);
  return product([2, ...outputShape, inputShape.at(-1)]);
}

/** The shape [28, 28, channels] of an image after the steps of `Input:`. */
export function inputShape(steps) {
  const { side } = language().limits;
  return [side, side, steps.at(-1)?.levels?.length ?? 1];
}

/** The nodes of a network's layers; null if one of them cannot work (the problem is noted). */
export function layOutLayers(layers, shape, problems) {
  const mistakes = problems.length;
  const most = language().limits.layers;
  let count = 0;
  for (const layer of layers) {
    count += countLayers(layer);
    if (count > most) {
      const message = `up to here the network has more than the ${thousands(most)} layers that are allowed`;
      note(problems, layer, "", message);
      return null;
    }
  }
  checkSoftmax(layers, true, problems);
  checkAlone(layers, problems);
  if (problems.length > mistakes && columnsIn(layers).length) return null; // its neighbours' messages would mislead
  const { nodes } = new Layout(problems).sequence(layers, shape, "");
  return problems.length === mistakes ? nodes : null;
}

/**
 * Note a network that does not end in softmax over the classes, or Columns that see no binary maps.
 * classes: how many classes the dataset has; null if there is no dataset.
 */
export function checkEnding(layers, steps, nodes, problems, classes = null) {
  if (!nodes.length) {
    note(problems, layers.at(-1), "", "there is no layer: all of them are repeated 0 times");
    return;
  }
  const { path, outputShape } = nodes.at(-1);
  const [columns] = columnsIn(layers);
  if (columns) {
    checkVotes(columns, steps, path, problems, classes);
    return; // its votes take the place of softmax
  }
  const last = lastOf(layers);
  const { fewestClasses, mostClasses } = language().limits;
  const [units] = outputShape;
  const isAllowed = outputShape.length === 1 && fewestClasses <= units && units <= mostClasses;
  const wanted = classes === null ? "{classes}" : `${classes}`;
  if (!isAllowed || (classes !== null && classes !== units)) {
    const anyData = `a dataset has ${fewestClasses} to ${thousands(mostClasses)} classes`;
    const there = classes === null ? anyData : `this dataset has ${thousands(classes)} classes`;
    const message = `the network ends in ${described(outputShape)}, and ${there}`;
    note(problems, last, path, `${message}; let it end in Dense,${wanted},softmax`);
  } else if (!(ask(last, "isSoftmax") && (last.kind === "Dense" || last.kind === "Activation"))) {
    const message = "the network must end in softmax, which makes probabilities of its numbers";
    note(problems, last, path, `${message}: Dense,${wanted},softmax`);
  }
}

/** Note Columns that see no binary maps, or that vote for another number of classes than the dataset has. */
function checkVotes(columns, steps, path, problems, classes) {
  if (!steps.some((step) => step.kind === "Threshold")) {
    const message = "Columns sums binary pixels: let 'Input:' have a line such as 'Threshold,1,64,128,192'";
    note(problems, columns, path, message);
  }
  if (classes !== null && classes !== columns.classes) {
    const votes = `Columns votes for ${thousands(columns.classes)} classes`;
    note(problems, columns, path, `${votes}, and this dataset has ${thousands(classes)}; write classes=${classes}`);
  }
}

/**
 * Note a network that its optimizer cannot train: Columns has a learning rule of its own, and LeastSquares computes
 * a last layer that is Dense.
 */
export function checkRule(layers, optimizer, problems) {
  const isColumns = layers[0].kind === "Columns";
  const isRule = optimizer.kind === "ParallelDelta";
  let message = "";
  if (isColumns && !isRule) message = `${optimizer.kind} cannot train Columns; its rule is 'ParallelDelta,0.05'`;
  else if (isRule && !isColumns) {
    message =
      "ParallelDelta is the learning rule of Columns, and these layers learn by gradients; " +
      "take an optimizer such as 'Adam,0.001'";
  } else if (optimizer.kind === "LeastSquares" && present(layers).length && lastOf(layers).kind !== "Dense") {
    message = "LeastSquares computes the last layer: let the network end in Dense with softmax, in one line";
  }
  const where = optimizer.line ?? { source: optimizer.kind, number: 0, text: "" };
  if (message) problems.add(where, message);
}

/** The last layer, inside any Repeat. At least one layer is there. */
function lastOf(layers) {
  const last = present(layers).at(-1);
  return last.kind === "Repeat" ? lastOf(last.layers) : last;
}

/** Lays out layers one after another, keeping count of the network's parameters. */
class Layout {
  constructor(problems) {
    this.problems = problems;
    this.parameters = 0;
  }

  /** The nodes of consecutive layers, and their output shape, which is null if a layer cannot work. */
  sequence(layers, shape, prefix) {
    const nodes = [];
    for (const layer of expanded(layers)) {
      const node = this.node(layer, shape, `${prefix}${layer.kind.toLowerCase()}_${nodes.length + 1}`);
      if (node === null) return { nodes, shape: null };
      nodes.push(node);
      shape = node.outputShape;
    }
    return { nodes, shape };
  }

  /** The node of one layer; null, with the reason noted, if it cannot work. */
  node(layer, shape, path) {
    try {
      const node = this.laidOut(layer, shape, path);
      if (node !== null) this.checkSize(node);
      return node;
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      note(this.problems, layer, path, `${layer.kind}: ${error.message}`);
      return null;
    }
  }

  laidOut(layer, shape, path) {
    if (layer.kind === "Residual") return this.residual(layer, shape, path);
    if (layer.kind === "Parallel") return this.parallel(layer, shape, path);
    if (layer.kind === "Path") {
      const inner = this.sequence(layer.layers, shape, `${path}.`);
      return inner.shape && nodeOf(layer, path, shape, inner.shape, { children: inner.nodes });
    }
    const outputShape = ask(layer, "outputShape", shape);
    return nodeOf(layer, path, shape, outputShape, { parameters: ask(layer, "parameters", shape) });
  }

  /** The node of a Residual, with its projection if it needs one. */
  residual(layer, shape, path) {
    const inner = this.sequence(layer.layers, shape, `${path}.`);
    if (inner.shape === null) return null;
    const stride = projectionStride(shape, inner.shape);
    const size = [1, 1, shape.at(-1), inner.shape.at(-1)];
    const parameters = stride === null ? [] : [kernel("projection", size, "glorot_uniform")];
    const more = { children: inner.nodes, projectionStride: stride, parameters };
    return nodeOf(layer, path, shape, inner.shape, more);
  }

  /** The node of a Parallel; every path is tried, so that the mistakes of all are reported. */
  parallel(layer, shape, path) {
    const children = layer.paths.map((way, place) => this.node(way, shape, `${path}.path_${place + 1}`));
    if (children.includes(null)) return null;
    return nodeOf(layer, path, shape, joined(children.map((way) => way.outputShape)), { children });
  }

  /** Throw ShapeError if the network grows beyond its limits. */
  checkSize({ parameters, outputShape }) {
    const most = language().limits;
    this.parameters = sum([this.parameters, ...parameters.map(({ shape }) => product(shape))]);
    if (this.parameters > most.parameters) {
      const message = `up to here the network has ${thousands(this.parameters)} parameters`;
      throw new ShapeError(`${message}; at most ${thousands(most.parameters)} are allowed`);
    }
    if (product(outputShape) > most.values) {
      const message = `it makes ${described(outputShape)}`;
      throw new ShapeError(`${message}; at most ${thousands(most.values)} values are allowed`);
    }
  }
}

/** A node with what its layer says about itself. */
function nodeOf(layer, path, inputShape, outputShape, { parameters = [], children = [], projectionStride = null }) {
  return {
    layer,
    path,
    inputShape,
    outputShape,
    parameters,
    flops: Number(ownFlops({ layer, inputShape, outputShape, projectionStride })),
    children,
    projectionStride,
    margins: ask(layer, "margins", inputShape),
    draws: ask(layer, "draws"),
    passesThrough: language().layers.get(layer.kind).passesThrough,
    needsWholeBatch: ask(layer, "needsWholeBatch"),
    workingValues: Number(ask(layer, "workingValues", inputShape)),
  };
}

/** The layers, with those of each Repeat in its place; a Repeat of nothing takes no time. */
function* expanded(layers) {
  for (const layer of layers) {
    if (layer.kind !== "Repeat") {
      yield layer;
      continue;
    }
    const inner = layer.times ? [...expanded(layer.layers)] : [];
    for (let time = 0; inner.length && time < layer.times; time += 1) yield* inner;
  }
}

/** How many layers one layer becomes when Repeat is expanded; it is counted without expanding. */
function countLayers(layer) {
  const count = insideOf(layer).reduce((total, each) => total + countLayers(each), 0);
  return layer.kind === "Repeat" ? layer.times * count : 1 + count;
}

/** The layers in a layer's block; none if it has none. */
function insideOf(layer) {
  return layer[blockField(layer)] ?? [];
}

/** The layers without any Repeat that expands to nothing. */
function present(layers) {
  return layers.filter(isThere);
}

function isThere(layer) {
  return layer.kind !== "Repeat" || (layer.times > 0 && layer.layers.some(isThere));
}

/** Note each softmax that is not the network's last step. atEnd: whether `layers` end the network. */
function checkSoftmax(layers, atEnd, problems) {
  const there = present(layers);
  there.forEach((layer, place) => {
    const isLast = atEnd && place === there.length - 1;
    if (ask(layer, "isSoftmax") && !isLast) {
      const message = "softmax makes probabilities of the classes: only the last layer has it";
      note(problems, layer, "", `${message}; use relu here, or let no layer follow`);
    }
    checkSoftmax(insideOf(layer), isLast && layer.kind === "Repeat" && layer.times === 1, problems);
  });
}

/** Note a Columns that is not the only layer. */
function checkAlone(layers, problems) {
  const [columns] = columnsIn(layers);
  if (columns && (layers.length > 1 || columns !== layers[0])) {
    const message = "Columns is a whole network, from the binary maps to the votes for the classes";
    note(problems, columns, "", `${message}: let it stand alone in 'Layers:'`);
  }
}

/** Every Columns among layers and in their blocks. */
function columnsIn(layers) {
  return layers.flatMap((layer) => (layer.kind === "Columns" ? [layer] : columnsIn(insideOf(layer))));
}

/** Whether two lists of layers are the same; those that `simplify` left alone are the same objects. */
function areSame(some, others) {
  return some.length === others.length && some.every((layer, place) => isSame(layer, others[place]));
}

function isSame(layer, other) {
  if (layer === other) return true;
  if (layer.kind !== other.kind) return false;
  if (layer.kind === "Activation") return layer.name === other.name;
  return blockField(layer) !== null && areSame(insideOf(layer), insideOf(other));
}

function note(problems, layer, path, message) {
  problems.add(layer.line ?? { source: path || layer.kind, number: 0, text: "" }, message);
}
