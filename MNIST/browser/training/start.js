// How a training begins with the weights of a trained network, as in MNIST/training/start.py.

import { canonicalText, walk } from "../language/language.js";

/**
 * Whether a training goes on where a trained network's training ended: same text but for the number of epochs, same
 * seed, split and images; and its optimizer's state is there.
 */
export function goesOn(from, spec, { seed, split, images }) {
  const text = (each) => canonicalText({ ...each, epochs: 1 });
  const same = from.seed === seed && from.split === split && from.images === images;
  return Boolean(from.state) && same && text(from.spec) === text(spec);
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
