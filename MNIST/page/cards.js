// One card for each network: its answer, a bar for each class, and what its convolutions see.

const ACROSS = 8; // maps in a row
const SMALLEST = 24; // pixels along a map's side, at least, so that the gaps between maps look the same
const MOST_BARS = 12; // of more classes, the likeliest are shown
const GAP = 2;
const FAINTEST = 14; // opacity of a value of 0, out of 255, so that a map of zeros is visible
const CONTRAST = 0.8; // below 1, so that weak values are seen better

/** Add a card for a network of plan.py to the end of `parent`; return the functions that change it. */
function addCard(parent, plan) {
  const card = document.getElementById("card").content.cloneNode(true).firstElementChild;
  const [name, size, work, answer, digit, percent, bars, details, layers] = [
    ".name", ".size", ".work", ".answer", ".digit", ".percent", ".bars", "details", ".layers",
  ].map((selector) => card.querySelector(selector));
  name.textContent = plan.name;
  size.textContent = `${plan.parameters.toLocaleString("en")} parameters`;
  details.hidden = !hasMaps(plan.operations);
  const longest = Math.max(...plan.classes.map((each) => each.length));
  answer.classList.toggle("named", longest > 2);
  bars.style.setProperty("--label", `${longest}ch`);
  const few = plan.classes.length <= MOST_BARS;
  const rows = plan.classes.slice(0, MOST_BARS).map((each) => addBar(bars, few ? each : ""));
  parent.append(card);
  let maps = [];

  /** Show that there is no answer, and why. */
  function wait(why) {
    answer.classList.add("waits");
    digit.textContent = "?";
    percent.textContent = why;
    work.textContent = `${mega(plan.flops)} MFLOPs`;
    rows.forEach((row) => row.show(null));
    maps = [];
    layers.replaceChildren();
  }

  /** Show an answer. found: as worker.js sends it. */
  function show(found) {
    const best = found.probabilities.indexOf(Math.max(...found.probabilities));
    answer.classList.remove("waits");
    digit.textContent = plan.classes[best];
    percent.textContent = inPercent(found.probabilities[best]);
    work.textContent = `${mega(plan.flops)} MFLOPs in ${Math.max(1, Math.round(found.milliseconds))} ms`;
    const order = few ? [...rows.keys()] : likeliest(found.probabilities, rows.length);
    rows.forEach((row, place) => {
      const each = order[place];
      row.show(found.probabilities[each], each === best, plan.classes[each]);
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
    inWords: () => `${plan.name}: ${digit.textContent}, ${percent.textContent}`,
  };
}

/** The numbers of the likeliest classes, the likeliest first. */
function likeliest(probabilities, count) {
  return [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]).slice(0, count);
}

/** Add a class's bar. It has show(probability, isFirst, name), and show(null) if there is no answer. */
function addBar(bars, name) {
  const row = document.createElement("li");
  const [label, track, value] = ["span", "span", "span"].map((tag) => document.createElement(tag));
  const bar = document.createElement("span");
  label.textContent = name;
  track.className = "track";
  bar.className = "bar";
  track.append(bar);
  row.append(label, track, value);
  bars.append(row);
  return {
    show(probability, isFirst = false, name = label.textContent) {
      label.textContent = name;
      row.classList.toggle("first", isFirst);
      bar.style.transform = `scaleX(${probability ?? 0})`;
      value.textContent = probability === null ? "" : inPercent(probability);
    },
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

/** Paint a layer's first maps side by side. The canvas has the maps' pixels; the browser enlarges them. */
function paintLayer(figure, { text, shape: [rows, columns], channels, values }) {
  const more = channels - values.length;
  const [code, rest] = figure.querySelectorAll("code, span");
  code.textContent = text;
  rest.textContent = `: ${values.length} maps of ${rows}×${columns}` + (more > 0 ? ` and ${more} more` : "");
  const zoom = Math.max(1, Math.ceil(SMALLEST / columns));
  const [width, height] = [columns * zoom + GAP, rows * zoom + GAP];
  const canvas = figure.querySelector("canvas");
  canvas.width = ACROSS * width - GAP;
  canvas.height = Math.ceil(values.length / ACROSS) * height - GAP;
  const largest = values.reduce((most, map) => map.reduce((a, b) => Math.max(a, Math.abs(b)), most), 1e-30);
  const image = new ImageData(canvas.width, canvas.height);
  const colours = ["--positive", "--negative"].map(rgb);
  values.forEach((map, index) => {
    const left = (index % ACROSS) * width;
    const top = Math.floor(index / ACROSS) * height;
    for (let y = 0; y < rows * zoom; y++) {
      for (let x = 0; x < columns * zoom; x++) {
        const value = map[Math.floor(y / zoom) * columns + Math.floor(x / zoom)];
        const opacity = FAINTEST + (255 - FAINTEST) * (Math.abs(value) / largest) ** CONTRAST;
        image.data.set([...colours[value < 0 ? 1 : 0], opacity], 4 * ((top + y) * canvas.width + left + x));
      }
    }
  });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function rgb(variable) {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim().split(" ").map(Number);
}

/** Whether some operation, here or in a block, is a convolution whose maps can be shown. */
function hasMaps(operations) {
  return operations.some(
    (each) => each.text || hasMaps(each.block ?? []) || (each.paths ?? []).some((path) => hasMaps(path)),
  );
}

/** A probability in percent that is never rounded to 100 % or to 0, as in the program's own reports. */
function inPercent(probability) {
  if (probability > 0.9999) return ">99.99\u00a0%";
  if (probability < 0.001) return "<0.1\u00a0%";
  return `${(100 * probability).toFixed(probability < 0.99 ? 1 : 2)}\u00a0%`;
}

function mega(flops) {
  return (flops / 1e6).toLocaleString("en", { maximumSignificantDigits: 2 });
}
