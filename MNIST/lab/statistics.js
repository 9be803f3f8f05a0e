// Whether two networks differ, or whether chance alone could explain the difference.
//
// The same formulas as in MNIST/report/testing: metrics.py and significance.py; tests compare them.

import { hundredths } from "../browser/language/numbers.js";

export const LEVEL = 0.05; // two networks are distinguishable if p is below this
const Z = 1.959963984540054; // of the normal distribution: 95 % are nearer to its middle

/** The 95 % interval of a proportion: [low, high]. Source: Wilson, Probable Inference … (1927). */
export function wilsonInterval(successes, trials) {
  const proportion = successes / trials;
  const centre = proportion + Z ** 2 / (2 * trials);
  const margin = Z * Math.sqrt((proportion * (1 - proportion)) / trials + Z ** 2 / (4 * trials ** 2));
  const scale = 1 + Z ** 2 / trials;
  return [Math.max(0, (centre - margin) / scale), Math.min(1, (centre + margin) / scale)];
}

/**
 * The probability of a split at least this uneven if both networks were equally likely to be right: that of a fair
 * coin, thrown once for each image that only one of them answers right. Source: McNemar, Note on … (1947).
 */
export function mcnemar(onlyFirst, onlySecond) {
  const parting = onlyFirst + onlySecond;
  let logWays = -parting * Math.LN2; // log of comb(parting, heads) / 2^parting
  let tail = 0;
  for (let heads = 0; heads <= Math.min(onlyFirst, onlySecond); heads++) {
    tail += Math.exp(logWays);
    logWays += Math.log((parting - heads) / (heads + 1));
  }
  return Math.min(1, 2 * tail);
}

/** p-values corrected so that a false alarm among all is as rare as in a single test. Source: Holm (1979). */
export function holm(pValues) {
  const order = [...pValues.keys()].sort((a, b) => pValues[a] - pValues[b]);
  const corrected = pValues.map(() => 1);
  let largest = 0;
  order.forEach((place, rank) => {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * pValues[place]));
    corrected[place] = largest;
  });
  return corrected;
}

/**
 * Every pair of some networks: [{first, second, onlyFirst, onlySecond, p}], first and second their places.
 * correct: for each network an array, whether its answer to each image is right.
 */
export function comparePairs(correct) {
  const pairs = correct.flatMap((one, first) =>
    correct.slice(first + 1).map((other, more) => ({ first, second: first + 1 + more, ...parting(one, other) })),
  );
  const corrected = holm(pairs.map(({ onlyFirst, onlySecond }) => mcnemar(onlyFirst, onlySecond)));
  return pairs.map((pair, place) => ({ ...pair, p: corrected[place] }));
}

function parting(one, other) {
  let [onlyFirst, onlySecond] = [0, 0];
  one.forEach((right, image) => {
    onlyFirst += right && !other[image];
    onlySecond += !right && other[image];
  });
  return { onlyFirst, onlySecond };
}

/** A pair in one sentence, the better one first, as `test` writes it. */
export function pairText({ onlyFirst, onlySecond, p }, first, second) {
  if (!(onlyFirst + onlySecond)) return `${first} and ${second} answer the very same images right.`;
  const swapped = onlySecond > onlyFirst;
  const [better, worse] = swapped ? [second, first] : [first, second];
  const [more, fewer] = swapped ? [onlySecond, onlyFirst] : [onlyFirst, onlySecond];
  const images = `${more.toLocaleString("en")} image${more === 1 ? "" : "s"}`;
  const verdict = p < LEVEL ? "distinguishable" : "not distinguishable";
  return (
    `${better} answers ${images} right that ${worse} gets wrong, ` +
    `${worse} ${fewer.toLocaleString("en")} that ${better} gets wrong: ${verdict} (${pText(p)}).`
  );
}

/** A p-value for readers: p = 0.20, p = 0.0031, p < 0.0001. */
export function pText(p) {
  if (p < 0.0001) return "p < 0.0001";
  if (p < 0.01) return `p = ${p.toFixed(4)}`;
  return Math.abs(p - LEVEL) > 0.005 ? `p = ${hundredths(p)}` : `p = ${p.toFixed(3)}`;
}
