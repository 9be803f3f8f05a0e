// What the page knows, in one place, and who wants to hear when some of it changes.
//
// text, name: of the editor. parsed: what the text says, as read.js gives it. dataset: null until it is unpacked.
// phase: ready, training, stopped, finished or failed. progress: the newest of the training under way, or null.
// networks: the session's networks, as networks.js keeps them. shown: the one whose curves and answers are shown.
// tests: how often the test set was used.

/** A state with some values: its `get`, its `set`, and `watch`, which is called after any of some values changed. */
export function createState(values) {
  const watchers = [];
  const state = { ...values };

  function set(changes) {
    const changed = Object.keys(changes).filter((name) => state[name] !== changes[name]);
    Object.assign(state, changes);
    for (const { names, react } of watchers) {
      if (names.some((name) => changed.includes(name))) react(state);
    }
  }

  return {
    get: (name) => state[name],
    set,
    watch: (names, react) => watchers.push({ names, react }),
  };
}

const KEPT = "MNIST laboratory";

/** What this tab kept of an earlier visit to the same file: {text, name, texts}, or null. */
export function kept(file) {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT));
    const isOurs = found?.file === file && Array.isArray(found.texts);
    return isOurs && typeof found.text === "string" && typeof found.name === "string" ? found : null;
  } catch {
    return null; // a browser may keep nothing for files
  }
}

/** Keep the text and all texts, pairs of a name and a text, as long as the tab is open, if the browser allows it. */
export function keep(file, { text, name, texts }) {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify({ file, text, name, texts }));
  } catch {
    // without it the page works as well; a reload then begins with the first text
  }
}
