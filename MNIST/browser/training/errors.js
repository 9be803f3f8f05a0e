// What can go wrong in training, on its way from a worker to the page.

import { TooLarge } from "../engine/memory.js";

/** The loss or a weight is no longer finite. */
export class Diverged extends Error {
  constructor(message) {
    super(message);
    this.name = "Diverged";
  }
}

// What Chromium and Firefox say if there is no memory for an array or for WebAssembly. Other RangeErrors are faults.
const NO_MEMORY =
  /array buffer allocation failed|could not allocate memory|unable to grow|failed to grow|out of memory|allocation size overflow/i;

/** An error as plain data, for a message. Firefox also throws "out of memory" as a mere text. */
export function sent(error) {
  return { kind: error.constructor.name, message: error.message ?? String(error) };
}

/** The error in a message. */
export function received({ kind, message }) {
  if (kind === "Diverged") return new Diverged(message);
  if (kind === "TooLarge") return new TooLarge(message);
  if (NO_MEMORY.test(message)) return new TooLarge(`this tab is out of memory: ${message}`);
  return new Error(message);
}
