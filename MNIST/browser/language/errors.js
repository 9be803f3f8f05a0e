// Mistakes in a model file: where each one is, what was expected, and how it is shown.
//
// A problem is plain data: {line, column, length, message, source, text}. line and column count from 1 (0: the file
// as a whole), column and length in characters; text is the whole line.

import { cells, characters, indentation, part, printable } from "./characters.js";
import { size, stripBegin, stripEnd, withoutComment } from "./characters.js";
import { language } from "./table.js";

/** A problem as Python shows it: where, the message, the line, and carets below the mistake. */
export function problemText(problem) {
  if (!problem.line) return printable(`${problem.source}: ${problem.message}`);
  return `${printable(`${problem.source}, line ${problem.line}: ${problem.message}`)}\n${excerpt(problem)}`;
}

/** The source line without its indentation, and carets below the mistake. */
function excerpt({ text, column, length }) {
  const widest = language().limits.excerpt;
  let start = Math.min(indentation(text), column - 1);
  if (column - start > Math.floor((widest * 3) / 4)) start = column - Math.floor(widest / 2);
  const shown = part(text, start, start + widest);
  const letters = characters(shown);
  const before = letters.slice(0, column - 1 - start);
  const count = Math.max(1, Math.min(length, letters.length - before.length));
  const margin = before.map((letter) => (letter === "\t" ? "\t" : " ".repeat(cells(letter)))).join("");
  const marked = letters.slice(before.length, before.length + count);
  const carets = "^".repeat(Math.max(1, marked.reduce((total, letter) => total + cells(letter), 0)));
  return `    ${stripEnd(printable(shown))}\n    ${margin}${carets}`;
}

/** A model file cannot be used. `problems` has every mistake in it, in the order of the lines. */
export class SpecError extends Error {
  constructor(problems) {
    const place = (problem) => problem.line || 2 ** 30;
    const sorted = [...problems].sort((a, b) => place(a) - place(b) || a.column - b.column);
    super(sorted.map(problemText).join("\n"));
    this.name = "SpecError";
    this.problems = sorted;
  }
}

/** Collects the mistakes of one file, so that they are reported together. */
export class Problems {
  constructor() {
    this.list = [];
  }

  get length() {
    return this.list.length;
  }

  /**
   * Note a mistake at a span of a line, [column, length], or in the whole line.
   * Throws SpecError at once when there are too many: a hostile file must not cost minutes.
   */
  add(line, message, span = null) {
    const most = language().limits.problems;
    const [column, length] = span ?? contentSpan(line.text);
    const { source, text } = line;
    this.list.push({ line: line.number, column, length: Math.max(1, length), message, source, text });
    if (this.list.length !== most) return;
    const stopped = `stopped after ${most} mistakes`;
    this.list.push({ line: 0, column: 0, length: 0, message: stopped, source, text: "" });
    throw new SpecError(this.list);
  }

  /** Throw SpecError if anything was noted. */
  raiseAny() {
    if (this.list.length) throw new SpecError(this.list);
  }
}

/** Where a line's content is, without indentation and comment. */
function contentSpan(text) {
  const content = stripEnd(withoutComment(text));
  const inner = stripBegin(content);
  const start = size(content) - size(inner);
  return [start + 1, size(inner)];
}
