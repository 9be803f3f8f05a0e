// What can go wrong in training, on its way from a worker to the page.

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
  return { name: error?.name ?? "Error", message: error?.message ?? String(error) };
}

/** The error in a message. classes: of errors that have one of their own. */
export function received({ name, message }, classes = [Diverged]) {
  const found = classes.find((each) => each.name === name);
  if (found) return new found(message);
  const memory = name === "RangeError" || /out of memory|allocation/i.test(message);
  return Object.assign(new Error(memory ? `this tab is out of memory: ${message}` : message), { name });
}
