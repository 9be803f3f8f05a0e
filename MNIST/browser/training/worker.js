// What runs in each worker: its part of a training, and of the questions to trained networks.
//
// A message from the page is {id, what, to, …}: `what` names one of the functions below, which gets the message; `to`
// is the worker that is meant, or null for all. The answer is {id, rank, value} or {id, error}. A training also sends
// {report}; {failed} tells of a worker that failed.

import { Engine } from "../engine/engine.js";
import { loadKernels } from "../engine/kernels.js";
import { setLanguage } from "../language/language.js";
import { sent } from "./errors.js";
import { leafBegin, ownLeaves, PIXELS } from "./leaves.js";
import { measure, probabilitiesOf } from "./metrics.js";
import { engineSizes, Run } from "./run.js";
import { Share } from "./share.js";
import { Tree } from "./tree.js";

let me = null; // what `begin` brought and made: {tree, share, dataset, kernels}
let wish = { stop: false }; // of the training in progress
const opened = new Map(); // trained networks, ready to answer

self.onmessage = ({ data }) => {
  if (data instanceof ArrayBuffer) me.tree.above.take(data);
  else if (data.what === "begin") answer(data);
  else {
    if (data.to !== me.tree.rank) me.tree.passOn(data);
    if (data.to === null || data.to === me.tree.rank) answer(data);
  }
};

async function answer(message) {
  const { id, what } = message;
  try {
    const value = await ANSWERS[what](message);
    self.postMessage({ id, rank: me.tree.rank, value });
  } catch (error) {
    self.postMessage({ id, error: sent(error) });
  }
}

const ANSWERS = {
  begin({ id, what, rank, workers, script, table, dataset, kernels }) {
    setLanguage(table);
    const tree = new Tree({ rank, workers, script }, { id, what, table, dataset, kernels });
    me = { tree, share: new Share(tree), dataset, kernels: loadKernels(kernels.simd, kernels.plain) };
    return me.kernels.then(() => null);
  },

  async train({ settings }) {
    wish = { stop: false };
    const { trainImages: images, trainLabels: labels, paper } = me.dataset;
    const report = (news) => self.postMessage({ report: news });
    const place = { rank: me.tree.rank, share: me.share, wish, report };
    return new Run(await me.kernels, { images, labels, paper }, settings, place).train();
  },

  /** How large each worker's engine will be in a training, for some numbers of workers. */
  async sizes({ settings, numbers }) {
    return engineSizes(await me.kernels, me.dataset.trainLabels.length, settings, numbers);
  },

  stop() {
    wish.stop = true;
  },

  /** Make a trained network ready under a key. */
  async open({ key, network, pixelStatistics, weights }) {
    const engine = Engine.create(await me.kernels, network, { pixelStatistics, training: false });
    engine.setWeights(weights);
    opened.set(key, { engine, classes: network.classes });
  },

  shut({ key }) {
    opened.delete(key);
  },

  /** For each of this worker's leaves of the test images: {loss, correct, probabilities}. */
  test({ key }) {
    const { engine, classes } = opened.get(key);
    const { testImages, testLabels } = me.dataset;
    return ownLeaves(me.tree.rank, me.tree.workers).map((leaf) => {
      const [begin, end] = [leaf, leaf + 1].map((each) => leafBegin(testLabels.length, each));
      const logits = engine.logits(testImages.subarray(PIXELS * begin, PIXELS * end));
      const measured = measure(logits, testLabels.subarray(begin, end), classes);
      return { ...measured, probabilities: probabilitiesOf(logits, classes) };
    });
  },

  answer({ key, images }) {
    const { engine, classes } = opened.get(key);
    const begin = performance.now();
    const probabilities = probabilitiesOf(engine.logits(images), classes);
    return { probabilities, milliseconds: performance.now() - begin };
  },

  look({ key, image }) {
    return opened.get(key).engine.look(image);
  },
};
