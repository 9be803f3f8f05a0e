// From the text of a model file to its spec: sections are told apart, then read and checked together.
//
// spec: {input, layers, optimizer, epochs, batch_size, label_smoothing, schedule, augment, stop}, plain data with
// the names of Python's fields; what a line makes has its type as `kind`.

import { readExplore } from "./axes.js";
import { quoted } from "./characters.js";
import { fillClasses } from "./classes.js";
import { Problems } from "./errors.js";
import { find, made } from "./grammar.js";
import { checkEnding, checkRule, inputShape, layOutLayers } from "./network.js";
import { SECTIONS } from "./sections.js";
import { nearest } from "./similar.js";
import { language } from "./table.js";
import { nameOf, readStatements, spanOf, walkStatements } from "./text.js";

/**
 * The spec that a model file's text describes; its layers fit together, from image to classes.
 *
 * source: what messages call the text. classes: how many the dataset has; the number takes the place of {classes},
 * and the network must end in as many. null if there is no dataset.
 * Throws SpecError with every mistake in it; a placeholder is one.
 */
export function parseSpec(text, { source = "<text>", classes = null } = {}) {
  const problems = new Problems();
  const { sections, explore } = readSections(fillClasses(text, classes), source, problems);
  const open = placeholders(sections);
  if (open.length) {
    const { line, word } = open[0]; // one message is enough
    const what = `a placeholder, ${quoted(word.text)}`;
    problems.add(line, `${what}: this file is a template, for \`explore\`, and no model yet`, spanOf(word));
  }
  if (explore) {
    const names = new Set(open.map(({ word }) => word.placeholder));
    readExplore(explore.head, explore.lines, [...names], problems);
  }
  const fields = readFields(sections, problems, classes);
  problems.raiseAny();
  return { ...defaults(), ...fields };
}

/** What a spec has if its text says nothing about it. */
function defaults() {
  const { inputs, schedules, constant, settings } = language();
  return {
    input: [made(inputs.values().next().value, {})],
    label_smoothing: settings.get("label_smoothing").default,
    schedule: made(schedules.get(constant), {}),
    augment: [],
    stop: null,
  };
}

/** The sections of a text that make the spec; and the section `Explore:`, undefined if there is none. */
function readSections(text, source, problems) {
  const statements = readStatements(text, source, problems);
  const file = { source, number: 0, text: "" };
  if (!statements.length) {
    problems.add(file, "there is nothing in it; a model has 'Layers:' and 'Optimizer:'");
    return { sections: new Map() };
  }
  const sections = sectionsOf(statements, problems);
  for (const name of language().required) {
    if (!sections.has(name)) problems.add(file, `there is no section '${name}:'`);
  }
  const explore = sections.get(language().explore);
  sections.delete(language().explore);
  return { sections, explore };
}

/** Every word that is a placeholder, with its line, in the order of the file. */
function placeholders(sections) {
  const found = [];
  for (const { lines } of sections.values()) {
    for (const root of lines) {
      for (const { line, words } of walkStatements(root)) {
        for (const word of words) if (word.placeholder !== null) found.push({ line, word });
      }
    }
  }
  return found;
}

/** The fields of a spec that sections give, incomplete after a mistake (noted) or a placeholder. */
function readFields(sections, problems, classes) {
  const fields = {};
  for (const [name, { head, lines }] of sections) Object.assign(fields, SECTIONS[name].read(head, lines, problems));
  checkLayers(fields, problems, classes);
  return fields;
}

/** Note layers that do not fit together, up to the first that is wrong or open. */
function checkLayers({ layers = [], input = [], optimizer }, problems, classes) {
  const known = layers.includes(null) ? layers.slice(0, layers.indexOf(null)) : layers;
  if (!known.length || input === null) return;
  const nodes = layOutLayers(known, inputShape(input), problems);
  if (nodes === null || known.length < layers.length) return;
  checkEnding(layers, input, nodes, problems, classes);
  if (optimizer) checkRule(layers, optimizer, problems);
}

/** The sections that statements make, in the order in which they begin: Map of {head, lines}. */
function sectionsOf(statements, problems) {
  const sections = new Map();
  let head = null;
  let lines = [];
  for (const statement of statements) {
    const name = sectionName(statement, problems);
    if (name) {
      head = statement;
      if (sections.has(name)) {
        problems.add(head.line, `a second section '${name}:'; put its lines into the first`);
      } else {
        sections.set(name, { head, lines: [] });
      }
      lines = sections.get(name).lines;
      for (const child of head.block) lines.push(child);
    } else if (head) {
      if (head.block.length) {
        problems.add(statement.line, "expected this line indented as those of its section above");
      }
      lines.push(statement);
    } else if (statement === statements[0]) {
      problems.add(statement.line, "expected the head of a section above this line, such as 'Layers:'");
    }
  }
  return sections;
}

/** The section that a line at the left margin begins, or null if it begins none. */
function sectionName(statement, problems) {
  const word = nameOf(statement);
  const { headNames } = language();
  if (statement.words.length > 1 || word.key !== null) return null;
  const name = find(word.text, headNames);
  if (name && !statement.opens) problems.add(statement.line, `the head of a section ends in a colon: '${name}:'`);
  if (name !== null || !statement.opens || isLine(word.text)) return name;
  const near = nearest(word.text, headNames, 0.7);
  if (near) {
    const message = `unknown section ${quoted(word.text)}; did you mean '${near}:'?`;
    problems.add(statement.line, message, spanOf(word));
  }
  return near;
}

/** Whether a name makes a line no head of a section, even if it opens a block. */
function isLine(name) {
  const { layers, inputs, optimizers, schedules, augmentations } = language();
  return [layers, inputs, optimizers, schedules, augmentations].some((names) => find(name, names.keys()) !== null);
}
