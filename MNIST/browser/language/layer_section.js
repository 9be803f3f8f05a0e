// `Layers:`: one layer on each line, blocks indented; from lines to layers and back.

import { bind, blockField, find, made, statementText } from "./grammar.js";
import { inOneSpelling } from "./layers.js";
import { nameIn } from "./names.js";
import { language } from "./table.js";
import { nameOf } from "./text.js";

const INDENT = "    ";

/** `Layers:`: one layer on each line; null in place of a layer that is wrong. */
export function readLayers(head, lines, problems) {
  if (!lines.length) {
    problems.add(head.line, "an empty section: the smallest network is Flatten, then Dense,10,softmax");
    return {};
  }
  const layers = lines.map((line) => layerOf(line, problems));
  checkPaths(null, lines, layers, problems);
  return { layers };
}

/** The lines of `Layers:`, blocks indented. */
export function writeLayers(spec) {
  return [...layerLines(spec.layers, "")];
}

/** The layer of a statement, with its block; null if it is wrong or still open. */
function layerOf(statement, problems) {
  const mistakes = problems.length;
  const { line } = statement;
  const { layers } = language();
  const name = nameIn(layers, "layer", statement, problems);
  const misplaced = name === null && find(nameOf(statement).text, language().headNames); // its lines are no layers
  const inside = misplaced ? [] : statement.block.map((child) => layerOf(child, problems));
  if (name === null) return null;
  const known = layers.get(name);
  if (known.block && !statement.opens) {
    problems.add(line, `${name} opens a block: end its line in a colon, and indent what is in it`);
  } else if (known.block && !inside.length) {
    problems.add(line, `${name} has nothing in it: indent its layers below it`);
  } else if (!known.block && statement.opens) {
    problems.add(line, `${name} opens no block: leave out the colon`);
  }
  checkPaths(known.type, statement.block, inside, problems);
  const values = bind(name, known, statement.words.slice(1), line, problems);
  if (values === null || inside.includes(null) || problems.length > mistakes) return null;
  const layer = { ...inOneSpelling(made(known, values)), line };
  if (known.block) layer[known.block] = inside;
  return layer;
}

/** The lines of consecutive layers; each block is below its head and indented. */
function* layerLines(layers, margin) {
  for (const layer of layers) {
    yield margin + statementText(layer);
    const block = blockField(layer);
    if (block) yield* layerLines(layer[block], margin + INDENT);
  }
}

/** Note a Path that is not directly below Parallel, and any other layer that is. */
function checkPaths(parent, lines, layers, problems) {
  layers.forEach((layer, place) => {
    if (layer === null) return;
    const { line } = lines[place];
    if (layer.kind === "Path" && parent !== "Parallel") {
      problems.add(line, "a path stands directly below 'Parallel:', and nowhere else");
    } else if (layer.kind !== "Path" && parent === "Parallel") {
      problems.add(line, `${layer.kind} does not stand directly below 'Parallel:'; put it into a 'Path:'`);
    }
  });
}
