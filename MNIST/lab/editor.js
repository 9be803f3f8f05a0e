// The text: a textarea, and behind it the same text in colours, with line numbers on the left and the table of
// `check` on the right. Errors stand under their line, between it and the next one.
//
// All lines are equally high, so a line's place is its number times that height; and only lines in sight are drawn.
// So a text of a million characters costs no more than a short one. Such a text is drawn without colours.

import { unitsBefore } from "../browser/language/characters.js";
import { millions } from "../browser/language/language.js";
import { element, thousands } from "./words.js";

const LINE = 26; // pixels, as in lab.css
const SPARE = 8; // lines drawn above and below those in sight
const LONGEST = 200_000; // characters of a text with colours
const WIDEST = 2_000; // characters of a line with colours
const LARGEST = 20_000; // characters at once that the browser changes itself; a million take Chromium minutes
const SIMPLE = /^insert(Text|LineBreak|FromPaste)$|^deleteContent/; // kinds of changes that are done here if large
export const INDENT = "    ";
const MARGIN = /^( {1,4}|\t)/gm; // what is taken from lines that are moved out
export const BLOCK = /^(Residual|Parallel|Path|Repeat)\b/i; // what opens a block, unlike a section
const WORDS = /[A-Za-z_]\w*|[-+.\d][-+.\w]*|[\s\S]/g; // of a line, without its comment

/**
 * Put an editor on the elements in `root`, of class editor. changed(text) is called after each change, moved(line)
 * when the cursor comes to another line. Returns its functions.
 */
export function createEditor(root, { changed, moved }) {
  const [textarea, layer, gutter, beside, sheet, box] = [
    "textarea",
    ".layer",
    ".gutter",
    ".beside",
    ".sheet",
    ".text",
  ].map((selector) => root.querySelector(selector));
  let measured = ""; // the text that all of this is about
  let lines = [""];
  let isPlain = false;
  let marks = { rows: new Map(), problems: new Map() };
  let current = 0;

  /** Take the textarea's text as it is now: its lines, and the room that they need. */
  function measure() {
    measured = textarea.value;
    lines = measured.split("\n");
    const widest = lines.reduce((most, line) => Math.max(most, line.length), 0);
    isPlain = measured.length > LONGEST || widest > WIDEST;
    root.classList.toggle("plain", isPlain);
    sheet.style.height = `${lines.length * LINE}px`;
    box.style.minWidth = isPlain ? "" : `calc(${widest + wideIn(lines, widest)}ch + 2rem)`;
    gutter.style.width = `${`${lines.length}`.length + 1}ch`;
  }

  /** Draw the lines in sight. */
  function paint() {
    const first = Math.max(0, Math.floor(root.scrollTop / LINE) - SPARE);
    const last = Math.min(lines.length, Math.ceil((root.scrollTop + root.clientHeight) / LINE) + SPARE);
    const places = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);
    gutter.replaceChildren(...places.map((place) => placed(place, "number", `${place + 1}`)));
    layer.replaceChildren(...(isPlain ? [] : places.map((place) => placed(place, "code", ...codeOf(place)))));
    beside.replaceChildren(...places.filter((place) => marks.rows.has(place + 1)).map(rowBeside));
    beside.hidden = marks.rows.size === 0;
    layer.querySelectorAll(".said").forEach((said) => intoSight(said, root));
  }

  function placed(place, kind, ...children) {
    const classes = place === current ? `${kind} current` : kind;
    return element("div", { class: classes, style: `top:${place * LINE}px` }, ...children);
  }

  /** A line in colours, with its errors marked. */
  function codeOf(place) {
    const problems = marks.problems.get(place + 1) ?? [];
    return problems.length ? marked(lines[place], problems) : coloured(lines[place]);
  }

  function rowBeside(place) {
    const { output, parameters, flops, times } = marks.rows.get(place + 1);
    const shape = times > 1 ? `${times} × ${output}` : output;
    const cells = [shape, parameters, flops].map((text, at) =>
      element("span", { class: at === 2 ? "flops" : "" }, text),
    );
    return placed(place, "row", ...cells);
  }

  /** Show what was read: rows by line as `besideLines` gives them, and problems. */
  function show({ rows, problems }) {
    const byLine = new Map();
    for (const problem of problems) byLine.set(problem.line, [...(byLine.get(problem.line) ?? []), problem]);
    marks = { rows, problems: byLine };
    textarea.setAttribute("aria-invalid", problems.length > 0);
    paint();
  }

  function edited() {
    measure();
    marks = { ...marks, problems: new Map() }; // they may have moved; what reads the text shows them again
    follow();
    paint();
    changed(measured);
  }

  /** Tell if the cursor is in another line than before. */
  function follow() {
    const line = lineAt(textarea);
    if (line - 1 === current) return;
    current = line - 1;
    paint();
    moved(line);
  }

  /** Write a text in place of a part of it, as if it was typed, so that the browser can undo it. */
  function replace(from, to, text) {
    textarea.focus();
    textarea.setSelectionRange(from, to);
    if (!document.execCommand(text ? "insertText" : "delete", false, text)) {
      textarea.setRangeText(text, from, to, "end");
      edited();
    }
  }

  /** Move the lines of the selection in or out. */
  function indent(outwards) {
    const { selectionStart, selectionEnd, value } = textarea;
    const from = lineBegin(value, selectionStart);
    const end = value.indexOf("\n", Math.max(from, selectionEnd - 1));
    const to = end < 0 ? value.length : end;
    const shifted = value.slice(from, to).replace(outwards ? MARGIN : /^(?=.)/gm, outwards ? "" : indentOf(value));
    if (shifted === value.slice(from, to)) return;
    replace(from, to, shifted);
    const isLine = selectionStart === selectionEnd;
    textarea.setSelectionRange(isLine ? from + shifted.length : from, from + shifted.length);
  }

  /** Begin a line at the margin of the one before it, or further in if that one opens a block. */
  function breakLine() {
    const { selectionStart, selectionEnd, value } = textarea;
    const line = value.slice(lineBegin(value, selectionStart), selectionStart);
    const margin = /^[ \t]*/.exec(line)[0];
    const opens = /:\s*(#.*)?$/.test(line) && (margin || BLOCK.test(line));
    replace(selectionStart, selectionEnd, `\n${margin}${opens ? indentOf(value) : ""}`);
  }

  textarea.addEventListener("beforeinput", (event) => {
    const { selectionStart: from, selectionEnd: to } = textarea;
    const text = event.inputType === "insertLineBreak" ? "\n" : (event.data ?? "");
    if (!SIMPLE.test(event.inputType) || Math.max(text.length, to - from) < LARGEST) return;
    event.preventDefault();
    textarea.setRangeText(text, from, to, "end");
    edited();
  });
  // When `replace` writes many lines, Chromium sends an event for each, but the text is whole at the first one.
  textarea.addEventListener("input", () => textarea.value !== measured && edited());
  textarea.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    const isControl = event.ctrlKey || event.metaKey;
    if (isControl && (event.key === "]" || event.key === "[")) indent(event.key === "[");
    else if (event.key === "Enter" && !isControl && !event.shiftKey && !event.altKey) breakLine();
    else return;
    event.preventDefault();
  });
  document.addEventListener("selectionchange", () => document.activeElement === textarea && follow());
  root.addEventListener("scroll", paint, { passive: true });
  new ResizeObserver(paint).observe(root);

  return {
    textarea,
    show,
    replace,
    text: () => textarea.value,
    line: () => current + 1,
    setText(text) {
      textarea.value = text;
      textarea.setSelectionRange(0, 0);
      root.scrollTo(0, 0);
      edited();
    },
    /** Put the cursor on a line, from 1, and column, from 1. */
    go(line, column = 1) {
      const begin = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
      const at = begin + unitsBefore(lines[line - 1] ?? "", column);
      textarea.focus();
      textarea.setSelectionRange(at, at);
      root.scrollTop = Math.max(0, (line - 3) * LINE);
      follow();
    },
    /** Write a whole line anew. */
    replaceLine(line, text) {
      const begin = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
      replace(begin, begin + lines[line - 1].length, text);
    },
    /** The cursor: {line, column} from 1, columns in characters; and {x, y} of the place below it on the screen. */
    cursor() {
      const { selectionStart, value } = textarea;
      const begin = lineBegin(value, selectionStart);
      const before = value.slice(begin, selectionStart);
      const corner = textarea.getBoundingClientRect();
      const line = lineAt(textarea);
      return {
        line,
        column: [...before].length + 1,
        place: (characters) => ({ x: corner.left + characters * widthOfOne(layer), y: corner.top + line * LINE }),
      };
    },
  };
}

/** A text as a textarea gives it back: with one kind of line ends. */
export function asTyped(text) {
  return text.replace(/\r\n?/g, "\n");
}

/** What moves a line in: a tab where the text has lines that begin with one. */
function indentOf(text) {
  return /^\t/m.test(text) ? "\t" : INDENT;
}

/** Where the line of a place in a text begins. */
export function lineBegin(text, place) {
  return place === 0 ? 0 : text.lastIndexOf("\n", place - 1) + 1;
}

/** Move an error's message to the left if it would not fit, but not beyond the beginning of the text. */
function intoSight(said, root) {
  const [frame, box] = [root.getBoundingClientRect(), said.getBoundingClientRect()];
  const begin = said.closest(".code").getBoundingClientRect().left;
  const beyond = box.right - (frame.right - 12);
  if (beyond > 0) said.style.left = `${-Math.min(beyond, box.left - begin)}px`;
}

/** The rows beside the text: by line, what `checkRows` says; of a line that is repeated, all of it in one row. */
export function besideLines({ rows }) {
  const byLine = new Map();
  for (const row of rows) {
    if (row.line === null) continue;
    const before = byLine.get(row.line);
    byLine.set(row.line, before ? added(before, row) : { ...row, times: 1 });
  }
  return byLine;
}

function added(before, row) {
  const operations = before.operations + row.operations;
  return {
    ...row,
    times: before.times + 1,
    parameters: together(before.parameters, row.parameters),
    operations,
    flops: millions(operations),
  };
}

/** The sum of two whole numbers as texts, of which one or both may be empty. */
function together(one, other) {
  if (!one || !other) return one || other;
  return thousands([one, other].map((text) => Number(text.replaceAll(",", ""))).reduce((a, b) => a + b));
}

/** How many columns the wide characters of a line take beyond one; only the longest line is looked at closely. */
function wideIn(lines, widest) {
  const line = lines.find((each) => each.length === widest) ?? "";
  return /[^\x00-\u02ff]/.test(line) ? line.length : 0;
}

function widthOfOne(layer) {
  const probe = layer.appendChild(element("span", { class: "probe" }, "0".repeat(100)));
  const { width } = probe.getBoundingClientRect();
  probe.remove();
  return width / 100;
}

function lineAt({ value, selectionStart }) {
  let line = 1;
  for (let at = value.indexOf("\n"); at >= 0 && at < selectionStart; at = value.indexOf("\n", at + 1)) line++;
  return line;
}

/** A line's parts in colours. */
function coloured(line) {
  const hash = line.indexOf("#");
  const code = hash < 0 ? line : line.slice(0, hash);
  const isHead = /^\w+:\s*$/.test(code);
  const parts = isHead
    ? [["head", code]]
    : [...code.matchAll(WORDS)].map(({ 0: word, index }) => [kindOf(word, index, code), word]);
  if (hash >= 0) parts.push(["comment", line.slice(hash)]);
  return joined(parts).map(([kind, text]) => (kind ? element("span", { class: kind }, text) : text));
}

function kindOf(word, index, code) {
  if (/^[-+.\d]/.test(word)) return "number";
  if (!/^\w/.test(word)) return "";
  if (code[index + word.length] === "=") return "key";
  return code.slice(0, index).trim() ? "word" : "name";
}

function joined(parts) {
  const all = [];
  for (const [kind, text] of parts) {
    if (all.at(-1)?.[0] === kind) all.at(-1)[1] += text;
    else all.push([kind, text]);
  }
  return all;
}

/** A line with its errors underlined, and the first error's message below it. */
function marked(line, problems) {
  const all = [];
  let done = 0;
  problems.forEach(({ column, length, message }, place) => {
    const from = Math.max(done, unitsBefore(line, column));
    const to = Math.max(from, unitsBefore(line, column + length));
    all.push(...coloured(line.slice(done, from)));
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
    const said = place === 0 ? element("span", { class: "said" }, `${message}${more}`) : "";
    all.push(element("span", { class: "wrong" }, line.slice(from, to) || " ", said));
    done = to;
  });
  all.push(...coloured(line.slice(done)));
  return all;
}
