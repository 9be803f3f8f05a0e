// A card for a network or an ensemble: its answer, a bar for each class, and what a network's convolutions see.

import { addBar, classesWithBars, inPercent, MOST_BARS } from "../browser/drawing/bars.js";
import { paintMaps } from "../browser/drawing/maps.js";

/**
 * Add a card to the end of `parent`; return the functions that change it. name: its heading. networks: as in
 * networks.py, those of an ensemble or one alone; they have the same classes.
 */
export function addCard(parent, name, networks) {
  const [{ classes }] = networks;
  const total = (of) => networks.reduce((sum, network) => sum + network[of], 0);
  const card = document.getElementById("card").content.cloneNode(true).firstElementChild;
  const [heading, size, work, answer, digit, percent, bars, details, layers] = [
    ".name", ".size", ".work", ".answer", ".digit", ".percent", ".bars", "details", ".layers",
  ].map((selector) => card.querySelector(selector));
  heading.textContent = name;
  const several = networks.length > 1 ? `${networks.length} networks, ` : "";
  size.textContent = `${several}${total("parameters").toLocaleString("en")} parameters`;
  details.hidden = networks.length > 1 || networks[0].maps.length === 0; // an ensemble has no maps of its own
  const longest = Math.max(...classes.map((each) => each.length));
  answer.classList.toggle("named", longest > 2);
  bars.style.setProperty("--label", `${longest}ch`);
  const few = classes.length <= MOST_BARS;
  const rows = classes.slice(0, MOST_BARS).map((each) => addBar(bars, few ? each : ""));
  parent.append(card);
  let maps = [];
  let said = null;

  /** Show that there is no answer, and why. */
  function wait(why) {
    said = null;
    answer.classList.add("waits");
    digit.textContent = "?";
    percent.textContent = why;
    work.textContent = `${mega(total("flops"))} MFLOPs`;
    rows.forEach((row) => row.show(null));
    maps = [];
    layers.replaceChildren();
  }

  /** Show an answer. found: as worker.js sends it. */
  function show(found) {
    const best = found.probabilities.indexOf(Math.max(...found.probabilities));
    answer.classList.remove("waits");
    said = classes[best];
    digit.textContent = said;
    percent.textContent = inPercent(found.probabilities[best]);
    work.textContent = `${mega(total("flops"))} MFLOPs in ${Math.max(1, Math.round(found.milliseconds))} ms`;
    const order = classesWithBars(found.probabilities);
    rows.forEach((row, place) => {
      const each = order[place];
      row.show(found.probabilities[each], each === best, classes[each]);
    });
    maps = found.maps;
    repaint();
  }

  function repaint() {
    while (layers.children.length > maps.length) layers.lastElementChild.remove();
    maps.forEach((layer, index) => paintLayer(layers.children[index] ?? addLayer(layers), layer));
  }

  return {
    wait,
    show,
    repaint,
    wantsMaps: () => details.open,
    onOpen: (opened) => details.addEventListener("toggle", () => details.open && opened()),
    answer: () => said, // null while there is none
    inWords: () => `${name}: ${digit.textContent}, ${percent.textContent}`,
  };
}

function addLayer(layers) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.append(document.createElement("code"), document.createElement("span"));
  figure.append(caption, document.createElement("canvas"));
  layers.append(figure);
  return figure;
}

/** Show a layer's first maps side by side. */
function paintLayer(figure, { text, shape: [rows, columns], channels, values }) {
  const more = channels - values.length;
  const [code, rest] = figure.querySelectorAll("code, span");
  code.textContent = text;
  rest.textContent = `: ${values.length} maps of ${rows}×${columns}` + (more > 0 ? ` and ${more} more` : "");
  paintMaps(figure.querySelector("canvas"), values, [rows, columns]);
}

function mega(flops) {
  return (flops / 1e6).toLocaleString("en", { maximumSignificantDigits: 2 });
}
