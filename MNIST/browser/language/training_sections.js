// The sections that say how a network is trained: `Optimizer:`, `Schedule:`, `Augment:`, `Stop:`.

import { firstWord, quoted } from "./characters.js";
import { bind, find, made, readValue, statementText, write } from "./grammar.js";
import { nameIn, readLine, refuseBlock } from "./names.js";
import { didYouMean } from "./similar.js";
import { followsGradients, language } from "./table.js";
import { keySpanOf, nameOf, spanOf } from "./text.js";

const IN_ORDER = "; without keys, the lines are the optimizer, the epochs and the batch size";

/** `Optimizer:`: the optimizer, the number of epochs, the batch size; the last two need no keys. */
export function readOptimizer(head, lines, problems) {
  const { settings } = language();
  const fields = {};
  const waiting = new Set(["optimizer", ...settings.keys()]);
  let smoothing = null;
  for (const [key, statement] of settingsOf(lines)) {
    const word = nameOf(statement);
    const { line } = statement;
    const hint = word.key === null && word.placeholder === null ? IN_ORDER : "";
    refuseBlock(statement, problems);
    if (key === null && word.isOpen) continue; // it may become a setting, or nothing
    if (key === null) {
      problems.add(line, `expected nothing after the optimizer, epochs and batch size${sectionHint(word)}`);
    } else if (key === "optimizer" && word.key === null) {
      fields.optimizer = optimizerOf(statement, problems);
    } else if (!settings.has(key)) {
      const keys = [...settings.keys()].map((name) => `${name}=`).join(" and ");
      const near = didYouMean(key, settings.keys(), "=") || `; this section has ${keys}`;
      problems.add(line, `unknown setting ${quoted(key)}${near}`, keySpanOf(word));
    } else if (!waiting.has(key)) {
      problems.add(line, `${key} is given twice`, keySpanOf(word));
    } else if (statement.words.length > 1) {
      problems.add(line, `${key} is one number${hint}`, spanOf(statement.words[1]));
    } else {
      const { field, kind } = settings.get(key);
      fields[field] = readValue(kind, key, word, line, problems, hint);
      if (field === "label_smoothing") smoothing = line;
    }
    waiting.delete(key);
  }
  const { optimizer } = fields;
  if (smoothing && optimizer && !followsGradients(optimizer)) {
    problems.add(smoothing, `${optimizer.kind} does not use the loss, which label_smoothing changes; leave it out`);
  }
  const lacking = [...waiting]
    .filter((key) => key === "optimizer" || settings.get(key).number)
    .map((key) => (key === "optimizer" ? "the optimizer, as in 'Adam,0.001'" : settings.get(key).lacking));
  if (lacking.length) problems.add(head.line, `this section lacks ${lacking.join("; ")}`);
  return fields;
}

/** A hint at the section in which a line below `Optimizer:` belongs; "" if it belongs in no other. */
function sectionHint(word) {
  const { elsewhere, headNames } = language();
  const name = find(firstWord(word.text), [...headNames, ...elsewhere.keys()]);
  if (name === null) return "";
  return `; a section begins at the left margin, in a line of its own: '${elsewhere.get(name) ?? name}:'`;
}

/** Each line of `Optimizer:` with the setting that its key or place names; null after the last place. */
function* settingsOf(lines) {
  const numbers = [...language().settings].filter(([, setting]) => setting.number).map(([key]) => key);
  const waiting = new Set(["optimizer", ...numbers]);
  for (const statement of lines) {
    const word = nameOf(statement);
    const [next = null] = waiting;
    const key = word.key === null ? next : word.key.toLowerCase();
    yield [key, statement];
    waiting.delete(key);
  }
}

/** The lines of `Optimizer:`, with keys for the numbers; an option that is 0 is left out. */
export function writeOptimizer(spec) {
  const shown = [...language().settings].filter(([, { number, field }]) => number || spec[field]);
  const lines = shown.map(([key, { field, kind }]) => `${key}=${write(kind, spec[field])}`);
  return [statementText(spec.optimizer), ...lines];
}

/** `Schedule:`: one line, how the learning rate changes. */
export function readSchedule(head, lines, problems) {
  const { schedules } = language();
  const read = lines.map((line) => readLine(schedules, "schedule", line, problems, argumentsOf(schedules)));
  if (!lines.length) {
    problems.add(head.line, `an empty section: it takes ${[...schedules.keys()].join(", ")}, or leave it out`);
  }
  if (lines.length > 1) problems.add(lines[1].line, "a second schedule: a training has one");
  return { schedule: read[0] ?? null };
}

/** The line of `Schedule:`; none for a constant rate. */
export function writeSchedule(spec) {
  return spec.schedule.kind === language().constant ? [] : [statementText(spec.schedule)];
}

/** `Augment:`: how the training images are changed, each kind at most once; the order has no effect. */
export function readAugment(head, lines, problems) {
  const { augmentations } = language();
  if (!lines.length) {
    problems.add(head.line, `an empty section: it takes ${[...augmentations.keys()].join(", ")}, or leave it out`);
  }
  const found = new Map();
  for (const line of lines) {
    const augmentation = readLine(augmentations, "augmentation", line, problems);
    if (augmentation === null) continue;
    if (found.has(augmentation.kind)) problems.add(line.line, `${augmentation.kind} is given twice`);
    found.set(augmentation.kind, augmentation);
  }
  return { augment: [...augmentations.values()].flatMap(({ type }) => found.get(type) ?? []) };
}

/** The lines of `Augment:`, none for images as they are. */
export function writeAugment(spec) {
  return spec.augment.map((augmentation) => statementText(augmentation));
}

/** `Stop:`: settings, one or several on a line. */
export function readStop(head, lines, problems) {
  const { stop } = language();
  const args = stop.arguments;
  const keys = [...args.keys()].map((name) => `${name}=`).join(", ");
  const values = new Map();
  let isOpen = false; // whether a placeholder may still become any setting
  for (const { line, words, ...statement } of lines) {
    refuseBlock({ line, ...statement }, problems);
    for (const word of words) {
      const key = (word.key ?? "").toLowerCase();
      if (word.isOpen && word.key === null) {
        isOpen = true;
      } else if (word.key === null) {
        const commas = word.text.includes("=") ? "; commas go between them" : "";
        problems.add(line, `expected a setting and its value: ${keys}${commas}`, spanOf(word));
      } else if (!args.has(key)) {
        const hint = didYouMean(key, args.keys(), "=") || `; this section has ${keys}`;
        problems.add(line, `unknown setting ${quoted(word.key)}${hint}`, keySpanOf(word));
      } else if (values.has(key)) {
        problems.add(line, `${key} is given twice`, keySpanOf(word));
      } else {
        values.set(key, readValue(args.get(key).kind, key, word, line, problems));
      }
    }
  }
  if (!isOpen && !values.has("patience") && !values.has("accuracy")) {
    problems.add(head.line, "this section lacks when to stop, as in 'patience=5' or 'accuracy=0.99'");
  }
  if (isOpen || [...values.values()].includes(null)) return { stop: null }; // wrong, or a placeholder that is still open
  return { stop: made(stop, Object.fromEntries(values)) };
}

/** The lines of `Stop:`, none for a training that goes on to its last epoch. */
export function writeStop(spec) {
  return spec.stop ? statementText(spec.stop).split(",").slice(1) : [];
}

/** The optimizer of a line: `Name,rate,…`, or `rate,decay` for Adam; null if it is wrong or still open. */
function optimizerOf(statement, problems) {
  const { optimizers, spellings } = language();
  const isNumber = /^[-+.0-9]/.test(nameOf(statement).text);
  const name = isNumber ? "Adam" : nameIn(optimizers, "optimizer", statement, problems);
  if (name === null) return null;
  const words = isNumber ? statement.words : statement.words.slice(1);
  const values = bind(name, optimizers.get(name), words, statement.line, problems, argumentsOf(optimizers));
  return values && { ...made(optimizers.get(name), { ...spellings.get(name), ...values }), line: statement.line };
}

/** The arguments of all lines together; a template may give an optimizer a key that only another one knows. */
function argumentsOf(names) {
  return new Map([...names.values()].flatMap((known) => [...known.arguments]));
}
