// Help for the line under the cursor: what it is, what it takes; on an empty line, what could stand there.

import { completions, helpFor } from "../browser/language/language.js";
import { element } from "./words.js";

const LONGEST = 200_000; // characters of a text that help is looked for in

/** Show help for a line in `root`. write(text) writes a text at the cursor. */
export function showHelp(root, text, line, write) {
  if (text.length > LONGEST) {
    root.replaceChildren();
    return;
  }
  const help = helpFor(text, line);
  root.replaceChildren(...(help ? about(help) : choices(text, line, write)));
}

function about({ usage, help, lesson, arguments: takes }) {
  const known = takes.filter(({ help: words, default: usual, expects }) => words || usual !== null || expects);
  return [
    element("p", { class: "usage" }, element("code", {}, usage)),
    ...(lesson ? [element("p", {}, ...withCode(lesson))] : []),
    ...(help && help !== lesson ? [element("p", { class: "quiet" }, ...withCode(withoutHead(help)))] : []),
    ...(known.length ? [element("dl", {}, ...known.flatMap(aboutArgument))] : []),
  ];
}

function aboutArgument({ name, expects, default: usual, help }) {
  const words = [expects, usual === null ? "" : `${usual} unless given`, help].filter(Boolean).join("; ");
  return [element("dt", {}, name), element("dd", {}, ...withCode(words))];
}

/** What an empty line could begin with; of a line that says something unknown, nothing. */
function choices(text, line, write) {
  const written = text.split("\n")[line - 1] ?? "";
  if (written.trim()) return [];
  const { options } = completions(text, line, written.length + 1);
  if (!options.length) return [];
  const chip = ({ text: word, help }) => {
    const take = (event) => {
      event.preventDefault();
      write(word);
    };
    return element("a", { href: "#text", title: withoutHead(help), onclick: take }, word);
  };
  const chips = options.map(chip);
  return [
    element("p", { class: "quiet" }, "This line is empty. It could be:"),
    element("div", { class: "chips" }, ...chips),
  ];
}

/** The help of a section without its head, which stands above it already. */
export function withoutHead(help) {
  return help.replace(/^`\w+:`: /, "");
}

/** Words with what stands between backticks as code. */
function withCode(words) {
  return words.split("`").map((part, place) => (place % 2 ? element("code", {}, part) : part));
}
