// How many workers a training has room for. Fewer workers change no bit of what it computes.

import { MOST_BYTES, tooLarge } from "../engine/memory.js";

const GIB = 2 ** 30;
const ASSUMED = 4; // GiB, where a browser does not say how much the machine has, as Firefox does not

/** How many bytes all workers together may take. deviceMemory: of the browser's navigator, the machine's GiB. */
export function memoryOfTab({ deviceMemory = ASSUMED }) {
  return deviceMemory * GIB;
}

/** The numbers of workers that can be taken instead of this one, itself first: 8, 4, 2, 1. */
export function fewer(workers) {
  return workers > 1 ? [workers, ...fewer(workers / 2)] : [1];
}

/**
 * The first of these numbers of workers that has room. sizes: [{workers, bytes}], bytes: what each one's engine takes.
 * data: the bytes of the dataset, of which the page and each worker have a copy. most: the bytes that there are.
 * Throws TooLarge if none has.
 */
export function workersThatFit(sizes, data, most) {
  const all = ({ workers, bytes }) => workers * (bytes + data) + data;
  const possible = sizes.filter(({ bytes }) => bytes <= MOST_BYTES);
  if (!possible.length) throw tooLarge(Math.min(...sizes.map(({ bytes }) => bytes)));
  const found = possible.find((size) => all(size) <= most);
  if (!found) throw tooLarge(Math.min(...possible.map(all)), most);
  return found.workers;
}
