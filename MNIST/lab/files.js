// Files that leave the page and come back: texts, networks, drawings.

import { isName, openNetwork, saveDigits, saveNetwork } from "../browser/saving/saving.js";
import { LARGEST } from "../browser/saving/stored_zip.js";
import { addNetwork, freeName } from "./networks.js";

const LONGEST_TEXT = 1_000_000; // bytes of a model text, as on the command line
const INKS = { bright: "bright ink on dark paper", dark: "dark ink on bright paper" };
const FORMS = { digit: "images that are sized and centred as digits", whole: "whole pictures" };

/** Let the browser save bytes or a text under a name. */
export function saveAs(name, content, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Save a network of the session as one file, which `python MNIST import` takes. */
export function keepNetwork(state, network, about) {
  saveAs(`${network.trained.name}.zip`, saveNetwork(network.trained, about), "application/zip");
  network.isSaved = true;
  state.set({ networks: [...state.get("networks")] });
}

/** Save drawings as a file that `python MNIST import` makes a dataset of. */
export function keepDigits(state, digits, about) {
  saveAs("drawn.npz", saveDigits(digits, about), "application/octet-stream");
  state.set({ unsavedDigits: false });
}

/** A name for a network out of a file's name: what is not allowed in one becomes _. */
export function nameOf(file) {
  const stem = file
    .replace(/\.[^.]*$/, "")
    .replace(/[^A-Za-z0-9_-]/g, "_")
    .slice(0, 64);
  return isName(stem) ? stem : "my_net";
}

/** Open a file that a user gave: a network joins the session, a text goes to the editor. Throws an Error. */
export async function openFile(file, { state, about, write }) {
  const head = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  if (head[0] === 0x50 && head[1] === 0x4b) {
    if (file.size > LARGEST) throw new Error(`${file.name} is larger than any network that a laboratory saves`);
    const trained = opened(new Uint8Array(await file.arrayBuffer()), file.name);
    refuseOtherImages(trained, about);
    const name = freeName(state, trained.name);
    addNetwork(state, { ...trained, name }, true);
    write(trained.text, trained.name);
    return `${name} is opened: its text and its weights${learnedElsewhere(trained, about)}`;
  }
  if (/\.zip$/i.test(file.name)) throw new Error(`${file.name} is no network that a laboratory saved`);
  if (file.size > LONGEST_TEXT)
    throw new Error(`${file.name} has more than 1 MB: a model text has less, and a network is a zip`);
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error(`${file.name} is neither a text nor a network that a laboratory saved`);
  }
  write(text, nameOf(file.name));
  return `${file.name} is opened`;
}

/** The network in a file. Throws an Error that names the file. */
function opened(bytes, name) {
  try {
    return openNetwork(bytes);
  } catch (error) {
    throw new Error(`${name}: ${error.message}`);
  }
}

/** Throws an Error unless a network was trained for classes and images such as the page has. */
function refuseOtherImages({ name, about: own }, about) {
  if (JSON.stringify(own.classes) !== JSON.stringify(about.classes)) {
    throw new Error(`${name} knows other classes than those of this page's dataset, ${about.name}`);
  }
  for (const [field, words] of [
    ["ink", INKS],
    ["form", FORMS],
  ]) {
    if (own[field] === about[field]) continue;
    throw new Error(
      `${name} knows ${words[own[field]]}, and this page's dataset, ${about.name}, has ${words[about[field]]}`,
    );
  }
}

/** What is to be said of a network that learned from another dataset than the page's, as `test` says it; or "". */
function learnedElsewhere({ about: own }, about) {
  if (own.digest === about.digest) return "";
  return `. It learned from ${own.name === about.name ? "other images" : own.name}, not from ${about.name}`;
}
