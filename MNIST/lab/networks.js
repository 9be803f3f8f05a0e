// All networks of this session: a table in which each row says what differs from the one above, and comparisons.
//
// A network of the session: {trained, result, isSaved, early, norms}. trained: as the laboratory gives it. result: of
// its last test, with correctOf, whether each answer is right; null before. isSaved: whether it was saved as a file, or
// came from one. early, norms: what was seen while it was trained, the points of its first epoch and the last
// gradients' sizes.

import { countParameters } from "../browser/language/language.js";
import { BLOCK, INDENT } from "./editor.js";
import { comparePairs, LEVEL, pairText, wilsonInterval } from "./statistics.js";
import { counted, duration, element, listed, percent, thousands } from "./words.js";

// Roles are written out, because a narrow window shows each row as a card, and then the tags alone do not give them.
const COLUMN = { scope: "col", role: "columnheader" };
const [PARAMETERS, TIME, VALIDATION, TEST] = ["Parameters", "Time", "Validation", "Test, 95 % interval"];

/** Add a network that was trained or opened, and show it. */
export function addNetwork(state, trained, isSaved = false) {
  const early = isSaved ? [] : (state.get("running")?.early ?? []);
  const norms = isSaved ? null : (state.get("progress")?.gradientNorms ?? null);
  const network = { trained, result: null, isSaved, early, norms };
  state.set({ networks: [...state.get("networks"), network], shown: network });
}

/** A name for a new network: the one wished, or with a number that no network of the session has. */
export function freeName(state, wished) {
  return numbered(wished, new Set(state.get("networks").map(({ trained }) => trained.name)));
}

/** A name that is not taken: the one wished, or with a number. taken: has(name). */
export function numbered(wished, taken) {
  if (!taken.has(wished)) return wished;
  const stem = wished.replace(/_\d+$/, "").slice(0, 58);
  for (let number = 2; ; number++) if (!taken.has(`${stem}_${number}`)) return `${stem}_${number}`;
}

/** Show the networks in `root`. actions: {save(network), write(network)}: save one, bring its text to the editor. */
export function createNetworks(root, state, actions) {
  let chosen = []; // the networks that are compared

  function paint() {
    const networks = state.get("networks");
    chosen = chosen.filter((network) => networks.includes(network));
    if (!networks.length) {
      root.replaceChildren(
        element(
          "p",
          { class: "quiet" },
          "Each network that you train is a row here. Train one, change a line, train again: the table says what became of the change.",
        ),
      );
      return;
    }
    const heads = [
      element("th", COLUMN, element("span", { class: "unseen" }, "Compare")),
      ...["Network", "What differs from the row above", PARAMETERS, TIME, VALIDATION, TEST].map((head) =>
        element("th", COLUMN, head),
      ),
    ];
    const rows = networks.map((network, place) => rowOf(network, networks[place - 1]));
    const table = element(
      "table",
      { class: "networks", role: "table" },
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...heads)),
      element("tbody", { role: "rowgroup" }, ...rows),
    );
    const scrolled = element(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "All networks" },
      table,
    );
    const focused = root.contains(document.activeElement) ? labelOf(document.activeElement) : null;
    root.replaceChildren(scrolled, ...comparison(networks));
    if (focused) [...root.querySelectorAll("[aria-label]")].find((each) => labelOf(each) === focused)?.focus();
  }

  function rowOf(network, above) {
    const { trained, result } = network;
    const { name, spec, history, keptEpoch } = trained;
    const best = history[keptEpoch - 1] ?? history.at(-1);
    const box = element("input", {
      type: "checkbox",
      "aria-label": `Compare ${name}`,
      checked: chosen.includes(network),
      onchange: () => choose(network),
    });
    const isShown = network === state.get("shown");
    const show = element(
      "button",
      {
        type: "button",
        "aria-label": `Show ${name}`,
        "aria-pressed": `${isShown}`,
        onclick: () => state.set({ shown: network }),
      },
      isShown ? "Shown" : "Show",
    );
    const write = element(
      "button",
      {
        type: "button",
        "aria-label": `Bring the lines of ${name} to the editor`,
        title: "Bring its lines to the editor",
        onclick: () => actions.write(network),
      },
      "Edit",
    );
    const save = element(
      "button",
      { type: "button", "aria-label": `Save ${name} as a file`, onclick: () => actions.save(network) },
      "Save",
    );
    const cell = (head, ...content) => element("td", { role: "cell", "data-head": head }, ...content);
    const cells = [
      element("td", { role: "cell" }, box),
      element(
        "th",
        { scope: "row", role: "rowheader" },
        name,
        element("div", { class: "row-actions" }, show, write, save),
      ),
      element(
        "td",
        { class: "differs", role: "cell" },
        above ? differences(above.trained, trained).join("\n") : "the first one",
      ),
      cell(PARAMETERS, thousands(parametersOf(trained))),
      cell(TIME, ...doubled(duration(trained.seconds), epochsOf(history.length, spec.epochs))),
      cell(VALIDATION, Number.isFinite(best?.valAccuracy) ? percent(best.valAccuracy) : "–"),
      cell(TEST, ...(result ? tested(result) : ["–"])),
    ];
    return element("tr", { role: "row", class: isShown ? "shown" : "" }, ...cells);
  }

  function choose(network) {
    chosen = chosen.includes(network) ? chosen.filter((each) => each !== network) : [...chosen, network].slice(-2);
    paint();
  }

  function comparison(networks) {
    if (networks.length < 2) return [];
    if (chosen.length < 2) {
      return [element("p", { class: "quiet" }, "Choose two rows to compare them."), ...beyondChance(networks)];
    }
    const [first, second] = networks.filter((network) => chosen.includes(network));
    const pair = testedPairs(networks).find((each) => each.first === first && each.second === second);
    const [verdict, ...sentences] = compared(first, second, pair);
    const title = `${first.trained.name} and ${second.trained.name}`;
    return [
      element("h3", {}, title),
      element("p", { class: "verdict" }, verdict),
      element("ul", { class: "compared" }, ...sentences.map((sentence) => element("li", {}, sentence))),
      ...beyondChance(networks),
    ];
  }

  state.watch(["networks", "shown"], paint);
  paint();
}

function labelOf(control) {
  return control.getAttribute("aria-label");
}

function tested({ correct, count, accuracy }) {
  const [low, high] = wilsonInterval(correct, count);
  return doubled(percent(accuracy), `${(100 * low).toFixed(2)} to ${percent(high)}`);
}

function epochsOf(epochs, wished) {
  return epochs === wished ? counted(epochs, "epoch") : `${epochs} of ${counted(wished, "epoch")}`;
}

/** A value, and below it another one in smaller letters. */
function doubled(value, other) {
  return [value, element("span", { class: "interval" }, other)];
}

/** Every pair of the tested networks, as `comparePairs` gives it, but first and second are the networks. */
function testedPairs(networks) {
  const tested = networks.filter(({ result }) => result);
  const pairs = comparePairs(tested.map(({ result }) => result.correctOf));
  return pairs.map((pair) => ({ ...pair, first: tested[pair.first], second: tested[pair.second] }));
}

/**
 * Two networks compared: a list of sentences, of which the first is the verdict. pair: theirs among all tested ones;
 * undefined if one of them is not tested.
 */
function compared(first, second, pair) {
  const [one, other] = [first.trained, second.trained];
  const texts = differences(one, other);
  const [fewer, more] = [one, other].sort((a, b) => parametersOf(a) - parametersOf(b));
  const [few, many] = [fewer, more].map(parametersOf);
  const sentences = [
    texts[0].startsWith("the same")
      ? `${other.name} is trained from ${texts[0]}.`
      : `${other.name} differs from ${one.name}: ${listed(texts)}.`,
    few === many
      ? `Both have ${counted(few, "parameter")}.`
      : `${more.name} has ${counted(many, "parameter")}, ${(many / few).toFixed(many / few < 10 ? 1 : 0)} times those of ${fewer.name}.`,
    `${one.name} took ${duration(one.seconds)}, ${other.name} ${duration(other.seconds)}.`,
  ];
  if (!pair) {
    const open = [first, second].filter(({ result }) => !result).map(({ trained }) => trained.name);
    return [
      `Which of them is better is known once ${listed(open)} ${open.length > 1 ? "have been" : "has been"} tested:` +
        " press Show in its row, then Test.",
      ...sentences,
    ];
  }
  const isSeed = texts.length === 1 && texts[0].startsWith("seed ") && one.history.length === other.history.length;
  return [verdictOf(pair.p, isSeed), pairText(pair, one.name, other.name), ...sentences];
}

/** What follows from p. isSeed: whether the two networks differ in nothing but their seed. */
function verdictOf(p, isSeed) {
  if (p >= LEVEL) return "The choice of test images alone could explain the difference: do not choose by it.";
  const beyond = "These two networks differ by more than the choice of test images explains.";
  return isSeed
    ? `${beyond} The seed alone did that: so much do networks of one text differ.`
    : `${beyond} Whether the change did that, or the luck of the seed, you see if you train both under other seeds too.`;
}

/** Which differences between all tested networks are more than chance: sentences, if there are more than two. */
function beyondChance(networks) {
  const pairs = testedPairs(networks);
  if (pairs.length < 3) return [];
  const clear = pairs.filter(({ p }) => p < LEVEL);
  const title = element(
    "h3",
    {},
    `Of ${pairs.length} pairs that were tested, ${clear.length ? clear.length : "none"} differ${clear.length === 1 ? "s" : ""} by more than the choice of test images explains`,
  );
  return [
    title,
    element(
      "ul",
      { class: "compared" },
      ...clear.map((pair) => element("li", {}, pairText(pair, pair.first.trained.name, pair.second.trained.name))),
    ),
  ];
}

function parametersOf({ network }) {
  return network.parameters ?? countParameters(network.nodes);
}

/** What differs between two trainings, as short lines: those of the text, then the settings. */
function differences(before, after) {
  const lines = changedLines(linesOf(before.text), linesOf(after.text));
  const settings = [
    ["seed", (trained) => trained.seed],
    ["images", (trained) => thousands(trained.trainingImages + trained.validationImages)],
    ["for training", (trained) => `${Math.round(100 * trained.split)} %`],
  ].flatMap(([name, value]) =>
    value(before) === value(after) ? [] : [`${name} ${value(after)} instead of ${value(before)}`],
  );
  const all = [...lines, ...settings];
  if (all.length) return all.slice(0, 6).concat(all.length > 6 ? [`and ${all.length - 6} more`] : []);
  const further = after.history.length - before.history.length;
  return [
    further
      ? `the same lines, ${after.history.length} epochs instead of ${before.history.length}`
      : "the same lines and settings",
  ];
}

/**
 * The lines that say something, without comments, indented as far as blocks are around them; the bare numbers below
 * Optimizer: with what they are.
 */
export function linesOf(text) {
  const keys = { epochs: true, batch: true }; // that the section still lacks
  let section = "";
  let margins = []; // of the section's lines, and of the blocks around a line
  return text.split(/\r\n?|\n/).flatMap((whole) => {
    const line = whole.replace(/#.*/, "").trim();
    if (!line) return [];
    const margin = whole.search(/\S/);
    if (/^\w+:$/.test(line) && margin === 0 && !BLOCK.test(line)) {
      [section, margins] = [line.toLowerCase(), []];
      return [line];
    }
    margins = [...margins.filter((each) => each < margin), margin];
    if (section !== "optimizer:") return [INDENT.repeat(margins.length - 1) + line];
    const named = /^(epochs|batch)\s*=/i.exec(line)?.[1].toLowerCase();
    const key = named ?? (/^\d+$/.test(line) ? Object.keys(keys)[0] : undefined);
    if (key) delete keys[key];
    return [key && !named ? `${key}=${line}` : line];
  });
}

/** What became of some lines: "Conv,16,3,3,relu instead of Conv,8,3,3,relu", "without …", "with …", "… moved …". */
export function changedLines(indentedBefore, indentedAfter) {
  const [before, after] = [indentedBefore, indentedAfter].map((lines) => lines.map((line) => line.trim()));
  if (before.length * after.length > 1e6) {
    return indentedBefore.join("\n") === indentedAfter.join("\n") ? [] : ["another text"];
  }
  const longest = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      longest[i][j] =
        before[i] === after[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  const found = [];
  let [i, j, gone, come] = [0, 0, [], []];
  const close = () => {
    gone.forEach((line, place) =>
      found.push(place < come.length ? `${come[place]} instead of ${line}` : `without ${line}`),
    );
    found.push(...come.slice(gone.length).map((line) => `with ${line}`));
    [gone, come] = [[], []];
  };
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      close();
      const further = indentedAfter[j].length - indentedBefore[i].length;
      if (further) found.push(`${after[j]} moved ${further > 0 ? "into" : "out of"} a block`);
      [i, j] = [i + 1, j + 1];
    } else if (j === after.length || (i < before.length && longest[i + 1][j] >= longest[i][j + 1]))
      gone.push(before[i++]);
    else come.push(after[j++]);
  }
  close();
  return found;
}
