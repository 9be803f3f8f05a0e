// Help while a text is written: how a line can go on, and what a line takes. The text need not be right.

import { indentation, isSpace, part, size, strip, withoutComment } from "./characters.js";
import { find, write } from "./grammar.js";
import { language } from "./table.js";

/**
 * How the line could go on at a place: {from, to, options: [{text, help}]}.
 * line, place: from 1; the place in the line is a column, in characters. The options, which begin with what stands
 * before it in any case of letters, replace the columns from `from` up to and without `to`.
 */
export function completions(text, line, place) {
  const lines = linesOf(text, line);
  const written = lines[line - 1];
  const before = part(written, 0, place - 1);
  const column = size(before) + 1; // the line may end before the place
  const from = column - size(/[^,=]*$/.exec(before)[0].replace(/^\s+/, ""));
  if (before.includes("#")) return { from: column, to: column, options: [] };
  const to = column + size(/^\w*/.exec(part(written, column - 1))[0]);
  const begun = part(written, from - 1, column - 1).toLowerCase();
  const options = choicesAt(lines, line, before).filter((option) => option.text.toLowerCase().startsWith(begun));
  return { from, to, options };
}

/**
 * What a line takes: {name, usage, help, lesson, arguments: [{name, required, expects, default, help}]}; null if
 * it begins with no name of the language. default: as text, null if there is none.
 */
export function helpFor(text, line) {
  const lines = linesOf(text, line);
  const content = strip(withoutComment(lines[line - 1])).replace(/:$/, "");
  const word = strip(content.split(",")[0]);
  const section = sectionAt(lines, line);
  const head = headIn(lines[line - 1]);
  if (head !== null) return helpForSection(head);
  if (section === "Stop") return content ? helpForLine("Stop", language().stop) : null;
  const names = namesIn(section);
  const name = find(word, names.keys());
  if (name !== null) return helpForLine(name, names.get(name));
  const key = section === "Optimizer" ? settingAt(lines, line) : null;
  if (key !== null) return helpForSetting(key, language().settings.get(key));
  const isAdam = section === "Optimizer" && /^[-+.0-9]/.test(word) && isFirst(lines, line);
  return isAdam ? helpForLine("Adam", language().optimizers.get("Adam")) : null;
}

/** The options for a word; before: what stands before it on its line. */
function choicesAt(lines, line, before) {
  const words = before.split(",");
  const section = sectionAt(lines, line);
  const word = words.at(-1);
  const key = word.includes("=") ? strip(word.split("=")[0]).toLowerCase() : null;
  if (section === "Stop") return forArguments(language().stop, words, key);
  if (words.length === 1) {
    return key === null ? [...forNames(lines, line, section, before), ...forHeads(lines, line, before)] : [];
  }
  const names = namesIn(section);
  const name = find(strip(words[0]), names.keys());
  return name === null ? [] : forArguments(names.get(name), words.slice(1), key);
}

/** The names that a line of a section can begin with, and the settings of `Optimizer:`. */
function forNames(lines, line, section, before) {
  const names = [...namesIn(section)].filter(([name]) => {
    return section !== "Layers" || (name === "Path") === (blockAt(lines, line, before) === "Parallel");
  });
  const settings = section === "Optimizer" ? [...language().settings] : [];
  return [
    ...names.map(([name, known]) => ({ text: name, help: known.lesson || known.help })),
    ...settings.map(([key, { kind }]) => ({ text: `${key}=`, help: kind.expects })),
  ];
}

/** The sections that the text does not have yet; they begin at the left margin. */
function forHeads(lines, line, before) {
  if (isSpace(before, 0)) return [];
  const there = new Set(lines.filter((_, place) => place !== line - 1).map(headIn));
  const heads = [...language().heads].filter(([name]) => !there.has(name));
  return heads.map(([name, help]) => ({ text: `${name}:`, help }));
}

/** The values and keys that can follow. words: those after the name, the last one begun. key: of the last one. */
function forArguments(known, words, key) {
  const args = [...known.arguments.values()];
  if (key !== null) return forValues(known.arguments.get(key));
  const places = args.filter((argument) => argument.place !== "keyword");
  const given = new Set(words.slice(0, -1).map((word) => strip(word.split("=")[0]).toLowerCase()));
  const bare = words.slice(0, -1).filter((word) => !word.includes("="));
  places.slice(0, bare.length).forEach((argument) => given.add(argument.name));
  const values = bare.length === words.length - 1 ? forValues(places[bare.length]) : [];
  const keys = args.filter((argument) => argument.place !== "many" && !given.has(argument.name));
  const isNext = (argument) => argument.required && places.indexOf(argument) >= bare.length;
  return [
    ...values,
    ...keys.filter((argument) => !isNext(argument)).map((argument) => ({
      text: `${argument.name}=`,
      help: [argument.kind.expects, defaultText(argument), argument.help].filter(Boolean).join("; "),
    })),
  ];
}

function forValues(argument) {
  return argument ? [...argument.kind.words.keys()].map((text) => ({ text, help: argument.name })) : [];
}

function helpForLine(name, known) {
  const args = [...known.arguments.values()].map((argument) => ({
    name: argument.name,
    required: argument.required,
    expects: argument.kind.expects,
    default: argument.default === null ? null : write(argument.kind, argument.default),
    help: argument.help,
  }));
  return { name, usage: known.usage, help: known.help, lesson: known.lesson ?? "", arguments: args };
}

function helpForSetting(name, { kind, default: value, lesson }) {
  const help = `${kind.expects}${value === null ? "" : `; ${write(kind, value)} unless given`}`;
  return { name, usage: `${name}=…`, help, lesson, arguments: [] };
}

function helpForSection(name) {
  return { name, usage: `${name}:`, help: language().heads.get(name), lesson: "", arguments: [] };
}

function defaultText({ kind, default: value }) {
  return value === null ? "" : `${write(kind, value)} unless given`;
}

/** The lines that the language has in a section. */
function namesIn(section) {
  const { layers, inputs, optimizers, schedules, augmentations } = language();
  const names = { Layers: layers, Input: inputs, Optimizer: optimizers, Schedule: schedules, Augment: augmentations };
  return names[section] ?? new Map();
}

/** The section that a line belongs to: that of the last head above it; null if there is none. */
function sectionAt(lines, line) {
  for (let place = line - 2; place >= 0; place -= 1) {
    const head = headIn(lines[place]);
    if (head !== null) return head;
  }
  return null;
}

/** The section that a line at the left margin begins; null if it begins none. */
function headIn(line) {
  const content = withoutComment(line);
  if (isSpace(content, 0) || !strip(content).endsWith(":")) return null;
  return find(strip(strip(content).slice(0, -1)), language().headNames);
}

/** The setting that a line below `Optimizer:` gives, by its key or by its place; null if it gives none. */
function settingAt(lines, line) {
  const { settings } = language();
  let begin = line - 1;
  while (begin > 0 && headIn(lines[begin - 1]) === null) begin -= 1;
  let waiting = ["optimizer", ...[...settings.keys()].filter((key) => settings.get(key).number)];
  for (const written of lines.slice(begin, line - 1)) {
    const content = strip(withoutComment(written));
    if (content) waiting = waiting.filter((name) => name !== settingIn(content, waiting));
  }
  const key = settingIn(strip(withoutComment(lines[line - 1])), waiting);
  return key === "optimizer" ? null : key;
}

/** The setting that a line's key names; of a bare number, the first that the section still lacks. */
function settingIn(content, waiting) {
  if (!content.includes("=") || content.includes(",")) {
    return /^\d+$/.test(content) || waiting[0] === "optimizer" ? (waiting[0] ?? null) : null;
  }
  return find(strip(content.split("=")[0]), language().settings.keys());
}

/** Whether a line is the first of its section that says something. */
function isFirst(lines, line) {
  for (let place = line - 2; place >= 0 && headIn(lines[place]) === null; place -= 1) {
    if (strip(withoutComment(lines[place]))) return false;
  }
  return true;
}

/** The name that opens the block around a line, as the language spells it; null if there is none. */
function blockAt(lines, line, before) {
  const margin = indentation(before);
  for (let place = line - 2; place >= 0; place -= 1) {
    const content = withoutComment(lines[place]);
    if (!strip(content) || indentation(content) >= margin) continue;
    return find(strip(strip(content).split(/[,:]/)[0]), language().layers.keys());
  }
  return null;
}

/** The lines of a text; at least `count`. */
function linesOf(text, count) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  while (lines.length < count) lines.push("");
  return lines;
}
