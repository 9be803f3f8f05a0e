// Which training images train and which validate, and the mean and the deviation of those that train.

import { thousands } from "../language/numbers.js";
import { splitOrder } from "./draws.js";
import { nearestEven } from "./rates.js";

/**
 * Shuffle `available` images by `seed`; the first round(proportion · n) train, the others validate: places in the
 * dataset, Int32Array. images: keep only this many of the shuffled images; null keeps all. Throws an Error if there are
 * not that many or none is left to train on. As MNIST/data/split.py, but for the order.
 */
export function split(available, proportion, seed, images = null) {
  if (!(proportion > 0 && proportion <= 1)) throw new Error(`split: expected a number above 0 and at most 1`);
  const count = images ?? available;
  if (!Number.isInteger(count) || count < 1 || count > available) {
    throw new Error(
      `images: expected 1 to ${thousands(available)}, which the dataset has, found ${thousands(count)}`,
    );
  }
  const boundary = nearestEven(proportion * count);
  if (boundary === 0) {
    throw new Error(`a split of ${proportion} of ${thousands(count)} images leaves none to train on`);
  }
  const order = splitOrder(available, seed).subarray(0, count);
  return { train: order.slice(0, boundary), validation: order.slice(boundary) };
}

/** How many pixels of the images at these places have each value: Float64Array(256), exact. */
export function pixelCounts(images, places, pixels) {
  const counts = new Uint32Array(256); // below 2³²: 70,000 images have 2²⁶ pixels
  for (const place of places) {
    for (let at = place * pixels; at < (place + 1) * pixels; at++) counts[images[at]] += 1;
  }
  return Float64Array.from(counts);
}

/**
 * Mean and standard deviation of pixels, in [0, 1], that have each value so many times.
 * Throws an Error if all pixels are equal. As in MNIST/training/run.py.
 */
export function pixelStatistics(counts, images) {
  if (counts.filter(Boolean).length === 1) {
    const value = counts.findIndex(Boolean);
    const said = `${thousands(images)} training image${images === 1 ? "" : "s"}`;
    throw new Error(`every pixel of the ${said} is ${value}: there is nothing to learn from`);
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  const mean = counts.reduce((sum, count, value) => sum + (count * value) / 255, 0) / total;
  const variance = counts.reduce((sum, count, value) => sum + count * (value / 255 - mean) ** 2, 0) / total;
  return { mean, deviation: Math.sqrt(variance) };
}
