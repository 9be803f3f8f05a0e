// The kernels of the first Conv as pictures, while they change.

import { paintMaps } from "../browser/drawing/maps.js";
import { counted, element } from "./words.js";

const MOST = 64; // kernels that are shown

/** Show kernels in a figure. kernels: {path, shape: [rows, columns, maps in, filters], values}; null hides it. */
export function showKernels(figure, kernels) {
  figure.hidden = kernels === null;
  if (kernels === null) return;
  const [rows, columns, maps, filters] = kernels.shape;
  const inEach = Math.min(maps, MOST); // of a filter
  const shown = Math.min(filters, Math.max(1, Math.floor(MOST / inEach)));
  const pictures = Array.from({ length: shown * inEach }, (_, place) => {
    const [filter, map] = [Math.floor(place / inEach), place % inEach];
    return Float32Array.from(
      { length: rows * columns },
      (_, at) => kernels.values[(at * maps + map) * filters + filter],
    );
  });
  const canvas = figure.querySelector("canvas");
  paintMaps(canvas, pictures, [rows, columns], maps > 1 ? inEach : shown > 8 ? 8 : 4);
  canvas.setAttribute("aria-label", `Kernels of ${kernels.path}, ${rows}×${columns}`);
  const more = filters > shown ? `, the first ${shown} of ${filters}` : "";
  const each = maps > 1 ? `; a row for each filter, a picture for each of ${counted(maps, "map")}` : "";
  figure
    .querySelector("figcaption")
    .replaceChildren(`Kernels of the first convolution${more}${each}: `, swatches());
}

/** What the two colours of all pictures mean. */
export function swatches() {
  const square = (kind) => element("span", { class: `swatch ${kind}` });
  return element("span", { class: "swatches" }, square("positive"), "above 0 ", square("negative"), "below 0");
}
