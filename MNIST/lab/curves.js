// Loss and accuracy over the epochs, of training and validation; within the first epoch, every second.

import { drawn, element, percent, significant, thousands } from "./words.js";

const HEIGHT = 190;
const MOST_POINTS = 1_000; // of a curve: more than a chart has pixels
const FRAME = { left: 44, right: 10, top: 16, bottom: 22 };
const CHARTS = [
  { title: "Loss", training: "loss", validation: "valLoss", axis: lossAxis, write: (value) => significant(value) },
  { title: "Accuracy", training: "accuracy", validation: "valAccuracy", axis: accuracyAxis, write: percent },
];

/**
 * Curves in `root`; returns {show, fade}. show({history, early, epochs}) draws them: history as of a trained network,
 * early: points of the first epoch [{epoch, loss, accuracy}], epoch a fraction. fade(why): the text is another one by
 * now; null: it is the same.
 */
export function createCurves(root) {
  const note = element("p", { class: "note quiet", hidden: true });
  const legend = element(
    "p",
    { class: "legend quiet" },
    element("span", { class: "of-training" }, "training images, while it learns"),
    element("span", { class: "of-validation" }, "validation images, which it does not learn from"),
  );
  const figures = CHARTS.map(({ title }) => element("figure", {}, element("figcaption", {}, title)));
  const rows = element("tbody");
  const heads = [
    "Epoch",
    "Loss",
    "Accuracy",
    "Validation loss",
    "Validation accuracy",
    "Learning rate",
    "Seconds",
  ];
  const table = element(
    "details",
    {},
    element("summary", {}, "As a table"),
    element(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Epochs as a table" },
      element(
        "table",
        {},
        element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
        rows,
      ),
    ),
  );
  let shown = null;
  let listed = []; // the epochs that the table has rows of

  /** Fill the table if it is open. What a row says never changes, so a new epoch only adds a row. */
  function list() {
    const history = table.open ? (shown?.history ?? []) : [];
    const differs = history.findIndex((result, place) => result !== listed[place]);
    const kept = differs < 0 ? history.length : differs;
    while (rows.children.length > kept) rows.lastChild.remove();
    rows.append(...history.slice(kept).map(rowOf));
    listed = [...history]; // a network in training adds to its own
  }

  function paint() {
    const isEmpty = !shown || (!shown.history.length && shown.early.length < 2);
    for (const part of [legend, table, ...figures]) part.hidden = isEmpty;
    if (isEmpty) return;
    figures.forEach((figure, place) => {
      figure.querySelector("svg")?.remove();
      figure.append(chart(CHARTS[place], shown, figure.clientWidth || 300));
    });
  }

  root.replaceChildren(note, legend, ...figures, table);
  new ResizeObserver(paint).observe(root);
  table.addEventListener("toggle", list);
  paint();
  return {
    show(what) {
      shown = what;
      paint();
      table.hidden = !what?.history.length;
      list();
    },
    fade(why) {
      root.classList.toggle("past", why !== null);
      note.hidden = why === null;
      note.textContent = why ?? "";
    },
  };
}

function rowOf({ epoch, loss, accuracy, valLoss, valAccuracy, learningRate, seconds }) {
  const cells = [
    thousands(epoch),
    significant(loss),
    percent(accuracy),
    isKnown(valLoss) ? significant(valLoss) : "–",
    isKnown(valAccuracy) ? percent(valAccuracy) : "–",
    significant(learningRate),
    seconds.toFixed(2),
  ];
  return element("tr", {}, ...cells.map((cell) => element("td", {}, cell)));
}

/** One chart as a drawing, `width` pixels wide. */
function chart({ title, training, validation, axis, write }, { history, early, epochs }, width) {
  const some = thinned(history);
  const learned = [...early, ...some].map((point) => [point.epoch, point[training]]).filter(areKnown);
  const validated = some.map((point) => [point.epoch, point[validation]]).filter(areKnown);
  const values = [...learned, ...validated].map(([, value]) => value);
  const ticks = axis(values);
  const [low, high] = [ticks[0], ticks.at(-1)];
  const last = Math.max(1, epochs);
  const x = (epoch) => FRAME.left + (epoch / last) * (width - FRAME.left - FRAME.right);
  const y = (value) => {
    const share = (Math.min(Math.max(value, low), high) - low) / (high - low || 1);
    return HEIGHT - FRAME.bottom - share * (HEIGHT - FRAME.top - FRAME.bottom);
  };
  const svg = drawn("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img" });
  svg.setAttribute("aria-label", inWords(title, history, training, validation, write));
  for (const tick of ticks) {
    svg.append(
      drawn("line", { class: "grid", x1: FRAME.left, x2: width - FRAME.right, y1: y(tick), y2: y(tick) }),
      label(
        FRAME.left - 7,
        y(tick) + 4,
        axis === accuracyAxis ? `${+(100 * tick).toFixed(2)} %` : `${+tick.toPrecision(3)}`,
        "end",
      ),
    );
  }
  for (const epoch of wholeTicks(last)) svg.append(label(x(epoch), HEIGHT - 5, `${epoch}`, "middle"));
  for (const [kind, points] of [
    ["of-training", learned],
    ["of-validation", validated],
  ]) {
    svg.append(
      drawn("path", {
        class: kind,
        d: points.map(([at, value], place) => `${place ? "L" : "M"}${x(at)} ${y(value)}`).join(""),
      }),
    );
    const whole = points.filter(([at]) => Number.isInteger(at) && at > 0);
    if (whole.length > 40) continue;
    for (const [at, value] of whole) {
      const title = drawn("title", {}, document.createTextNode(`epoch ${at}: ${write(value)}`));
      svg.append(drawn("circle", { class: kind, cx: x(at), cy: y(value), r: 2.8 }, title));
    }
  }
  return svg;
}

/** Every so many epochs, and the last one, if all of them could not be told apart in a chart. */
function thinned(history) {
  const every = Math.ceil(history.length / MOST_POINTS);
  return history.filter((_, place) => place % every === 0 || place === history.length - 1);
}

function label(x, y, words, anchor) {
  return drawn("text", { x, y, "text-anchor": anchor }, document.createTextNode(words));
}

function inWords(title, history, training, validation, write) {
  const last = history.at(-1);
  if (!last) return `${title} within the first epoch`;
  const validated = isKnown(last[validation]) ? `, ${write(last[validation])} of validation` : "";
  return `${title} after epoch ${last.epoch}: ${write(last[training])} of training${validated}`;
}

const isKnown = (value) => value !== null && value !== undefined && Number.isFinite(value);
const areKnown = ([, value]) => isKnown(value);

/** Epochs at the axis: at most ten of them. */
function wholeTicks(last) {
  const every =
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000].find((each) => last / each <= 10) ?? last;
  return Array.from({ length: Math.floor(last / every) + 1 }, (_, place) => place * every);
}

function lossAxis(values) {
  const most = Math.max(1e-6, ...values);
  const size = 10 ** Math.floor(Math.log10(most));
  const every = [0.2, 0.5, 1, 2, 5].map((each) => each * size).find((each) => most / each <= 5);
  return Array.from({ length: Math.ceil(most / every - 1e-9) + 1 }, (_, place) => place * every);
}

/** From a round number below all values to 1. */
function accuracyAxis(values) {
  const least = Math.min(1, ...values);
  const low = [0.99, 0.98, 0.95, 0.9, 0.8, 0.5, 0].find((each) => each <= least - 0.1 * (1 - each)) ?? 0;
  return Array.from({ length: 6 }, (_, place) => low + ((1 - low) * place) / 5);
}
