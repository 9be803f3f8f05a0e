// The language as data: what Python's table says, made ready for the other files of this room.
//
// The table has plain objects, in the order of the language. Names that a user writes are looked up in Maps, so
// that no text meets what JavaScript's objects know by themselves, such as "constructor".

let table = null;

/** Take the table that `language_table` of MNIST/browser/table.py makes, once, before anything else. */
export function setLanguage(given) {
  const lines = (names) => new Map(Object.entries(names).map(([name, line]) => [name, lineOf(line)]));
  const settings = Object.entries(given.settings);
  table = {
    ...given,
    headNames: Object.keys(given.heads),
    heads: new Map(Object.entries(given.heads)),
    layers: lines(given.layers),
    inputs: lines(given.inputs),
    optimizers: lines(given.optimizers),
    schedules: lines(given.schedules),
    augmentations: lines(given.augmentations),
    stop: lineOf(given.stop),
    settings: new Map(settings.map(([key, setting]) => [key, { ...setting, kind: kindOf(setting.kind) }])),
    spellings: new Map(Object.entries(given.spellings)),
    ofOthers: new Map(Object.entries(given.ofOthers)),
    elsewhere: new Map(Object.entries(given.elsewhere)),
    looks: new Map(Object.entries(given.characters.looks)),
    spaces: new Set(Array.from(given.characters.spaces, (space) => space.charCodeAt(0))),
    letters: given.characters.letters,
    unseen: given.characters.unseen,
    wide: given.characters.wide,
  };
}

/** The table that was taken. */
export function language() {
  if (table === null) throw new Error("setLanguage comes before anything else");
  return table;
}

/** Whether an optimizer's steps need gradients, or it has a rule of its own. */
export function followsGradients({ kind }) {
  return language().optimizers.get(kind).followsGradients;
}

/** What the rates of a spec's schedule depend on beside the step: {needsLength, needsValidation}. */
export function needsOf({ schedule }) {
  const { needsLength, needsValidation } = language().schedules.get(schedule.kind);
  return { needsLength, needsValidation };
}

function lineOf(line) {
  const args = line.arguments.map((argument) => ({ ...argument, kind: kindOf(argument.kind) }));
  return { ...line, arguments: new Map(args.map((argument) => [argument.name, argument])) };
}

/**
 * A kind of value; words: those that it takes, each with its value. choices: them in order, if it takes no others.
 */
function kindOf(kind) {
  const words = new Map(Object.entries(kind.words ?? {}));
  return { ...kind, words, choices: kind.kind === "choice" ? [...words.keys()] : [] };
}
