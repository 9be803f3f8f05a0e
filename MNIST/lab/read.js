// What the text in the editor says: its network, the table of `check`, or its mistakes.

import { asText, checkRows, layOut, parseSpec, SpecError } from "../browser/language/language.js";

/**
 * {text, spec, network, check, problems, milliseconds}: spec, network and check are null if there are problems.
 * check: as `checkRows` gives it. problems: as in SpecError. A placeholder other than {classes} is a problem too.
 */
export function read(text, { name, classes }) {
  const begin = performance.now();
  const found = { text, spec: null, network: null, check: null, problems: [] };
  try {
    const source = `${name}.txt`;
    asText(new TextEncoder().encode(text), source); // throws if it is too long, or has a NUL character
    const spec = parseSpec(text, { source, classes });
    const network = layOut(spec);
    Object.assign(found, { spec, network, check: checkRows(spec) });
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    found.problems = error.problems;
  }
  return { ...found, milliseconds: performance.now() - begin };
}
