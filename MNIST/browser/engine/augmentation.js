// `Augment:` at work: each training image is rotated, shifted, zoomed, sheared and bent by random amounts, as in
// MNIST/data/augmentation.py, and bit for bit the same. The amounts for an image are a hash of the seed and the
// image's index; so an image comes out the same in any order and in any worker.

import { seedOf } from "./draws.js";
import { instantiate } from "./kernels.js";
import { Plan } from "./memory.js";

const SIDE = 28;
const PIXELS = SIDE * SIDE;
const AT_ONCE = 256; // images
const FARTHEST = 1000; // pixels; far beyond what the widest Gaussian, 28 pixels, reaches

/**
 * The images with these indices, each changed: a new Uint8Array (n × 784).
 *
 * kernels: of loadKernels. images: Uint8Array (N × 784). which: indices, each in [0, N). augmentations: of the
 * spec, each kind at most once. seed: that of the epoch, a whole number, a BigInt, or its lower and upper 32 bits.
 * paper: the value of a pixel outside the images.
 */
export function augment(kernels, images, which, augmentations, seed, paper = 0) {
  const { c, places } = prepared(kernels);
  const { buffer } = c.memory;
  const elastic = augmentations.find(({ kind }) => kind === "Elastic");
  new Float64Array(buffer, places.most, 6).set(mostAmounts(augmentations));
  if (elastic) new Float64Array(buffer, places.gaussian, PIXELS).set(gaussianMatrix(elastic.sigma));
  const changed = new Uint8Array(which.length * PIXELS);
  for (let start = 0; start < which.length; start += AT_ONCE) {
    const part = Uint32Array.from(which.slice(start, start + AT_ONCE));
    const bytes = new Uint8Array(buffer);
    new Uint32Array(buffer, places.which, part.length).set(part);
    part.forEach((index, place) => {
      bytes.set(images.subarray(index * PIXELS, (index + 1) * PIXELS), places.images + place * PIXELS);
    });
    const [alpha, G] = elastic ? [elastic.alpha, places.gaussian] : [0, 0];
    c.augment(seedOf(seed), places.images, places.which, part.length, places.most, alpha, G, paper, places.changed);
    changed.set(bytes.subarray(places.changed, places.changed + part.length * PIXELS), start * PIXELS);
  }
  return changed;
}

const made = new WeakMap(); // a memory for each set of kernels

function prepared(kernels) {
  if (!made.has(kernels)) {
    const c = instantiate(kernels);
    const plan = new Plan(c.__heap_base.value);
    const [most, gaussian] = [plan.take(8 * 6), plan.take(8 * PIXELS)];
    const [which, images, changed] = [4, PIXELS, PIXELS].map((bytes) => plan.take(bytes * AT_ONCE));
    plan.allocate(c.memory);
    made.set(kernels, { c, places: { most, gaussian, which, images, changed } });
  }
  return made.get(kernels);
}

/** The largest of each amount: Rotate's angle, Shift's two distances, Zoom's two changes, Shear's angle. */
function mostAmounts(augmentations) {
  const most = [0, 0, 0, 0, 0, 0];
  for (const { kind, degrees, fraction } of augmentations) {
    if (kind === "Rotate") most[0] = degrees * (Math.PI / 180);
    if (kind === "Shift") most[1] = most[2] = fraction * SIDE;
    if (kind === "Zoom") most[3] = most[4] = fraction;
    if (kind === "Shear") most[5] = degrees * (Math.PI / 180);
  }
  return most;
}

/** G[i, j] is the weight of pixel j in the smoothed pixel i, a multiple of 2⁻²², rounded down. */
function gaussianMatrix(sigma) {
  const weights = Array.from({ length: 2 * FARTHEST + 1 }, (_, place) =>
    Math.exp(-((place - FARTHEST) ** 2) / (2 * sigma ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return Float64Array.from({ length: PIXELS }, (_, place) => {
    const distance = Math.floor(place / SIDE) - (place % SIDE);
    return Math.floor((weights[FARTHEST + distance] / sum) * 2 ** 22) / 2 ** 22;
  });
}
