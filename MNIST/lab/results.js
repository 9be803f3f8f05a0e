// What a test shows of a network: its surest errors with their pictures, and which classes it takes for which.

import { inPercent } from "../browser/drawing/bars.js";
import { answersOf } from "../browser/training/metrics.js";
import { imageOf, pictureOf } from "./dataset.js";
import { counted, element, thousands } from "./words.js";

const MOST_ERRORS = 48; // pictures
const MOST_CLASSES = 30; // in a table
const MOST_PAIRS = 12; // of classes, in words

const UNTESTED = "This network has not been tested. What it gets wrong is known when Test has been used.";

function sayUntested(root, network) {
  root.replaceChildren(
    element("p", { class: "quiet" }, network ? UNTESTED : "No network has been trained yet."),
  );
}

/** The surest errors in `root`. look(number) shows what each layer makes of a test image. */
export function showErrors(root, network, dataset, look) {
  if (!network?.result) return sayUntested(root, network);
  const wrong = surestErrors(network.result, dataset);
  const pictures = wrong.slice(0, MOST_ERRORS).map(({ number, label, answer, probability }) => {
    const [right, taken] = [dataset.classes[label], dataset.classes[answer]];
    return element(
      "li",
      {},
      element(
        "button",
        { type: "button", title: `Look closer at image ${thousands(number)}`, onclick: () => look(number) },
        pictureOf(imageOf(dataset, "test", number), null),
        element("span", {}, element("b", {}, right), ` taken for `, element("b", {}, taken), " "),
        element("span", { class: "quiet" }, inPercent(probability)),
      ),
    );
  });
  const count = network.result.count;
  const most =
    wrong.length > MOST_ERRORS ? `; the ${MOST_ERRORS} surest of them` : wrong.length ? ", the surest first" : "";
  root.replaceChildren(
    element(
      "p",
      { class: "quiet" },
      `${counted(wrong.length, "error")} on ${counted(count, "test image")}${most}.`,
    ),
    element("ul", { class: "pictures" }, ...pictures),
  );
}

/** The wrong answers, the surest first: [{number, label, answer, probability}]. */
export function surestErrors({ probabilities }, { classes, testLabels }) {
  const { length } = classes;
  return answersOf(probabilities, length)
    .map((answer, number) => {
      const probability = probabilities[number * length + answer];
      return { number, label: testLabels[number], answer, probability };
    })
    .filter(({ label, answer }) => label !== answer)
    .sort((a, b) => b.probability - a.probability);
}

/** Which classes are taken for which, in `root`: a table if there are few classes, and the most frequent in words. */
export function showConfusion(root, network, dataset) {
  if (!network?.result) return sayUntested(root, network);
  const matrix = confusionMatrix(network.result, dataset);
  const pairs = matrix
    .flatMap((row, label) => row.map((count, answer) => ({ label, answer, count })))
    .filter(({ label, answer, count }) => count && label !== answer)
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST_PAIRS);
  const name = (place) => dataset.classes[place];
  const sentences = pairs.map(({ label, answer, count }) =>
    element("li", {}, `${name(label)} taken for ${name(answer)}: ${counted(count, "time")}`),
  );
  root.replaceChildren(
    ...(dataset.classes.length <= MOST_CLASSES ? [tableOf(matrix, dataset.classes)] : []),
    element("h3", {}, pairs.length ? "Most often" : "No errors"),
    element("ul", {}, ...sentences),
  );
}

/** Counts: a row for each true class, a column for each answer. */
export function confusionMatrix({ probabilities }, { classes, testLabels }) {
  const matrix = classes.map(() => classes.map(() => 0));
  answersOf(probabilities, classes.length).forEach((answer, number) => (matrix[testLabels[number]][answer] += 1));
  return matrix;
}

function tableOf(matrix, classes) {
  const most = Math.max(1, ...matrix.flatMap((row, label) => row.filter((_, answer) => answer !== label)));
  const heads = classes.map((each) => element("th", { scope: "col" }, each));
  const rows = matrix.map((row, label) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, classes[label]),
      ...row.map((count, answer) => cellOf(count, answer === label, count / most)),
    ),
  );
  const table = element(
    "table",
    { class: "confusion" },
    element("caption", { class: "quiet" }, "A row for each true class, a column for each answer"),
    element("thead", {}, element("tr", {}, element("td"), ...heads)),
    element("tbody", {}, ...rows),
  );
  return element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "Confusion of classes" },
    table,
  );
}

/** A cell: blue if right, orange if wrong, the fuller the more. */
function cellOf(count, isRight, share) {
  if (!count) return element("td", { class: "none" }, "·");
  const [colour, strength] = isRight ? ["--positive", 0.22] : ["--negative", 0.1 + 0.35 * share];
  return element("td", { style: `background: rgb(var(${colour}) / ${strength.toFixed(2)})` }, thousands(count));
}
