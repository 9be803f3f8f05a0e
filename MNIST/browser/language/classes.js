// `{classes}` in a model file: not a value to explore, but the dataset's number of classes.

import { strip } from "./characters.js";
import { language } from "./table.js";

/**
 * The text of a model file with the number of classes in place of each {classes} outside comments; null:
 * unchanged.
 */
export function fillClasses(text, classes) {
  if (classes === null) return text;
  const isMeant = (word) => strip(word.slice(1, -1)).toLowerCase() === language().classes;
  const filled = (code) => code.replace(/\{[^{}]*\}/g, (word) => (isMeant(word) ? `${classes}` : word));
  return text.replace(/(?<![^\r\n])[^#\r\n]+/g, filled); // from the beginning of a line
}

/** Whether a model file takes its number of classes from the dataset. */
export function asksForClasses(text) {
  return fillClasses(text, 0) !== text;
}
