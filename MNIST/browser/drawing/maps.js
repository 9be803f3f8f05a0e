// Maps of numbers as pictures: blue above 0, orange below; the fuller, the stronger.

import { rgb } from "./colours.js";

const ACROSS = 8; // maps in a row
const SMALLEST = 24; // pixels along a map's side, at least, so that the gaps between maps look the same
const GAP = 2;
const FAINTEST = 14; // opacity of a value of 0, out of 255, so that a map of zeros is visible
const CONTRAST = 0.8; // below 1, so that weak values are seen better

/**
 * Paint maps side by side. The canvas has the maps' pixels; the browser enlarges them.
 * maps: arrays of rows × columns numbers; all have one scale, in which the largest one is full.
 */
export function paintMaps(canvas, maps, [rows, columns], across = ACROSS) {
  const zoom = Math.max(1, Math.ceil(SMALLEST / columns));
  const [width, height] = [columns * zoom + GAP, rows * zoom + GAP];
  canvas.width = across * width - GAP;
  canvas.height = Math.ceil(maps.length / across) * height - GAP;
  const largest = maps.reduce((most, map) => map.reduce((a, b) => Math.max(a, Math.abs(b)), most), 1e-30);
  const image = new ImageData(canvas.width, canvas.height);
  const colours = ["--positive", "--negative"].map(rgb);
  maps.forEach((map, index) => {
    const left = (index % across) * width;
    const top = Math.floor(index / across) * height;
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
