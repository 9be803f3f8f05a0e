// What runs in each worker: its part of a training, and of the questions to trained networks.
//
// A message is {id, what, …}: `what` names one of the functions below, which gets the message. The answer is
// {id, value} or {id, error}. A training also sends {report}.

import { Engine } from "../engine/engine.js";
import { loadKernels } from "../engine/kernels.js";
import { setLanguage } from "../language/language.js";
import { sent } from "./errors.js";
import { measure, probabilitiesOf } from "./metrics.js";
import { Run } from "./run.js";
import { Share } from "./share.js";

let me = null; // what `begin` brought: {rank, share, data, tests, kernels}
let wish = { stop: false }; // of the training in progress
const opened = new Map(); // trained networks, ready to answer

self.onmessage = async ({ data }) => {
  const { id, what } = data;
  try {
    self.postMessage({ id, value: await ANSWERS[what](data) });
  } catch (error) {
    self.postMessage({ id, error: sent(error) });
  }
};

const ANSWERS = {
  /** tests: this worker's leaves of the test images, a list of {images, labels}. */
  begin({ rank, ports, table, data, tests, kernels }) {
    setLanguage(table);
    const loaded = loadKernels(kernels.simd, kernels.plain);
    me = { rank, share: new Share(ports), data, tests, kernels: loaded };
    return loaded.then(() => null);
  },

  async train({ settings }) {
    wish = { stop: false };
    const own = { rank: me.rank, share: me.share, wish, report: (report) => self.postMessage({ report }) };
    return new Run(await me.kernels, me.data, settings, own).train();
  },

  stop() {
    wish.stop = true;
  },

  /** Make a trained network ready under a key. */
  async open({ key, network, pixelStatistics, weights }) {
    const kernels = await me.kernels;
    const engine = await Engine.create(kernels, network, { pixelStatistics, training: false });
    engine.setWeights(weights);
    opened.set(key, { engine, classes: network.classes });
  },

  shut({ key }) {
    opened.delete(key);
  },

  test({ key }) {
    const { engine, classes } = opened.get(key);
    return me.tests.map(({ images, labels }) => {
      const logits = engine.logits(images);
      return { ...measure(logits, labels, classes), probabilities: probabilitiesOf(logits, classes) };
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
