// How large the gradients are, layer by layer: a bar for each on a scale of powers of ten.

import { element, significant } from "./words.js";

const [LEAST, MOST] = [-6, 1]; // powers of ten at the ends of a bar

/** Bars in `root`; returns {show}. show(norms): [{path, norm}], norm that of a layer's gradients; null hides them. */
export function createGradients(root) {
  const caption = element("p", { class: "quiet" }, "Size of the gradients, layer by layer (10⁻⁶ to 10)");
  const list = element("dl", { class: "gradients" });
  const tall = element(
    "div",
    { class: "tall", tabindex: "0", role: "group", "aria-label": "Size of the gradients" },
    list,
  );
  let bars = new Map();

  function add(path) {
    const [bar, value] = [element("span", { class: "bar" }), element("dd")];
    list.append(
      element("dt", {}, path),
      element("dd", { "aria-hidden": "true" }, element("span", { class: "track" }, bar)),
      value,
    );
    bars.set(path, { bar, value });
  }

  root.replaceChildren(caption, tall);
  return {
    show(norms) {
      root.hidden = !norms?.length;
      if (root.hidden) return;
      if (norms.length !== bars.size || norms.some(({ path }) => !bars.has(path))) {
        list.replaceChildren();
        bars = new Map();
        norms.forEach(({ path }) => add(path));
      }
      for (const { path, norm } of norms) {
        const { bar, value } = bars.get(path);
        const share = (Math.log10(Math.max(norm, 1e-12)) - LEAST) / (MOST - LEAST);
        bar.style.transform = `scaleX(${Math.min(1, Math.max(0, share))})`;
        value.textContent = significant(norm);
      }
    },
  };
}
