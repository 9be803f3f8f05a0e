// What leaves the page as a file, and comes back: a trained network, and digits that somebody drew.
//
// A network is a zip of four files: network.json, how it was trained; spec.txt, the exact text; history.csv and
// weights.npz, as MNIST/training and MNIST/engines write them. `python MNIST import my_net.zip` takes it. A file
// is opened only if its archive, history and arrays are written so, byte for byte, if network.json has the fields
// of `saveNetwork` with possible values, and if the four belong together, as MNIST/training/laboratory.py checks.

import { asText, fillClasses, layOut, parseSpec } from "../language/language.js";
import { shortest } from "../language/numbers.js";
import { weightsOf } from "../training/start.js";
import { readFloats, texts, writeArrays } from "./arrays.js";
import { readZip, writeZip } from "./stored_zip.js";

const FORMAT = 1;
const FILES = ["network.json", "spec.txt", "history.csv", "weights.npz"]; // each bounds those after it
const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const DEVICE = /^(con|prn|aux|nul|(com|lpt)[0-9])$/i; // reserved on Windows
const LONGEST_TEXT = 1000; // characters of any text in network.json
const LONGEST_NAME = 64; // characters of a class's name
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
const MOST_CLASSES = 1000;
const MOST_EPOCHS = 100_000;
const MOST_IMAGES = 2_000_000;
const MOST_OF_A_RECORD = 2 ** 20; // bytes of network.json
const MOST_OF_A_ROW = 300; // bytes of a history
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

/** What a network can be called, in words. */
export const NAMES = "a network's name has 1 to 64 letters, digits, _ and -; Windows keeps con, nul and the like";

/** Whether a network can be called so, here and as a file on any system. */
export function isName(name) {
  return NAME.test(name) && !DEVICE.test(name);
}

/**
 * A trained network as the bytes of a zip. trained: what `Laboratory.train` or `openNetwork` gave. about: the
 * page's own JSON of that id: {name, digest, classes, ink, form, version, counts, …}; an opened network has its
 * own.
 * Throws an Error, with a sentence, for a name that is none, or if no epoch is complete.
 */
export function saveNetwork(trained, about) {
  if (!isName(trained.name)) {
    throw new Error(NAMES);
  }
  if (!trained.history.length) {
    throw new Error(`${trained.name} has no whole epoch yet: train it for one, and then save it`);
  }
  const origin = trained.about ?? about;
  const note = {
    format: FORMAT,
    version: origin.version,
    name: trained.name,
    seed: trained.seed,
    split: trained.split,
    images: trained.about ? trained.images : countOf(trained, about),
    dataset: origin.name,
    digest: origin.digest,
    classes: origin.classes,
    ink: origin.ink,
    form: origin.form,
    pixel_mean: trained.pixelStatistics.mean,
    pixel_deviation: trained.pixelStatistics.deviation,
    epochs: trained.history.length,
    kept_epoch: trained.keptEpoch,
    stopped: Boolean(trained.stopped),
    batch_size: trained.spec.batch_size,
    training_images: trained.trainingImages,
    validation_images: trained.validationImages,
    seconds: trained.seconds,
    browser: trained.browser.slice(0, LONGEST_TEXT),
  };
  const arrays = weightsOf(trained.network).map(({ key, shape }) => [
    key,
    { kind: "<f4", shape, values: trained.weights[key] },
  ]);
  return writeZip([
    ["network.json", encoded(`${JSON.stringify(note, null, 2)}\n`)],
    ["spec.txt", encoded(trained.text)],
    ["history.csv", encoded(historyText(trained.history))],
    ["weights.npz", writeArrays(arrays)],
  ]);
}

/** How many of the dataset's images a training was given; null: all, of which a page may hold a part. */
function countOf({ images, trainingImages, validationImages }, { counts }) {
  return images === null && counts.training < counts.allTraining ? trainingImages + validationImages : images;
}

/**
 * The network in a file that `saveNetwork` wrote: the fields of a trained network, no `state`, and `about`, what
 * is known of its dataset: {name, digest, classes, ink, form, version}.
 * Throws an Error with a sentence for any other file, or if what is in it does not fit together.
 */
export function openNetwork(bytes) {
  const files = readZip(bytes, FILES);
  const note = checkedNote(decoded(files.get("network.json"), MOST_OF_A_RECORD));
  const text = asText(files.get("spec.txt"), "spec.txt");
  const classes = note.classes.length;
  const spec = parseSpec(fillClasses(text, classes), { source: "spec.txt", classes });
  const network = layOut(spec);
  if (!network.followsGradients) {
    throw new Error(`its text asks for ${spec.optimizer.kind}, which a laboratory does not have`);
  }
  const most = MOST_OF_A_ROW * (note.epochs + 1);
  const history = parsedHistory(decoded(files.get("history.csv"), most), note.validation_images > 0);
  if (history.length !== note.epochs || spec.batch_size !== note.batch_size) {
    throw new Error("its text, its history and what it says of its training do not belong together");
  }
  const expected = weightsOf(network).map(({ key, shape }) => [key, shape]);
  const weights = readFloats(files.get("weights.npz"), expected);
  for (const [name, values] of Object.entries(weights)) {
    if (!values.every(Number.isFinite)) throw new Error(`its ${name} holds values that are not finite numbers`);
  }
  return {
    name: note.name,
    text,
    spec: { ...spec, epochs: Math.max(spec.epochs, note.epochs) }, // it may have gone on after those of its text
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
    about: {
      name: note.dataset,
      digest: note.digest,
      classes: note.classes,
      ink: note.ink,
      form: note.form,
      version: note.version,
    },
  };
}

/**
 * Drawn images with their labels as a .npz file that `python MNIST import digits.npz MyData` takes.
 * images: Uint8Array, n × 784; labels: n places in `classes`, the classes' names; form, ink: of the page's dataset.
 */
export function saveDigits({ images, labels }, { classes, form, ink }) {
  const count = labels.length;
  const [kind, values] = classes.length <= 256 ? ["|u1", Uint8Array.from(labels)] : ["<u2", Uint16Array.from(labels)];
  return writeArrays([
    ["x_train", { kind: "|u1", shape: [count, SIDE, SIDE], values: Uint8Array.from(images) }],
    ["y_train", { kind, shape: [count], values }],
    ["classes", texts(classes)],
    ["form", texts([form])],
    ["ink", texts([ink])],
  ]);
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

/** The results in a history.csv. validated: whether images validated; if none did, it has no figures of them. */
function parsedHistory(text, validated) {
  const [, ...rows] = text.split("\n").slice(0, -1);
  const history = rows.map((row) => {
    const words = row.split(",");
    return Object.fromEntries(Object.values(COLUMNS).map((field, place) => [field, Number(words[place])]));
  });
  const inOrder = history.every((result, place) => result.epoch === place + 1);
  if (!history.length || !inOrder || historyText(history) !== text) {
    throw new Error("its history.csv is not the history of a training");
  }
  for (const result of history) {
    const odd = Object.keys(COLUMNS).find((column) => !canBe(column, result[COLUMNS[column]], validated));
    if (odd) throw new Error(`its history.csv is not the history of a training: ${odd} in epoch ${result.epoch}`);
  }
  return history;
}

/** Whether a figure of an epoch can have this value; losses and gradients may be of any size, but finite. */
function canBe(column, value, validated) {
  if (column.startsWith("val_") && !validated) return Number.isNaN(value);
  if (column.endsWith("accuracy")) return isWithin(0, 1)(value);
  const most = ["seconds", "peak_memory"].includes(column) ? Number.MAX_SAFE_INTEGER : Number.MAX_VALUE;
  return isWithin(0, most)(value);
}

/** A number as Python's `repr` writes it; −0 as 0. */
function numberText(number, whole) {
  if (Number.isNaN(number)) return "nan";
  if (!Number.isFinite(number)) throw new Error("its history has values that are not finite numbers");
  const text = shortest(number || 0);
  return whole || /[.e]/.test(text) ? text : `${text}.0`;
}

/** What network.json says. Throws an Error unless it has the fields of `saveNetwork`, in order, with possible values. */
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

const isText = (value, longest = LONGEST_TEXT) =>
  typeof value === "string" && [...value].length <= longest && !UNPRINTABLE.test(value);
const isClass = (value) => isText(value, LONGEST_NAME) && value !== "" && value === value.normalize("NFC");
const isCount = (value, most = Infinity) => Number.isSafeInteger(value) && value >= 1 && value <= most;
const isWithin = (low, high) => (value) => typeof value === "number" && low <= value && value <= high;

const FIELDS = {
  format: (value) => value === FORMAT,
  version: (value) => isText(value) && /^[0-9A-Za-z.+-]{1,40}$/.test(value),
  name: (value) => isText(value) && isName(value),
  seed: (value) => Number.isSafeInteger(value) && value >= 0,
  split: (value) => isWithin(0, 1)(value) && value > 0,
  images: (value, note) => value === null || value === note.training_images + note.validation_images,
  dataset: (value) => isText(value),
  digest: (value) => isText(value) && /^[0-9a-f]{64}$/.test(value),
  classes: (value) =>
    Array.isArray(value) && isWithin(2, MOST_CLASSES)(value.length) && value.every(isClass) &&
    new Set(value).size === value.length,
  ink: (value) => ["bright", "dark"].includes(value),
  form: (value) => ["digit", "whole"].includes(value),
  pixel_mean: isWithin(0, 1),
  pixel_deviation: isWithin(1e-9, 1),
  epochs: (value) => isCount(value, MOST_EPOCHS),
  kept_epoch: (value, note) => isCount(value, note.epochs),
  stopped: (value) => typeof value === "boolean",
  batch_size: (value) => isCount(value),
  training_images: (value) => isCount(value, MOST_IMAGES),
  validation_images: (value) => value === 0 || isCount(value, MOST_IMAGES),
  seconds: isWithin(0, Number.MAX_VALUE),
  browser: (value) => isText(value),
};

function encoded(text) {
  return new TextEncoder().encode(text);
}

/** A text of so many bytes at most: what is made of it takes many times as much memory. */
function decoded(bytes, most) {
  if (bytes.length > most) throw new Error("a text in it is longer than any that a laboratory writes");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error("a text in it is not UTF-8");
  }
}
