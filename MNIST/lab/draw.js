// A sheet to draw on, with the network's answer while one draws; drawings that are labelled are kept as a dataset.

import { addBar, classesWithBars, inPercent, likeliest, MOST_BARS } from "../browser/drawing/bars.js";
import { drawingOn, SIDE } from "../browser/drawing/drawing.js";
import { centred, whole } from "../browser/drawing/picture.js";
import { paintPicture, pictureOf } from "./dataset.js";
import { counted, element, say } from "./words.js";

const MOST_BUTTONS = 20; // of more classes, the label is chosen from a list

/** Let the user draw in `root`. about: of the dataset. save(digits): {images, labels} are saved. */
export function createDraw(root, lab, about, save) {
  const { state } = lab;
  const { classes } = about;
  const isDigits = classes.length === 10 && classes.every((name, place) => name === `${place}`);
  const pad = element("canvas", {
    id: "pad",
    tabindex: "0",
    role: "application",
    "aria-label": "Drawing area",
    "aria-describedby": "pad-keys",
  });
  const invitation = element(
    "span",
    { id: "invitation", "aria-hidden": "true" },
    isDigits ? "draw a digit" : "draw a picture",
  );
  const seen = element("canvas", {
    class: "picture",
    width: 28,
    height: 28,
    role: "img",
    "aria-label": "What the network sees",
  });
  const clear = element("button", { type: "button" }, "Clear");
  const answer = element("p", { class: "answer" });
  const bars = element("ol", {
    class: "bars",
    style: `--label: ${Math.max(...classes.map(({ length }) => length))}ch`,
  });
  const few = classes.length <= MOST_BARS;
  const rows = classes.slice(0, MOST_BARS).map((name) => addBar(bars, few ? name : ""));
  const kept = element("ul", { class: "kept" });
  const keptNote = element("p", { class: "quiet" });
  const saving = element(
    "button",
    { type: "button", disabled: true, onclick: () => save(together()) },
    "Save these as a dataset",
  );
  root.replaceChildren(
    element(
      "div",
      { class: "desk" },
      element(
        "div",
        {},
        element("div", { class: "paper" }, pad, invitation),
        element(
          "div",
          { class: "under" },
          clear,
          seen,
          element("span", { class: "quiet" }, "what the network sees"),
        ),
        element(
          "p",
          { id: "pad-keys", class: "quiet" },
          "With keys: the arrows move the pen, Space puts it down and lifts it, Esc clears.",
        ),
      ),
      element("div", {}, answer, bars, element("h3", {}, "Keep it"), ...labels(), keptNote, kept, saving),
    ),
  );

  let digits = []; // {pixels, label}
  let newest = null;
  let asking = null;
  const drawing = drawingOn(pad, look);

  function labels() {
    if (classes.length <= MOST_BUTTONS) {
      const buttons = classes.map((name, place) =>
        element(
          "button",
          { type: "button", "aria-label": `Keep it as ${name}`, onclick: () => keep(place) },
          name,
        ),
      );
      return [
        element(
          "div",
          { class: "labels", role: "group", "aria-label": "What it is" },
          element("span", { class: "quiet" }, "as"),
          ...buttons,
        ),
      ];
    }
    const select = element(
      "select",
      { "aria-label": "What it is" },
      ...classes.map((name, value) => element("option", { value }, name)),
    );
    return [
      element(
        "div",
        { class: "labels" },
        select,
        element("button", { type: "button", onclick: () => keep(Number(select.value)) }, "Keep it"),
      ),
    ];
  }

  /** The drawing in the form and the polarity of the dataset; null if the sheet is empty. */
  function pixels() {
    if (drawing.isEmpty()) return null;
    const picture = (about.form === "whole" ? whole : centred)(drawing.ink(), SIDE, SIDE);
    return picture && about.ink === "dark" ? picture.map((grey) => 255 - grey) : picture;
  }

  function look(ended) {
    newest = { pixels: pixels(), ended };
    invitation.hidden = !drawing.isEmpty();
    paintPicture(seen, newest.pixels ?? new Uint8Array(784).fill(about.ink === "dark" ? 255 : 0));
    asking ??= follow().finally(() => {
      asking = null;
    });
  }

  /** Ask the network about the newest drawing until there is no newer one. */
  async function follow() {
    let asked = null;
    while (asked !== newest) {
      asked = newest;
      const network = state.get("shown");
      if (!asked.pixels || !network) {
        wait(network ? "" : "Train a network: it answers while you draw.");
        continue;
      }
      try {
        const laboratory = await lab.laboratory();
        const { probabilities } = await laboratory.answer(network.trained, Uint8Array.from(asked.pixels));
        show(probabilities, asked === newest && asked.ended ? network.trained.name : null);
      } catch (error) {
        wait(error.message);
      }
    }
  }

  function wait(words) {
    answer.replaceChildren(element("span", { class: "quiet" }, words));
    rows.forEach((row) => row.show(null));
  }

  function show(probabilities, name) {
    const best = likeliest(probabilities, 1)[0];
    answer.replaceChildren(
      element("b", {}, classes[best]),
      element("span", { class: "quiet" }, inPercent(probabilities[best])),
    );
    const order = classesWithBars(probabilities);
    rows.forEach((row, place) =>
      row.show(probabilities[order[place]], order[place] === best, classes[order[place]]),
    );
    if (name) say(`${name}: ${classes[best]}, ${inPercent(probabilities[best])}`);
  }

  function keep(label) {
    const picture = pixels();
    if (!picture) {
      keptNote.textContent = "The sheet is empty: draw something first.";
      return;
    }
    digits = [...digits, { pixels: Uint8Array.from(picture), label }];
    drawing.clear();
    showKept();
    say(`Kept as ${classes[label]}`);
  }

  function showKept() {
    const items = digits.map((digit) => {
      const name = classes[digit.label];
      const remove = element(
        "button",
        { type: "button", "aria-label": `Remove this ${name}`, onclick: () => drop(digit) },
        "×",
      );
      return element(
        "li",
        {},
        pictureOf(digit.pixels, `A drawing of ${name}`),
        element("span", {}, name, " ", remove),
      );
    });
    kept.replaceChildren(...items);
    keptNote.textContent = digits.length
      ? `${counted(digits.length, "drawing")} kept`
      : "Say what you drew: it is kept, and all that are kept can be saved as a dataset.";
    saving.disabled = !digits.length;
    state.set({ unsavedDigits: digits.length > 0 });
  }

  function drop(digit) {
    const place = digits.indexOf(digit);
    digits = digits.filter((each) => each !== digit);
    showKept();
    const left = kept.querySelectorAll("button");
    (left[Math.min(place, left.length - 1)] ?? pad).focus();
  }

  function together() {
    const images = new Uint8Array(digits.length * 784);
    digits.forEach((digit, place) => images.set(digit.pixels, place * 784));
    return { images, labels: Uint16Array.from(digits, ({ label }) => label) };
  }

  clear.addEventListener("click", drawing.clear);
  pad.addEventListener("keydown", (event) => event.key === "Escape" && drawing.clear());
  state.watch(["shown"], () => look(false)); // not said: what was trained or tested is
  showKept();
  look(true);
  return { pixels, repaint: drawing.repaint };
}
