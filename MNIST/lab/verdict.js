// What is said of the text as a whole: its size and training, or its mistakes.

import { problemText } from "../browser/language/language.js";
import { ruleIsLeftOut } from "../browser/training/laboratory.js";
import { element } from "./words.js";

const MOST_ROWS = 300; // of the table for screen readers

/** List the problems, each as `check` writes it; going to one puts the cursor there. */
export function shownProblems(root, problems, go) {
  const items = problems.map((problem) => {
    const words = element("pre", {}, problemText(problem));
    if (!problem.line) return element("li", {}, words);
    const follow = (event) => {
      event.preventDefault();
      go(problem.line, problem.column);
    };
    return element("li", {}, element("a", { href: `#line-${problem.line}`, onclick: follow }, words));
  });
  root.replaceChildren(...(items.length ? [element("ul", {}, ...items)] : []));
}

/** The network's size, and how it is trained. */
export function summarised(root, { check, network, problems }, name) {
  if (!check) {
    root.replaceChildren(
      `${problems.length} mistake${problems.length === 1 ? "" : "s"}: nothing can be trained yet`,
    );
    return;
  }
  const size = `${check.layers} · ${check.parameters} parameters · ${check.flops} MFLOPs an image`;
  const lines = check.training.map((line) => line.replace(/^\w+\s+/, ""));
  const left = network.followsGradients ? null : ruleIsLeftOut(network.spec, name);
  root.replaceChildren(
    element("b", {}, size),
    element("br"),
    element("span", { class: "more" }, lines.join(" · ")),
    ...(left ? [element("br"), left] : []),
  );
}

/** The table of `check` for those who cannot see it beside the text. */
export function tableOfLayers(root, check) {
  if (!check) {
    root.replaceChildren();
    return;
  }
  const heads = ["Line", "Layer", "Output", "Parameters", "MFLOPs"].map((head) =>
    element("th", { scope: "col" }, head),
  );
  const rows = check.rows
    .slice(0, MOST_ROWS)
    .map(({ line, layer, output, parameters, flops }) =>
      element(
        "tr",
        {},
        ...[line ?? "", layer, output, parameters, flops].map((cell) => element("td", {}, `${cell}`)),
      ),
    );
  root.replaceChildren(
    element(
      "table",
      {},
      element("caption", {}, "The layers of the text"),
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...rows),
    ),
  );
}
