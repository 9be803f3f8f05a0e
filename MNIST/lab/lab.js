// Puts the laboratory together: the text, what it says, its training, and what came of it.

import { setLanguage, walk } from "../browser/language/language.js";
import { isName, NAMES } from "../browser/saving/saving.js";
import { Laboratory } from "../browser/training/laboratory.js";
import { offerCompletions } from "./completion.js";
import { createCurves } from "./curves.js";
import { bytesOf, unpackDataset } from "./dataset.js";
import { createDraw } from "./draw.js";
import { asTyped, besideLines, createEditor } from "./editor.js";
import { keepDigits, keepNetwork, openFile, saveAs } from "./files.js";
import { createGradients } from "./gradients.js";
import { showHelp } from "./help.js";
import { showKernels } from "./kernels.js";
import { createLook } from "./look.js";
import { drawNetwork, MOST as MOST_DRAWN } from "./network_drawing.js";
import { createNetworks, linesOf, numbered } from "./networks.js";
import { propose } from "./proposal.js";
import { read } from "./read.js";
import { showConfusion, showErrors } from "./results.js";
import { createState, keep, kept } from "./state.js";
import { createTabs } from "./tabs.js";
import { createTraining } from "./training.js";
import { shownProblems, summarised, tableOfLayers } from "./verdict.js";
import { counted, element, say, thousands } from "./words.js";

const LONG = 20_000; // characters; a longer text is read when the keys rest
const SLOW = 40; // milliseconds; if reading took longer, the next one waits too
const REST = 250; // milliseconds

const byId = (id) => document.getElementById(id);
const dataOf = (id) => JSON.parse(byId(id).textContent);

const [table, models, about] = ["table", "models", "about"].map(dataOf);
setLanguage(table);

const file = JSON.stringify([about.digest, models]);
const before = kept(file);
const first = before ?? models[0];
const state = createState({
  text: "",
  name: first.name,
  parsed: null,
  dataset: null,
  phase: "ready",
  progress: null,
  running: null,
  networks: [],
  shown: null,
  tests: 0,
  unsavedDigits: false,
  line: 1,
});
// All texts by name, as they were when they left the editor, which has one kind of line ends.
const texts = new Map(before?.texts ?? models.map(({ name, text }) => [name, asTyped(text)]));

// Those that are in files: the page's own, and what was opened or saved.
const safe = new Set(models.map(({ text }) => asTyped(text)));

// The text.

const editor = createEditor(byId("editor"), { changed, moved: (line) => state.set({ line }) });
offerCompletions(editor, byId("options"));
let reading = null;
let milliseconds = 0;

function changed(text) {
  state.set({ text });
  clearTimeout(reading);
  if (text.length > LONG || milliseconds > SLOW) reading = setTimeout(readNow, REST);
  else readNow();
}

function readNow() {
  clearTimeout(reading);
  const parsed = read(state.get("text"), { name: state.get("name"), classes: about.classes.length });
  milliseconds = parsed.milliseconds;
  const rows = parsed.check ? besideLines(parsed.check) : new Map();
  editor.show({ rows, problems: parsed.problems });
  state.set({ parsed });
  keepText();
}

function keepText() {
  keep(file, { text: state.get("text"), name: state.get("name"), texts: [...texts] });
}

addEventListener("pagehide", keepText); // also what is written but not read yet

/**
 * Bring a text to the editor, under a name. The text that was there stays among the texts. So does another text of
 * that name: it gets a new name.
 */
function write(text, name) {
  const typed = asTyped(text);
  if (state.get("text")) texts.set(state.get("name"), state.get("text"));
  if (texts.has(name) && texts.get(name) !== typed) texts.set(numbered(name, texts), texts.get(name));
  texts.set(name, typed);
  bring(typed, name);
}

/** The same for a text that is not lost with the page. */
function writeSafe(text, name) {
  safe.add(asTyped(text));
  write(text, name);
}

/** Whether a text that somebody wrote is nowhere else: not in a file, and not in a network of the session. */
function hasUnsavedText() {
  const inNetworks = new Set(state.get("networks").map(({ trained }) => asTyped(trained.text)));
  const all = [state.get("text"), ...texts.values()];
  return all.some((text) => text.trim() && !safe.has(text) && !inNetworks.has(text));
}

/** Show a text in the editor, under a name. */
function bring(text, name) {
  byId("name").value = name;
  state.set({ name });
  editor.setText(text);
  listTexts();
}

/** Say what went wrong, where it is seen and heard. */
function complain(sentence) {
  buttons.tell(sentence, true);
  byId("message").scrollIntoView({ block: "nearest" });
  say(sentence);
}

/** Say what was done, where it is seen and heard. */
function inform(sentence) {
  buttons.tell(sentence);
  say(sentence);
}

function listTexts() {
  const options = [...texts.keys()].map((name) => element("option", { value: name }, name));
  byId("texts").replaceChildren(element("option", { value: "" }, "Texts …"), ...options);
}

byId("texts").addEventListener("change", ({ target }) => {
  const name = target.value;
  if (!name) return;
  write(texts.get(name), name);
  target.value = name; // so that the arrow keys go on from there
});
byId("texts").addEventListener("blur", ({ target }) => {
  target.value = ""; // so that the same text can be chosen again, as it was
});
byId("name").addEventListener("change", ({ target }) => {
  const name = target.value;
  if (name === state.get("name")) return;
  if (!isName(name) || texts.has(name)) {
    complain(isName(name) ? `another text is called ${name}: take another name` : NAMES);
    target.value = state.get("name");
  } else {
    state.set({ name });
    texts.set(name, state.get("text"));
    listTexts();
    readNow();
  }
});
byId("new").addEventListener("click", () => {
  const name = numbered("my_net", texts);
  writeSafe(`Layers:\nFlatten\nDense,${about.classes.length},softmax\nOptimizer:\n0.001,0\n5\n100\n`, name);
  editor.go(2);
});
byId("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(state.get("text"));
  } catch {
    editor.textarea.select(); // where a browser keeps the clipboard from files
    document.execCommand("copy");
  }
  inform("the text is copied");
});
byId("save-text").addEventListener("click", () => {
  saveAs(`${state.get("name")}.txt`, state.get("text"), "text/plain");
  safe.add(state.get("text"));
});

state.watch(["parsed"], ({ parsed, name, line }) => {
  shownProblems(byId("problems"), parsed.problems, editor.go);
  summarised(byId("summary"), parsed, name);
  afterwards("table", () => tableOfLayers(byId("table-of-layers"), parsed.check));
  afterwards("help", () => showHelp(byId("help"), state.get("text"), line, writeWord));
  afterwards("drawing", drawNow);
});
state.watch(["line"], ({ text, line }) => {
  afterwards("help", () => showHelp(byId("help"), text, line, writeWord));
  picture?.light(line);
});

/** Write a word at the end of the line under the cursor, with what it takes as a guide. */
function writeWord(word) {
  const { selectionStart } = editor.textarea;
  editor.replace(selectionStart, selectionStart, word);
}

let picture = null;
let pictured = ""; // the rows that the picture shows

function drawNow() {
  const { network, check } = state.get("parsed");
  byId("drawing").classList.toggle("past", network === null);
  if (network === null) return;
  const rows = JSON.stringify(check.rows.slice(0, 2 * MOST_DRAWN));
  if (rows === pictured) return;
  pictured = rows;
  const { nodes, inputShape } = network;
  const words = check.rows[0].layer;
  picture = drawNetwork(byId("drawing"), { nodes, inputShape, words }, (line) => editor.go(line));
  picture.light(state.get("line"));
}

const waiting = new Map(); // by what they change: the newest action that asks to

/** Do something before the browser paints next. Of several actions that change the same, only the newest is done. */
function afterwards(what, action) {
  if (!waiting.has(what)) {
    requestAnimationFrame(() => {
      const newest = waiting.get(what);
      waiting.delete(what);
      newest();
    });
  }
  waiting.set(what, action);
}

// The training.

let opened = null;

/** The laboratory, with the dataset unpacked. */
function laboratory() {
  opened ??= openLaboratory();
  return opened;
}

async function openLaboratory() {
  await wholeFile();
  const dataset = await unpackDataset(about);
  const [simd, plain] = [await bytesOf("kernels"), await bytesOf("kernels-plain")];
  const made = new Laboratory({ worker: byId("worker").textContent, table, kernels: { simd, plain }, dataset });
  state.set({ dataset });
  return made;
}

/** Wait until the browser has read the whole file: the dataset stands at its end. */
async function wholeFile() {
  if (document.readyState !== "loading") return;
  await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
}

function settings() {
  const [seed, images, split] = ["seed", "images", "split"].map((id) => byId(id));
  const whole = ({ value, min, max }, usual) => {
    const number = Math.round(Number(value));
    return value === "" || !Number.isFinite(number)
      ? usual
      : Math.min(Math.max(number, Number(min)), max === "" ? Infinity : Number(max));
  };
  const all = about.counts.training;
  const some = whole(images, null);
  return {
    seed: whole(seed, 0),
    split: whole(split, 90) / 100,
    images: some === null || some >= all ? null : some,
  };
}

function showSettings() {
  const { seed, split, images } = settings();
  const which = images === null ? "all images" : counted(images, "image");
  document.querySelector("#run summary").textContent =
    `Seed ${seed} · ${Math.round(100 * split)} % of ${which} for training`;
}

for (const id of ["seed", "images", "split"]) byId(id).addEventListener("input", showSettings);
showSettings();

const lab = { state, laboratory, settings };
const buttons = createTraining(lab);
const curves = createCurves(byId("curves"));
const gradients = createGradients(byId("gradients"));
let kernels = null; // the newest of the training that is shown

editor.textarea.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  if (state.get("parsed").text !== state.get("text")) readNow(); // a slow one waits for the keys to rest
  buttons.begin();
});

// Epochs can follow one another faster than they can be drawn. So only what is newest at each frame is drawn.

state.watch(["progress"], ({ progress }) => {
  if (progress) afterwards("inside", () => showInside(progress.kernels, progress.gradientNorms));
});
state.watch(["running", "shown"], ({ running, shown }) => {
  const trained = shown?.trained;
  const past = trained && {
    history: trained.history,
    early: shown.early,
    epochs: Math.max(trained.spec.epochs, trained.history.length),
  };
  afterwards("curves", () => curves.show(running ?? past ?? null));
});
state.watch(["shown", "running"], ({ shown, running, progress }) => {
  if (running && progress) return; // what is being trained shows its own
  const past = running ? null : shown; // of what has only begun, nothing is known
  afterwards("inside", () => showInside(past ? firstKernels(past.trained) : null, past?.norms ?? null));
});
state.watch(["text", "running", "shown"], () => afterwards("past", fadeThePast));

/** Draw what belongs to another text than the editor's paler than the rest, and say so. */
function fadeThePast() {
  const [text, running, shown, phase] = ["text", "running", "shown", "phase"].map(state.get);
  const from = running?.text ?? shown?.trained.text ?? null;
  const isPast = from !== null && linesOf(from).join("\n") !== linesOf(text).join("\n");
  const now =
    phase === "training"
      ? "this one is trained from an earlier text"
      : "trained from an earlier text; Train begins anew";
  curves.fade(isPast ? `${running ? "" : `${shown.trained.name}: `}${now}` : null);
  for (const id of ["kernel-pictures", "gradients"]) byId(id).classList.toggle("past", isPast);
}

/** Show what is inside a network: the newest kernels of its first Conv, and the sizes of its gradients. */
function showInside(newest, norms) {
  kernels = newest;
  showKernels(byId("kernel-pictures"), kernels);
  gradients.show(norms);
}

/** The kernels of a network's first Conv, or null if it has none. */
function firstKernels({ network, weights }) {
  const node = [...walk(network.nodes)].find(({ layer }) => layer.kind === "Conv");
  if (!node) return null;
  const { shape } = node.parameters.find(({ name }) => name === "kernel");
  return { path: node.path, shape, values: weights[`${node.path}/kernel`] };
}

// After the first training, one change to try.

let proposedTo = null; // the text in which a line is to change
let isRefused = false;

state.watch(["networks"], ({ networks, text, parsed }) => {
  if (proposedTo !== null || networks.length !== 1 || networks[0].trained.text !== text || !parsed.spec) return;
  const proposal = propose(text, parsed.spec);
  if (!proposal) return;
  proposedTo = text;
  const take = () => {
    editor.replaceLine(proposal.line, proposal.text);
    say("The line is written");
  };
  const refuse = () => {
    isRefused = true;
    byId("proposal").hidden = true;
  };
  byId("proposal").replaceChildren(
    element("p", {}, `Try one change: ${proposal.words} Then compare the two under Networks.`),
    element("button", { type: "button", onclick: take }, "Write this line"),
    element("button", { type: "button", onclick: refuse }, "No"),
  );
});
state.watch(["networks", "text"], ({ networks, text }) => {
  byId("proposal").hidden = isRefused || networks.length > 1 || text !== proposedTo; // no other text has that line
});

// What came of it.

const draw = createDraw(byId("panel-draw"), lab, about, (digits) => keepDigits(state, digits, about));
const look = createLook(byId("panel-look"), lab, draw.pixels);
const openTab = createTabs(document.querySelector("[role=tablist]"), (panel) => {
  byId("network").parentElement.hidden = panel === "panel-networks";
  look.opened(panel === "panel-look");
  if (panel === "panel-draw") draw.repaint();
});
byId("network").parentElement.hidden = true;
createNetworks(byId("panel-networks"), state, {
  save: (network) => keepNetwork(state, network, about),
  write: ({ trained }) => write(trained.text, trained.name),
});
state.watch(["networks", "shown", "dataset"], ({ networks, shown, dataset }) => {
  const select = byId("network");
  select.disabled = networks.length < 2;
  select.replaceChildren(
    ...(networks.length ? [] : [element("option", {}, "none yet")]),
    ...networks.map((each, place) =>
      element("option", { value: place, selected: each === shown }, each.trained.name),
    ),
  );
  showErrors(byId("panel-errors"), shown, dataset, (number) => {
    look.at(number);
    openTab("tab-look");
  });
  showConfusion(byId("panel-confusion"), shown, dataset);
});
byId("network").addEventListener("change", ({ target }) =>
  state.set({ shown: state.get("networks")[target.value] }),
);

// Files.

async function openFiles(files) {
  const said = [];
  let isBad = false;
  for (const file of files) {
    try {
      said.push(await openFile(file, { state, about, write: writeSafe }));
    } catch (error) {
      said.push(error.message);
      isBad = true;
    }
  }
  (isBad ? complain : inform)(said.join("; "));
}

byId("open").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", async ({ target }) => {
  await openFiles([...target.files]);
  target.value = "";
});
addEventListener("dragover", (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  document.body.classList.remove("dropping");
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  openFiles([...event.dataTransfer.files]);
});
addEventListener("beforeunload", (event) => {
  const isUnsaved = state.get("networks").some(({ isSaved }) => !isSaved);
  const isAtWork = state.get("phase") === "training";
  if (isUnsaved || isAtWork || state.get("unsavedDigits") || hasUnsavedText()) event.preventDefault();
});

// Colours, and what the page says of itself.

let chosenTheme = null;

function colour() {
  const preferred = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const theme = chosenTheme ?? preferred;
  document.documentElement.dataset.theme = theme;
  byId("theme").setAttribute("aria-pressed", `${theme === "dark"}`);
  draw.repaint();
  look.repaint();
  showKernels(byId("kernel-pictures"), kernels);
}

byId("theme").addEventListener("click", () => {
  chosenTheme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  colour();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colour);
byId("about-open").addEventListener("click", () => byId("about-page").showModal());

const { training, test } = about.counts;
byId("dataset").textContent = `${about.name} · ${thousands(training)} + ${thousands(test)} images`;
const facts = [
  [
    "Dataset",
    `${about.name}: ${thousands(training)} images for training and validation, ${thousands(test)} for the test. ${about.note}`,
  ],
  ["Classes", about.classes.slice(0, 20).join(", ") + (about.classes.length > 20 ? ", …" : "")],
  ["Version", about.version],
];
byId("facts").append(...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
colour();
bring(first.text, first.name);

// Begin to unpack once the page is painted.
requestAnimationFrame(() => setTimeout(() => laboratory().catch((error) => buttons.tell(error.message, true))));
