// What each layer of a network makes of one image.

import { addBar, classesWithBars, inPercent, likeliest } from "../browser/drawing/bars.js";
import { paintMaps } from "../browser/drawing/maps.js";
import { imageOf, pictureOf } from "./dataset.js";
import { swatches } from "./kernels.js";
import { counted, element } from "./words.js";

const MOST_MAPS = 16;
const MOST_VALUES = 1024; // of a layer without maps

/** Let an image be chosen and looked at in `root`. drawing(): the drawing as a network sees it, or null. */
export function createLook(root, lab, drawing) {
  const { state } = lab;
  const from = element(
    "select",
    { id: "look-from", onchange: () => look() },
    ...[
      ["train", "training images"],
      ["test", "test images"],
      ["drawn", "my drawing"],
    ].map(([value, words]) => element("option", { value }, words)),
  );
  const number = element("input", {
    id: "look-number",
    type: "number",
    min: 0,
    value: 0,
    step: 1,
    onchange: () => look(),
  });
  const any = element("button", { type: "button", onclick: chooseAny }, "Any other");
  const choose = element(
    "div",
    { class: "choose" },
    element("label", { for: "look-from" }, "From"),
    from,
    element("label", { for: "look-number" }, "number"),
    number,
    any,
  );
  const note = element("p", { class: "quiet" });
  const answers = element("div", { class: "seen" });
  const layers = element("div", { class: "layers" });
  root.replaceChildren(choose, note, answers, layers);
  let isOpen = false;
  let newest = 0;

  function chooseAny() {
    const count = countOf(state.get("dataset"), from.value);
    number.value = Math.floor(Math.random() * count);
    look();
  }

  async function look() {
    const [network, dataset] = [state.get("shown"), state.get("dataset")];
    const mine = ++newest;
    number.disabled = any.disabled = from.value === "drawn";
    if (!isOpen) return;
    if (!network || !dataset) {
      wait("No network has been trained yet.");
      return;
    }
    const count = countOf(dataset, from.value);
    const place = Math.min(Math.max(0, Math.floor(Number(number.value) || 0)), count - 1);
    const pixels = from.value === "drawn" ? drawing() : imageOf(dataset, from.value, place);
    if (!pixels) {
      wait("Draw something first, under Draw.");
      return;
    }
    if (from.value !== "drawn") {
      number.value = place;
      number.max = count - 1;
    }
    const label = from.value === "drawn" ? null : dataset[`${from.value}Labels`][place];
    const image = Uint8Array.from(pixels);
    try {
      const laboratory = await lab.laboratory();
      const [{ probabilities }, looked] = await Promise.all([
        laboratory.answer(network.trained, image),
        laboratory.look(network.trained, image),
      ]);
      if (mine === newest) show(dataset, pixels, label, probabilities, looked);
    } catch (error) {
      if (mine === newest) wait(error.message);
    }
  }

  function wait(words) {
    note.textContent = words;
    answers.replaceChildren();
    layers.replaceChildren();
  }

  function show({ classes }, pixels, label, probabilities, looked) {
    const order = likeliest(probabilities, 1);
    const said = `${classes[order[0]]}, ${inPercent(probabilities[order[0]])}`;
    note.textContent = label === null ? `The answer: ${said}` : `It is ${classes[label]}; the answer: ${said}`;
    const picture = pictureOf(pixels, label === null ? "The drawing" : `An image of ${classes[label]}`);
    picture.classList.add("big");
    answers.replaceChildren(picture, element("div", {}, barsOf(classes, probabilities)));
    layers.replaceChildren(legend(), ...looked.map(pictureOfLayer));
  }

  state.watch(["shown", "dataset"], look);
  return {
    opened(open) {
      isOpen = open;
      look();
    },
    repaint: look,
    /** Look at a test image. */
    at(place) {
      from.value = "test";
      number.value = place;
      look();
    },
  };
}

function countOf(dataset, from) {
  return dataset ? (dataset[`${from}Labels`]?.length ?? 0) : 0;
}

/** The likeliest classes as bars; if there are few classes, all in their order. */
export function barsOf(classes, probabilities) {
  const best = likeliest(probabilities, 1)[0];
  const bars = element("ol", {
    class: "bars",
    style: `--label: ${Math.max(...classes.map(({ length }) => length))}ch`,
  });
  for (const place of classesWithBars(probabilities)) addBar(bars, classes[place]).show(probabilities[place], place === best);
  return bars;
}

function legend() {
  return element(
    "p",
    { class: "quiet", style: "grid-column: 1 / -1; margin: 0" },
    "What each layer gives: ",
    swatches(),
    "; the fuller, the further from 0.",
  );
}

function pictureOfLayer({ path, text, shape, values, areLogits }) {
  const canvas = element("canvas", { role: "img", "aria-label": `What ${path} gives` });
  let words = ` ${shape.join("×")}`;
  if (areLogits) words += ", before softmax";
  if (shape.length === 3) {
    const [rows, columns, maps] = shape;
    const shown = Math.min(maps, MOST_MAPS);
    const pictures = Array.from({ length: shown }, (_, map) =>
      Float32Array.from({ length: rows * columns }, (_, at) => values[at * maps + map]),
    );
    paintMaps(canvas, pictures, [rows, columns]);
    if (maps > shown) words += `, the first ${shown} maps`;
  } else {
    const shown = Math.min(values.length, MOST_VALUES);
    paintMaps(
      canvas,
      Array.from(values.subarray(0, shown), (value) => [value]),
      [1, 1],
      Math.min(32, shown),
    );
    if (values.length > shown) words += `, the first ${counted(shown, "value")}`;
  }
  return element("figure", {}, element("figcaption", {}, element("code", {}, text), words), canvas);
}
