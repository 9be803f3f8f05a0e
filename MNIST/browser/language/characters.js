// Texts as Python sees them: counted in characters, not in JavaScript's units of 16 bits.
//
// A character beyond U+FFFF, such as an emoji, is one character and two units. Texts without such characters,
// nearly all, take the short way.

import { language } from "./table.js";

const BEYOND = /[\ud800-\udfff]/;

/** The number of characters. */
export function size(text) {
  return BEYOND.test(text) ? characters(text).length : text.length;
}

/** The characters from `begin` up to and without `end`. */
export function part(text, begin, end = Infinity) {
  return BEYOND.test(text) ? characters(text).slice(begin, end).join("") : text.slice(begin, end);
}

let last = { text: "", characters: [] }; // messages ask for the same line again and again

/** All characters, each a text. The array is shared: read it only. */
export function characters(text) {
  if (last.text !== text) last = { text, characters: Array.from(text) };
  return last.characters;
}

/** The place in `text`, in units from 0 as JavaScript counts, of a column, in characters from 1. */
export function unitsBefore(text, column) {
  return part(text, 0, column - 1).length;
}

/** The text without spaces at its ends; spaces are those of Python. */
export function strip(text) {
  return stripEnd(stripBegin(text));
}

export function stripBegin(text) {
  let begin = 0;
  while (begin < text.length && isSpace(text, begin)) begin += 1;
  return text.slice(begin);
}

export function stripEnd(text) {
  let end = text.length;
  while (end > 0 && isSpace(text, end - 1)) end -= 1;
  return text.slice(0, end);
}

export function isSpace(text, place) {
  return language().spaces.has(text.charCodeAt(place));
}

/** How many tabs and blanks a text begins with: its indentation. */
export function indentation(text) {
  let begin = 0;
  while (text[begin] === " " || text[begin] === "\t") begin += 1;
  return begin;
}

/** What stands before the first `#`, which begins a comment. */
export function withoutComment(text) {
  const place = text.indexOf("#");
  return place < 0 ? text : text.slice(0, place);
}

/** The letters, digits and underscores that a text begins with; "" if it begins with something else. */
export function firstWord(text) {
  let end = 0;
  for (const letter of text) {
    if (!isIn(language().letters, letter.codePointAt(0))) break;
    end += letter.length;
  }
  return text.slice(0, end);
}

/** A word in quotes, shortened if it is long. */
export function quoted(word) {
  const { shown } = language().limits;
  return `'${size(word) <= shown ? word : part(word, 0, shown - 1) + "…"}'`;
}

/** The text with a dot for each character that a terminal would obey instead of showing. */
export function printable(text) {
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f-\x9f\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u2069\u3000]/g, "·");
}

/** How many columns of a terminal a character takes. */
export function cells(character) {
  const code = character.codePointAt(0);
  if (code < 128) return 1;
  if (isIn(language().unseen, code)) return 0;
  return isIn(language().wide, code) ? 2 : 1;
}

/** Whether a number is in one of the runs, which are their first and last numbers one after another, sorted. */
function isIn(runs, number) {
  let low = 0;
  let high = runs.length / 2;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[2 * middle + 1] < number) low = middle + 1;
    else high = middle;
  }
  return 2 * low < runs.length && runs[2 * low] <= number;
}
