// What `check` shows of a model: the table of its layers, and how it is trained.

import { statementText } from "./grammar.js";
import { countFlops, countParameters, nodesAsWritten, ownFlops, walk } from "./network.js";
import { general, hundredths, product, sum, thousands } from "./numbers.js";
import { language } from "./table.js";

/**
 * The table and the lines below it, all as texts, as `check` writes them:
 *
 * rows: [{line, layer, output, parameters, flops, operations, depth, path}], the first one for the input. line: its
 * number, null for the input. operations: a number; flops says it in millions. depth: how many blocks are around the
 * layer. path: as in a node; null for the input. layers, parameters, flops: the last row. training: the lines below the
 * table, settings with their usual value left out.
 */
export function checkRows(spec) {
  const nodes = nodesAsWritten(spec);
  const steps = spec.input.map((step) => statementText(step)).join(", ");
  const output = shapeText(nodes[0].inputShape);
  const input = { line: null, layer: steps, output, parameters: "", flops: "", operations: 0 };
  const leaves = [...walk(nodes)].filter((node) => !node.children.length).length;
  return {
    rows: [{ ...input, depth: 0, path: null }, ...nodes.flatMap((node) => rowsOf(node, 0))],
    layers: counted(leaves, "layer"),
    parameters: thousands(countParameters(nodes)),
    flops: millions(countFlops(nodes)),
    training: [...trainingLines(spec)],
  };
}

/** The row of a node; then the rows of the nodes inside it. */
function rowsOf(node, depth) {
  const parameters = sum(node.parameters.map(({ shape }) => product(shape)));
  const row = {
    line: node.layer.line?.number ?? null,
    layer: statementText(node.layer, { defaults: false }),
    output: shapeText(node.outputShape),
    parameters: parameters ? thousands(parameters) : "",
    flops: millions(ownFlops(node)),
    operations: Number(ownFlops(node)),
    depth,
    path: node.path,
  };
  return [row, ...node.children.flatMap((child) => rowsOf(child, depth + 1))];
}

/** How the network is trained. */
function* trainingLines(spec) {
  const shortly = (value) => statementText(value, { defaults: false });
  yield `optimizer  ${shortly(spec.optimizer)}`;
  yield `training   ${counted(spec.epochs, "epoch")}, ${counted(spec.batch_size, "image")} a batch`;
  if (spec.label_smoothing) {
    yield `smoothing  ${general(spec.label_smoothing)} of each label, spread over all classes`;
  }
  if (spec.schedule.kind !== language().constant) yield `schedule   ${shortly(spec.schedule)}`;
  if (spec.augment.length) yield `augment    ${spec.augment.map((each) => statementText(each)).join("; ")}`;
  if (spec.stop) yield `stop       ${shortly(spec.stop).split(",").slice(1).join(", ")}`;
  for (const remark of remarks(spec)) yield `remark     ${remark}`;
}

/** What is allowed and probably not meant. */
function* remarks({ schedule, stop, augment }) {
  const isPlateau = schedule.kind === "Plateau" && stop !== null && stop.patience !== null;
  if (isPlateau && stop.patience <= schedule.patience && stop.monitor === schedule.monitor) {
    const only = `lowers the rate only after a gain of at most ${general(schedule.delta)}`;
    const what = schedule.delta ? only : "never lowers the rate";
    const after = counted(stop.patience, "epoch");
    yield `Plateau ${what}: \`Stop:\` ends the training ${after} after the best one`;
  }
  if (augment.some((each) => each.kind === "Rotate" && each.degrees > 90)) {
    yield "Rotate turns some images upside down, and a 6 upside down is a 9";
  }
}

function shapeText(shape) {
  return shape.join("×");
}

/** Millions of operations as a text; "" for none. */
export function millions(flops) {
  if (!flops) return "";
  return flops < 10_000 ? "<0.01" : hundredths(Number(flops) / 1e6);
}

function counted(count, noun) {
  return `${thousands(count)} ${noun}${count === 1 ? "" : "s"}`;
}
