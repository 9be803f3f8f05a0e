// What can go wrong in training, on its way from a worker to the page.

import { TooLarge } from "../engine/memory.js";

/** The loss or a weight is no longer finite. trained: the network after the whole epochs before, null without any. */
export class Diverged extends Error {
  constructor(message) {
    super(message);
    this.name = "Diverged";
    this.trained = null;
  }
}

/** An error as plain data, for a message. */
export function sent(error) {
  return { kind: error.constructor.name, message: error.message };
}

/** The error in a message. */
export function received({ kind, message }) {
  if (kind === "Diverged") return new Diverged(message);
  if (kind === "TooLarge") return new TooLarge(message);
  if (kind === "RangeError") return new TooLarge(`this tab is out of memory: ${message}`); // as browsers say it
  return new Error(message);
}
