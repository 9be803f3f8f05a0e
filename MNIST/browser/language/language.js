// The model language: from a text to a checked spec, its network, and back to text. Begin with `setLanguage`.
//
// The files are named as those of MNIST/language, which decides: both give the same specs, networks and messages,
// to the letter. Nothing here knows what a line of the language takes; the table says it (MNIST/browser/table.py).
// What a layer does with shapes is in layers.js.

export { canonicalText, simplify } from "./canonical.js";
export { part, size, unitsBefore } from "./characters.js";
export { checkRows, millions } from "./check.js";
export { asksForClasses, fillClasses } from "./classes.js";
export { problemText, SpecError } from "./errors.js";
export { statementText } from "./grammar.js";
export { completions, helpFor } from "./help.js";
export { described } from "./layers.js";
export { countFlops, countParameters, layOut, nodesAsWritten, toLogits, walk } from "./network.js";
export { parseSpec } from "./parse.js";
export { needsOf, setLanguage } from "./table.js";
export { asText } from "./text.js";
