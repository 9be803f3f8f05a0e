// The arguments of a line: how words are matched with them as in a Python call, read by their kinds, and written.
//
// A line of the table is {type, arguments: Map of {name, place, kind, required, default}, block, usage, help}.

import { quoted } from "./characters.js";
import { shortest, thousands } from "./numbers.js";
import { didYouMean, nearest } from "./similar.js";
import { language } from "./table.js";
import { keySpanOf, spanOf } from "./text.js";

const WHOLE = /^[+-]?[0-9]{1,30}$/;
const REAL = /^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?$/i;

// What each kind makes of a text, undefined if it takes none such; and of a value.
export const KINDS = {
  whole: { read: readWhole, write: String },
  real: { read: readReal, write: shortest },
  choice: { read: readWord, write: String },
  flag: { read: readWord, write: (value) => (value ? "yes" : "no") },
};

function readWhole({ low, high, odd }, text) {
  const value = WHOLE.test(text) ? Number(text) + 0 : NaN; // -0 is 0
  return low <= value && value <= high && !(odd && value % 2 === 0) ? value : undefined;
}

function readReal({ low, high, above, below }, text) {
  const value = REAL.test(text) ? Number(text) + 0 : NaN;
  const inside = low <= value && value <= high && !(above && value === low) && !(below && value === high);
  return inside ? value : undefined;
}

function readWord({ words }, text) {
  return words.get(text.toLowerCase());
}

/** A value as text. */
export function write(kind, value) {
  return KINDS[kind.kind].write(value);
}

/**
 * The value of a word; null if it is wrong (the problem is noted) or a placeholder without a value.
 * hint: what else to say of a wrong value that looks like no other.
 */
export function readValue(kind, what, word, line, problems, hint = "") {
  if (word.isOpen || !word.text) return null; // text.js has noted an empty word
  const value = KINDS[kind.kind].read(kind, word.text);
  if (value !== undefined) return value;
  const near = nearest(word.text, kind.choices);
  const message = near
    ? `unknown ${what} ${quoted(word.text)}; did you mean '${near}'?`
    : `${what}: expected ${kind.expects}, found ${quoted(word.text)}${hint}`;
  problems.add(line, message, spanOf(word));
  return null;
}

/** `name` as `names` spells it, whatever its case; null if it is not there. */
export function find(name, names) {
  const lower = name.toLowerCase();
  for (const known of names) if (known.toLowerCase() === lower) return known;
  return null;
}

/** All lines of the language that make something of a type, such as "Conv". */
export function lineOfType(type) {
  const { layers, inputs, optimizers, schedules, augmentations, stop } = language();
  for (const lines of [layers, inputs, optimizers, schedules, augmentations]) {
    if (lines.get(type)?.type === type) return lines.get(type);
  }
  return stop;
}

/** The field that takes the block of a layer, such as "layers"; null if it has none. */
export function blockField(layer) {
  return language().layers.get(layer.kind).block;
}

/**
 * The values of a line's arguments, by field.
 * null if a value is wrong (the problem is noted) or a placeholder has no value yet. words: those after the name.
 * droppable: arguments that the line does not have, but whose keys may be given with a placeholder.
 */
export function bind(name, known, words, line, problems, droppable = new Map()) {
  const mistakes = problems.length;
  const values = {};
  for (const [argument, word] of matched(name, known, words, line, problems, droppable)) {
    const value = readValue(argument.kind, argument.name, word, line, problems);
    if (argument.place === "many") (values[argument.name] ??= []).push(value);
    else if (known.arguments.has(argument.name)) values[argument.name] = value;
  }
  if (problems.length > mistakes || words.some((word) => word.isOpen || !word.text)) return null;
  return values;
}

/** What a line makes: its type as `kind`, and the value of each argument, defaults filled in. */
export function made(known, values) {
  const fields = { kind: known.type };
  for (const argument of known.arguments.values()) {
    fields[argument.name] = argument.name in values ? values[argument.name] : argument.default;
  }
  return fields;
}

/** The line that makes `value`, such as a layer. defaults: whether default values are written. */
export function statementText(value, { defaults = true } = {}) {
  const words = [value.kind];
  const known = lineOfType(value.kind);
  for (const argument of known.arguments.values()) {
    const found = value[argument.name];
    const written = (one) => write(argument.kind, one);
    if (argument.place === "many") for (const one of found) words.push(written(one));
    else if (argument.required) words.push(written(found));
    else if (found !== null && (defaults || found !== argument.default)) {
      words.push(`${argument.name}=${written(found)}`);
    }
  }
  return words.join(",") + (known.block ? ":" : "");
}

/**
 * Each word with its argument, matched as in a Python call; notes wrong words and missing arguments.
 * If there are too few or too many positional values, all of them are left out: which is which is unknown.
 */
function matched(name, known, words, line, problems, droppable) {
  const args = known.arguments;
  const bare = words.filter((word) => word.key === null);
  const places = [...args.values()].filter((argument) => argument.place !== "keyword");
  if (places.at(-1)?.place === "many") while (places.length < bare.length) places.push(places.at(-1));
  const given = new Set(places.slice(0, bare.length).map((argument) => argument.name));
  const byKey = [];
  for (const [place, word] of words.entries()) {
    if (word.key === null) {
      if (place && words[place - 1].key !== null) {
        problems.add(line, "values without a key come before those with one", spanOf(word));
      }
      continue;
    }
    const key = word.key.toLowerCase();
    if (args.has(key) && args.get(key).place !== "many") {
      if (given.has(key)) problems.add(line, `${key} is given twice`, keySpanOf(word));
      byKey.push([args.get(key), word]);
      given.add(key);
    } else if (droppable.has(key) && word.placeholder) {
      byKey.push([droppable.get(key), word]);
    } else {
      problems.add(line, unknownKey(name, word.key, [...args.values()]), keySpanOf(word));
    }
  }
  const missing = [...args.values()].filter((argument) => argument.required && !given.has(argument.name));
  if (bare.length > places.length) {
    problems.add(line, wrongCount(name, places, bare.length), spanOf(bare[places.length]));
  } else if (missing.length && !byKey.some(([argument]) => argument.required)) {
    problems.add(line, wrongCount(name, places, bare.length));
  } else if (missing.length) {
    problems.add(line, `${name} lacks ${missing.map((argument) => argument.name).join(" and ")}`);
  } else {
    return [...bare.map((word, place) => [places[place], word]), ...byKey];
  }
  return byKey;
}

function wrongCount(name, places, found) {
  if (!places.length) return `${name} takes no values without a key`;
  const fewest = places.filter((place) => place.required).length;
  let count = fewest === places.length ? `${fewest}` : `${fewest} or ${places.length}`;
  if (places.at(-1).place === "many") count = `${fewest} or more`;
  const names = places.map((place) => place.name).join(", ");
  return `${name} takes ${count} ${count === "1" ? "value" : "values"} (${names}), found ${thousands(found)}`;
}

function unknownKey(name, key, args) {
  const known = args.filter(({ place }) => place !== "many").map((argument) => argument.name);
  const keys = known.map((each) => `${each}=`).join(", ");
  const hint = didYouMean(key, known, "=") || (keys ? `; it knows ${keys}` : "; it takes none");
  return `${name} has no key ${quoted(key)}${hint}`;
}
