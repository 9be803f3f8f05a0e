// Words that are like another one, for "did you mean": the measure of Ratcliff and Obershelp, as Python's difflib
// computes it.

import { language } from "./table.js";
import { size } from "./characters.js";

/** The hint "; did you mean 'Dense'?", or nothing if no known word is near. */
export function didYouMean(word, known, ending = "") {
  const near = nearest(word, known);
  return near ? `; did you mean '${near}${ending}'?` : "";
}

/** The known word most similar to `word`, ignoring case; null if none is similar. */
export function nearest(word, known, cutoff = 0.6) {
  if (size(word) > language().limits.shown) return null;
  const byLower = new Map(Array.from(known, (name) => [name.toLowerCase(), name]));
  const wanted = Array.from(word.toLowerCase());
  const places = placesOf(wanted);
  let best = null;
  let most = cutoff;
  for (const name of byLower.keys()) {
    const letters = Array.from(name);
    const total = letters.length + wanted.length;
    if ((2 * Math.min(letters.length, wanted.length)) / total < most) continue; // it cannot be better
    const ratio = (2 * common(letters, wanted, places)) / total;
    if (ratio > most || (ratio === most && (best === null || name > best))) [best, most] = [name, ratio];
  }
  return best === null ? null : byLower.get(best);
}

/** How many letters are in blocks that both have: the longest block, then those at its left and at its right. */
function common(a, b, places) {
  let found = 0;
  const waiting = [[0, a.length, 0, b.length]];
  while (waiting.length) {
    const [aLow, aHigh, bLow, bHigh] = waiting.pop();
    const [i, j, length] = longest(a, places, aLow, aHigh, bLow, bHigh);
    if (!length) continue;
    found += length;
    waiting.push([aLow, i, bLow, j], [i + length, aHigh, j + length, bHigh]);
  }
  return found;
}

/** The longest block in a part of `a` and a part of `b`: of those the first in `a`, of these the first in `b`. */
function longest(a, places, aLow, aHigh, bLow, bHigh) {
  let best = [aLow, bLow, 0];
  let before = new Map(); // the length of the block that ends at the last letter of `a` and at each letter of `b`
  for (let i = aLow; i < aHigh; i += 1) {
    const here = new Map();
    for (const j of places.get(a[i]) ?? []) {
      if (j < bLow || j >= bHigh) continue;
      const length = (before.get(j - 1) ?? 0) + 1;
      here.set(j, length);
      if (length > best[2]) best = [i - length + 1, j - length + 1, length];
    }
    before = here;
  }
  return best;
}

/** The places of each letter. */
function placesOf(letters) {
  const places = new Map();
  letters.forEach((letter, place) => {
    if (places.has(letter)) places.get(letter).push(place);
    else places.set(letter, [place]);
  });
  return places;
}
