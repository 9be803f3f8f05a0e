// What leaves the page as a file, and comes back: a trained network, and digits that somebody drew.
//
// A network is a zip of four files: network.json, how it was trained; spec.txt, the exact text; history.csv and
// weights.npz, as MNIST/training and MNIST/engines write them. `python MNIST import my_net.zip` takes it. A file is
// opened only if it is exactly what `saveNetwork` writes.

import { readFloats, texts, writeArrays } from "./arrays.js";
import { fillClasses, layOut, parseSpec, walk } from "../language/language.js";
import { shortest } from "../language/numbers.js";
import { readZip, writeZip } from "./stored_zip.js";

const FORMAT = 1;
const FILES = ["network.json", "spec.txt", "history.csv", "weights.npz"]; // each bounds those after it
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const LONGEST_TEXT = 1000; // characters of any text in network.json
const SIDE = 28;

/** The columns of history.csv, and where each is in an epoch's result. */
const COLUMNS = {
  epoch: "epoch",
  loss: "loss",
  accuracy: "accuracy",
  val_loss: "valLoss",
  val_accuracy: "valAccuracy",
  learning_rate: "learningRate",
  gradient_norm_mean: "gradientNormMean",
  gradient_norm_variance: "gradientNormVariance",
  seconds: "seconds",
  peak_memory: "peakMemory", // not known in a browser: 0
};
const WHOLE = ["epoch", "peak_memory"];

/**
 * A trained network as the bytes of a zip. trained: what `Laboratory.train` gave. about: the page's own JSON of
 * that id: {name, digest, classes, ink, form, version, …}. Throws an Error, with a sentence, for a name that is none.
 */
export function saveNetwork(trained, about) {
  if (!NAME.test(trained.name)) {
    throw new Error("a network's name has 1 to 64 letters, digits, _ and -");
  }
  const note = {
    format: FORMAT,
    version: about.version,
    name: trained.name,
    seed: trained.seed,
    split: trained.split,
    images: trained.images,
    dataset: about.name,
    digest: about.digest,
    classes: about.classes,
    ink: about.ink,
    form: about.form,
    pixel_mean: trained.pixelStatistics.mean,
    pixel_deviation: trained.pixelStatistics.deviation,
    epochs: trained.history.length,
    kept_epoch: trained.keptEpoch ?? trained.history.length,
    stopped: Boolean(trained.stopped),
    batch_size: trained.spec.batch_size,
    training_images: trained.trainingImages,
    validation_images: trained.validationImages,
    seconds: trained.seconds,
    browser: trained.browser.slice(0, LONGEST_TEXT),
  };
  const arrays = shapes(trained.network).map(([name, shape]) => [
    name,
    { kind: "<f4", shape, values: trained.weights[name] },
  ]);
  return writeZip([
    ["network.json", encoded(`${JSON.stringify(note, null, 2)}\n`)],
    ["spec.txt", encoded(trained.text)],
    ["history.csv", encoded(historyText(trained.history))],
    ["weights.npz", writeArrays(arrays)],
  ]);
}

/**
 * The network in a file that `saveNetwork` wrote: the fields of a trained network, its `classes`, and no `state`.
 * Throws an Error with a sentence for any other file, or if what is in it does not fit together.
 */
export function openNetwork(bytes) {
  const files = readZip(bytes, FILES);
  const note = checkedNote(decoded(files.get("network.json")));
  const text = decoded(files.get("spec.txt"));
  const classes = note.classes.length;
  const spec = parseSpec(fillClasses(text, classes), { source: "spec.txt", classes });
  const network = layOut(spec);
  if (network.onlyEngine) throw new Error("its text is one of Columns, which a laboratory does not train");
  const history = parsedHistory(decoded(files.get("history.csv")));
  if (history.length !== note.epochs || spec.batch_size !== note.batch_size) {
    throw new Error("its text, its history and what it says of its training do not belong together");
  }
  const weights = readFloats(files.get("weights.npz"), shapes(network));
  for (const [name, values] of Object.entries(weights)) {
    if (!values.every(Number.isFinite)) throw new Error(`its ${name} holds values that are not finite numbers`);
  }
  return {
    name: note.name,
    text,
    spec,
    network,
    seed: note.seed,
    split: note.split,
    images: note.images,
    weights,
    state: null,
    history,
    keptEpoch: note.kept_epoch,
    stopped: note.stopped,
    seconds: note.seconds,
    pixelStatistics: { mean: note.pixel_mean, deviation: note.pixel_deviation },
    trainingImages: note.training_images,
    validationImages: note.validation_images,
    browser: note.browser,
    classes: note.classes,
    ink: note.ink,
    form: note.form,
    dataset: note.dataset,
  };
}

/**
 * Drawn images with their labels as a .npz file that `python MNIST import digits.npz MyData` takes.
 * images: Uint8Array, n × 784; labels: n places in `classes`, the classes' names.
 */
export function saveDigits({ images, labels, classes }) {
  const count = labels.length;
  const [kind, values] = classes.length <= 256 ? ["|u1", Uint8Array.from(labels)] : ["<u2", Uint16Array.from(labels)];
  return writeArrays([
    ["x_train", { kind: "|u1", shape: [count, SIDE, SIDE], values: Uint8Array.from(images) }],
    ["y_train", { kind, shape: [count], values }],
    ["classes", texts(classes)],
  ]);
}

/** The names of a network's weights and their shapes, in the order of its layers: a list of [name, shape]. */
function shapes(network) {
  return Array.from(walk(network.nodes)).flatMap((node) =>
    node.parameters.map((parameter) => [`${node.path}/${parameter.name}`, parameter.shape]),
  );
}

/** The history as MNIST/training/history.py writes it: with all digits. */
function historyText(history) {
  const rows = history.map((result) =>
    Object.entries(COLUMNS).map(([column, field]) => numberText(result[field] ?? missing(column), WHOLE.includes(column))),
  );
  return [Object.keys(COLUMNS), ...rows].map((row) => `${row.join(",")}\n`).join("");
}

/** What stands in place of a figure that was not measured, as in Python. */
function missing(column) {
  return column.startsWith("val_") ? NaN : 0;
}

function parsedHistory(text) {
  const [, ...rows] = text.split("\n").slice(0, -1);
  const history = rows.map((row) => {
    const words = row.split(",");
    return Object.fromEntries(Object.values(COLUMNS).map((field, place) => [field, Number(words[place])]));
  });
  const inOrder = history.every((result, place) => result.epoch === place + 1);
  if (!history.length || !inOrder || historyText(history) !== text) {
    throw new Error("its history.csv is not the history of a training");
  }
  return history;
}

/** A number as Python's `repr` writes it; −0 as 0. */
function numberText(number, whole) {
  if (Number.isNaN(number)) return "nan";
  if (!Number.isFinite(number)) throw new Error("its history has values that are not finite numbers");
  const text = shortest(number || 0);
  return whole || /[.e]/.test(text) ? text : `${text}.0`;
}

/** What network.json says. Throws an Error unless it has exactly the fields and kinds of values of `saveNetwork`. */
function checkedNote(text) {
  let note = null;
  try {
    note = JSON.parse(text);
  } catch {
    // told below
  }
  const names = Object.keys(FIELDS);
  const wrong =
    note === null || typeof note !== "object" || Object.keys(note).join() !== names.join()
      ? "fields"
      : names.find((name) => !FIELDS[name](note[name], note));
  if (wrong) throw new Error(`its network.json is not as a laboratory writes it: ${wrong}`);
  return note;
}

const isText = (value) => typeof value === "string" && value.length <= LONGEST_TEXT;
const isCount = (value) => Number.isSafeInteger(value) && value >= 1;
const isWithin = (low, high) => (value) => typeof value === "number" && low <= value && value <= high;

const FIELDS = {
  format: (value) => value === FORMAT,
  version: (value) => isText(value) && /^[0-9A-Za-z.+-]{1,40}$/.test(value),
  name: (value) => isText(value) && NAME.test(value),
  seed: (value) => Number.isSafeInteger(value) && value >= 0,
  split: (value) => isWithin(0, 1)(value) && value > 0,
  images: (value) => value === null || isCount(value),
  dataset: isText,
  digest: (value) => isText(value) && /^[0-9a-f]{64}$/.test(value),
  classes: (value) =>
    Array.isArray(value) && value.length >= 2 && value.length <= LONGEST_TEXT && value.every(isText) &&
    new Set(value).size === value.length,
  ink: (value) => ["bright", "dark"].includes(value),
  form: (value) => ["digit", "whole"].includes(value),
  pixel_mean: isWithin(0, 1),
  pixel_deviation: isWithin(1e-9, 1),
  epochs: isCount,
  kept_epoch: (value, note) => isCount(value) && value <= note.epochs,
  stopped: (value) => typeof value === "boolean",
  batch_size: isCount,
  training_images: isCount,
  validation_images: (value) => value === 0 || isCount(value),
  seconds: isWithin(0, Number.MAX_VALUE),
  browser: isText,
};

function encoded(text) {
  return new TextEncoder().encode(text);
}

function decoded(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("a text in it is not UTF-8");
  }
}
