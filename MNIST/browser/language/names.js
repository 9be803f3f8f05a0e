// Names that lines begin with, such as `Conv`, and what is said about an unknown one.

import { firstWord, quoted } from "./characters.js";
import { bind, find, made } from "./grammar.js";
import { didYouMean } from "./similar.js";
import { language } from "./table.js";
import { keySpanOf, nameOf, spanOf } from "./text.js";

/**
 * The name that a line begins with, as `names` spells it.
 * null if it is none of them (the problem is noted) or a placeholder without a value.
 */
export function nameIn(names, what, statement, problems) {
  const word = nameOf(statement);
  if (word.isOpen || (word.key === null && !word.text)) return null;
  const found = word.key === null ? find(word.text, names.keys()) : null;
  if (found === null) {
    const [shown, span] = word.key === null ? [word.text, spanOf(word)] : [word.key, keySpanOf(word)];
    const hint = nameHint(statement, names, what);
    problems.add(statement.line, `unknown ${what} ${quoted(shown)}${hint}`, span);
  }
  return found;
}

/**
 * The object that a line makes; its name is one of `names`, and it opens no block.
 * null if something is wrong (the problem is noted) or a placeholder has no value yet. droppable: as for `bind`.
 */
export function readLine(names, what, statement, problems, droppable) {
  const name = nameIn(names, what, statement, problems);
  refuseBlock(statement, problems);
  if (name === null) return null;
  const values = bind(name, names.get(name), statement.words.slice(1), statement.line, problems, droppable);
  return values && made(names.get(name), values);
}

/** Note a line that opens or has a block, in a section where there are none. */
export function refuseBlock(statement, problems) {
  if (statement.block.length || statement.opens) {
    problems.add(statement.line, "nothing in this section opens a block: leave out the colon");
  }
}

/** A hint for a name that is none of `names`: what it was probably meant to be. */
function nameHint(statement, names, what) {
  const word = nameOf(statement);
  const all = [...names.keys()].join(", ");
  if (word.key !== null) return `; a line begins with a name, then a comma: ${all}`;
  const meant = language().ofOthers.get(word.text.toLowerCase().replaceAll("_", ""));
  if (meant && (what === "layer" || what === "optimizer") && !statement.opens) return `; ${meant}`;
  const section = find(word.text, language().headNames);
  if (section) return `; a section begins at the left margin, in a line of its own: '${section}:'`;
  const name = find(firstWord(word.text), names.keys());
  if (name) return `; commas go between the values: ${names.get(name).usage}`;
  return didYouMean(word.text, names.keys()) || `; there are ${all}`;
}
