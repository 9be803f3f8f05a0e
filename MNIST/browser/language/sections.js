// The sections of a model file: from their lines to fields of a spec, and back.

import { statementText } from "./grammar.js";
import { readLayers, writeLayers } from "./layer_section.js";
import { readLine } from "./names.js";
import { language } from "./table.js";
import {
  readAugment,
  readOptimizer,
  readSchedule,
  readStop,
  writeAugment,
  writeOptimizer,
  writeSchedule,
  writeStop,
} from "./training_sections.js";

/**
 * How each section is read and written, in the order of the canonical text; one is the inverse of the other.
 *
 * read: takes the section's head and its lines, notes mistakes, and returns fields of a spec. A field that is
 * wrong or still open is null; among the layers, only the layer in question is.
 * write: returns the lines of a spec, with all defaults; none if the spec has nothing in this section.
 */
export const SECTIONS = {
  Input: { read: readInput, write: writeInput },
  Layers: { read: readLayers, write: writeLayers },
  Optimizer: { read: readOptimizer, write: writeOptimizer },
  Schedule: { read: readSchedule, write: writeSchedule },
  Augment: { read: readAugment, write: writeAugment },
  Stop: { read: readStop, write: writeStop },
};

/** `Input:`: Scale, Standardize, both in this order, or Threshold by itself. */
function readInput(head, lines, problems) {
  const names = [...language().inputs.keys()].join(", ");
  if (!lines.length) problems.add(head.line, `an empty section: it takes ${names}, or leave it out`);
  const steps = lines.map((line) => inputStep(line, problems));
  if (steps.includes(null) || !steps.length) return { input: null };
  const kinds = steps.map((step) => step.kind);
  if (steps.length > 1 && kinds.join() !== "Scale,Standardize") {
    const allowed = "Scale, Standardize, both in this order, or Threshold by itself";
    const given = kinds.slice(0, 5).join(" and ");
    problems.add(lines[1].line, `${given} do not go together; there may be ${allowed}`);
  }
  return { input: steps };
}

/** The lines of `Input:`. */
function writeInput(spec) {
  return spec.input.map((step) => statementText(step));
}

/** The input step of a line; null if it is wrong or still open. */
function inputStep(statement, problems) {
  const step = readLine(language().inputs, "input step", statement, problems);
  const levels = step?.levels ?? [];
  if (levels.some((level, place) => place > 0 && levels[place - 1] >= level)) {
    problems.add(statement.line, "levels: expected each to be above the one before it");
  }
  return step;
}
