// Everything random in training but the initial weights (engine/draws.js): the order of images, the seeds of dropout
// and augmentation.
//
// All of it follows from the run's seed alone. Each purpose has its own stream, as in MNIST/training/draws.py; the
// numbers themselves are not those of NumPy.

import { permutation, streamSeed } from "./random.js";

const [SPLIT, ORDER, LAYERS, IMAGES] = [0, 2, 3, 4]; // 1: the initial weights

/** The training images of a dataset in the order in which they are divided: places in it, Int32Array. */
export function splitOrder(count, seed) {
  return permutation(count, streamSeed(seed, SPLIT));
}

/** The training images' places in the order in which one epoch (from 1) sees them: Int32Array. */
export function epochOrder(images, seed, epoch) {
  return permutation(images.length, streamSeed(seed, ORDER, epoch)).map((place) => images[place]);
}

/** The 64-bit seed of the random numbers inside the layers (dropout) for one leaf of a step, from 0, of an epoch. */
export function leafSeed(seed, epoch, step, leaf) {
  return streamSeed(seed, LAYERS, epoch, step, leaf);
}

/** The 64-bit seed of the augmentation of the training images in one epoch. */
export function augmentationSeed(seed, epoch) {
  return streamSeed(seed, IMAGES, epoch);
}
