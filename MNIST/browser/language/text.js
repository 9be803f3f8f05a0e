// From the text of a model file to its statements: lines, words and indented blocks. No meaning yet.
//
// line: {source, number, text}. word: {text, column, length, key, keyColumn, placeholder, isOpen}: what stands
// between two commas, a value or `key=value` (key is null without one); columns and lengths in characters, columns
// from 1. placeholder: NAME if the file has {NAME} in the value's place. isOpen: whether it has no value yet.
// A value in parentheses, such as `(OneCycle,{peak})`, is a group: several words or none, in place of one.
// statement: {line, words, opens, block}: one line, and the statements indented below it.

import { indentation, quoted, size, strip, stripBegin, stripEnd, withoutComment } from "./characters.js";
import { SpecError } from "./errors.js";
import { thousands } from "./numbers.js";
import { language } from "./table.js";

/**
 * The bytes of a model file as text: not too many, UTF-8 with or without a byte order mark.
 * Throws SpecError for other bytes; source: what the message calls them.
 */
export function asText(bytes, source) {
  const unreadable = (message) =>
    new SpecError([{ line: 0, column: 0, length: 0, message, source, text: "" }]);
  const most = language().limits.bytes;
  if (bytes.length > most) {
    throw unreadable(`a model file has at most ${thousands(most)} bytes, and this one has more`);
  }
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw unreadable(`not a text file in UTF-8: a byte of line ${firstWrongLine(bytes)} is no character`);
  }
  const nul = text.indexOf("\0");
  if (nul >= 0) {
    throw unreadable(`not a text file: line ${text.slice(0, nul).split("\n").length} has a NUL character`);
  }
  return text;
}

/** The number of the first line whose bytes are not UTF-8. */
function firstWrongLine(bytes) {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let number = 1, begin = 0; ; number += 1) {
    const end = bytes.indexOf(10, begin);
    try {
      decoder.decode(bytes.subarray(begin, end < 0 ? bytes.length : end));
    } catch {
      return number;
    }
    begin = end + 1;
  }
}

/**
 * The statements of a text; each has those of its block.
 * Notes mistakes in indentation, commas and placeholders, and goes on with the rest. Throws SpecError at once for
 * a text beyond the limits.
 */
export function readStatements(text, source, problems) {
  const most = language().limits.statements;
  const roots = [];
  const blocks = [{ column: 0, statements: roots }]; // the open blocks, outermost first
  const margins = new Set(); // what this file indents with
  let count = 0;
  for (const line of linesOf(text, source)) {
    const content = stripEnd(plain(line, withoutComment(line.text), problems));
    const start = indentation(content);
    if (start === content.length) continue;
    const margin = content.slice(0, start);
    if (margins.size && Array.from(margin).some((space) => !margins.has(space))) {
      problems.add(line, "tabs and spaces are mixed in the indentation; use four spaces");
    }
    for (const space of margin) margins.add(space); // one message is enough
    const statement = statementOf(line, content, start, problems);
    siblings(blocks, start, line, problems).push(statement);
    count += 1;
    if (count > most) {
      problems.add(line, `a model file has at most ${thousands(most)} lines that say something`);
      problems.raiseAny();
    }
  }
  return roots;
}

/** A line with plain characters in place of those that look like them; the first of these is noted. */
function plain(line, content, problems) {
  if (/^[\x00-\x7f]*$/.test(content)) return content;
  const { looks } = language();
  let noted = false;
  const letters = Array.from(content);
  letters.forEach((character, place) => {
    if (!looks.has(character)) return;
    const [look, name] = looks.get(character);
    letters[place] = look;
    if (noted) return;
    noted = true;
    const expected = look === character ? "nothing" : look === " " ? "a space" : `'${look}'`;
    const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    problems.add(line, `expected ${expected}, found the character ${name} (U+${code})`, [place + 1, 1]);
  });
  return letters.join("");
}

/** The lines among which a line belongs that begins at column `start`, from 0; opens and closes blocks for it. */
function siblings(blocks, start, line, problems) {
  const innermost = blocks.at(-1).column;
  while (start < blocks.at(-1).column) blocks.pop();
  const { column, statements } = blocks.at(-1);
  if (start === column) return statements;
  let inside = statements;
  if (statements.length && statements.at(-1).opens) {
    inside = statements.at(-1).block;
    if (start < innermost) {
      problems.add(line, "this indentation is that of no line above; indent the lines of a block alike");
    }
  } else {
    problems.add(line, "this line is indented, and no line above it, ending in a colon, opens a block");
  }
  const deepest = language().limits.nesting;
  if (blocks.length === deepest + 1) {
    problems.add(line, `blocks are nested more than ${deepest} deep`);
    problems.raiseAny();
  }
  blocks.push({ column: start, statements: inside });
  return inside;
}

function statementOf(line, content, start, problems) {
  const opens = content.endsWith(":");
  const end = size(content) - Number(opens);
  const words = [];
  let column = start + 1;
  for (const piece of pieces(content.slice(start, content.length - Number(opens)))) {
    const length = size(piece);
    const word = wordOf(piece, column);
    if (!word.text) {
      const what = word.key ? `after '${word.key}='` : "here";
      problems.add(line, `a value is missing ${what}`, spanOf(word));
      if (words.length && word.key === null && column + length > end) break; // a comma too many, at the end
    } else if (word.isOpen && word.placeholder === null) {
      const message = `${quoted(word.text)}: a placeholder is {name}, and takes the place of a whole value`;
      problems.add(line, message, spanOf(word));
    }
    words.push(word);
    column += length + 1;
  }
  return { line, words, opens, block: [] };
}

const GROUPED = /(?:([^,=()]*)=)?([ \t]*\([^()]*\)[ \t]*)/; // the key, and a group

/** What stands between the commas, apart from those in groups. */
export function pieces(content) {
  const piece = new RegExp(`${GROUPED.source}(?=,|$)|[^,]*`, "y");
  const found = [];
  for (let begin = 0; begin <= content.length; ) {
    piece.lastIndex = begin;
    found.push(piece.exec(content)[0]);
    begin += found.at(-1).length + 1;
  }
  return found;
}

/** Whether a value is a group. */
export function isGroup(text) {
  return /^\([^()]*\)$/.test(text);
}

const SPACES = "(?:[^\\S\\ufeff]|[\\u001c-\\u001f\\u0085])*"; // what Python calls spaces
const PLACEHOLDER = new RegExp(`\\{${SPACES}([A-Za-z][A-Za-z0-9_]{0,63})${SPACES}\\}`, "g");

/** The placeholders in a group; none in another value. */
export function innerNames(text) {
  return isGroup(text) ? Array.from(text.matchAll(PLACEHOLDER), ([, name]) => name) : [];
}

/** Whether a group has a brace that belongs to no placeholder. */
export function strayBrace(text) {
  return /[{}]/.test(text.replaceAll(PLACEHOLDER, ""));
}

/** The word in a piece between commas. column: where the piece begins, even if that is a space. */
function wordOf(piece, column) {
  const grouped = new RegExp(`^${GROUPED.source}$`).exec(piece);
  const equals = piece.indexOf("=");
  const hasKey = grouped ? grouped[1] !== undefined : equals >= 0 && piece.indexOf("=", equals + 1) < 0;
  const before = hasKey ? piece.slice(0, equals) : "";
  const value = hasKey ? piece.slice(equals + 1) : piece;
  const begun = stripBegin(value);
  const text = stripEnd(begun);
  return {
    text,
    column: text ? column + size(piece) - size(begun) : column,
    length: size(text),
    key: hasKey ? strip(before) : null,
    keyColumn: column + size(before) - size(stripBegin(before)),
    placeholder: placeholderIn(text),
    isOpen: (text.includes("{") || text.includes("}")) && !isGroup(text),
  };
}

/** The name in `{name}`; null if the text is no placeholder. */
function placeholderIn(text) {
  return new RegExp(`^${PLACEHOLDER.source}$`).exec(text)?.[1] ?? null;
}

/** Where a word's value is. */
export function spanOf(word) {
  return [word.column, word.length];
}

/** Where a word's key is. */
export function keySpanOf(word) {
  return [word.keyColumn, size(word.key ?? "")];
}

/** The word that a line begins with: its name in most sections. */
export function nameOf(statement) {
  return statement.words[0];
}

/** A statement and all below it, in the order of the lines. */
export function* walkStatements(statement) {
  yield statement;
  for (const child of statement.block) yield* walkStatements(child);
}

function* linesOf(text, source) {
  const lines = text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n").split("\n");
  for (const [place, line] of lines.entries()) yield { source, number: place + 1, text: line };
}
