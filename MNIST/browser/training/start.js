// How a training begins with the weights of a trained network, as in MNIST/training/start.py.

import { canonicalText, needsOf, simplify, walk } from "../language/language.js";
import { isOver } from "./stopping.js";

/**
 * Whether a training goes on where a trained network's training ended: both are the same run, with the same seed, split
 * and images; the network has no more epochs than are wanted; and its optimizer's state is there.
 */
export function goesOn(from, spec, { seed, split, images }) {
  const isSame = from.seed === seed && from.split === split && from.images === images;
  const isPart = from.history.length <= spec.epochs;
  return Boolean(from.state) && isSame && isPart && runText(from.spec) === runText(spec);
}

/**
 * Whether more epochs can be added to a trained network's run. A run that `Stop:` has ended stays as it is, and so does
 * one at the end of a schedule that needs its length: with more epochs, every rate would be another one.
 */
export function canGoOn({ state, spec, history }) {
  const isAtEnd = needsOf(spec).needsLength && history.length >= spec.epochs;
  return Boolean(state) && !isAtEnd && !isOver(spec.stop, history);
}

/** The text that two parts of one run have in common, as in MNIST/training/identity.py. */
function runText(spec) {
  const simple = simplify(spec);
  return canonicalText(needsOf(simple).needsLength ? simple : { ...simple, epochs: 1 });
}

/**
 * The weights of a trained network by the names that another network has for them.
 * Layers without weights may stand elsewhere in the two. Throws an Error, with the layer's line, if they do not fit.
 */
export function weightsFrom({ name, network: before, weights }, network) {
  const [olds, news] = [weightsOf(before), weightsOf(network)];
  if (olds.map(kind).join() === news.map(kind).join()) {
    return Object.fromEntries(news.map(({ key }, place) => [key, weights[olds[place].key]]));
  }
  const others = new Map(olds.map(({ key, shape }) => [key, shape]));
  for (const { key, shape, line } of news) {
    const found = others.get(key);
    others.delete(key);
    if (found?.join() === shape.join()) continue;
    const where = line ? `${line.source}, line ${line.number}: ` : "";
    const has = found ? `has ${size(found)}` : "has none";
    throw new Error(`${where}${key} takes ${size(shape)} weights, and ${name} ${has}`);
  }
  if (others.size) {
    const names = [...others.keys()].join(", ").slice(0, 200);
    throw new Error(`${name} has weights that this network has no layer for: ${names}`);
  }
  return weights;
}

/** The weights of a network: their keys and shapes in its order, and the lines of their layers. */
export function weightsOf(network) {
  return [...walk(network.nodes)].flatMap(({ path, layer, parameters }) =>
    parameters.map(({ name, shape }) => ({ key: `${path}/${name}`, shape, line: layer.line })),
  );
}

/** What two weights must have in common: their layers' types and their shapes, whatever the numbers. */
function kind({ key, shape }) {
  return `${key.replace(/_\d+/g, "")} ${shape.join("×")}`;
}

function size(shape) {
  return shape.join("×") || "a number";
}
