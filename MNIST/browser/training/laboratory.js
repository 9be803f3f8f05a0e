// The page's side of training: it reads the text, lets workers train, and keeps what they report.
//
// Nothing heavy is done here. The workers end if one of them fails or does not stop in time, and others begin when they
// are next needed. What a training has reached is here, so that nothing is lost with them.

import { treeSum } from "../engine/sums.js";
import { layOut, parseSpec, setLanguage } from "../language/language.js";
import { fewer, memoryOfTab, workersThatFit } from "./capacity.js";
import { Crew } from "./crew.js";
import { LEAVES, PIXELS } from "./leaves.js";
import { goesOn, weightsFrom, weightsOf } from "./start.js";
import { isOver, keepsBest, keptEpoch } from "./stopping.js";

const PATIENCE = 300; // milliseconds in which workers must stop before they are ended
const MOST_OPEN = 2; // trained networks that workers hold ready while nobody asks them
const FEW = 64; // images that one worker answers alone

/** The workers were ended for a reason that is not their own fault. */
class Ended extends Error {}

/** Trains networks on one dataset, and asks trained ones. */
export class Laboratory {
  /**
   * worker: the script of worker.js. table: the language. kernels: {simd, plain}, bytes. workers: 1, 2, 4 or 8; null
   * takes as many as there are cores. A training takes fewer if `memory`, in bytes, has no room for all.
   * dataset: {classes, ink, trainImages, trainLabels, testImages, testLabels}; images: Uint8Array (n × 784).
   */
  constructor({ worker, table, kernels, dataset, workers = null, memory = null }) {
    setLanguage(table);
    Object.assign(this, { worker, table, kernels });
    this.dataset = dataset;
    this.workers = workers ?? mostWorkers(navigator.hardwareConcurrency);
    this.memory = memory ?? memoryOfTab(navigator);
    this.keys = new WeakMap(); // of trained networks
    this.nextKey = 0;
    this.training = null;
    this.closed = false;
    this.crew = this.begun(this.workers);
  }

  /**
   * Train the network of a text; return it as it is after the last whole epoch: {name, text, spec, network, seed,
   * split, images, weights, state, history, keptEpoch, stopped, seconds, pixelStatistics, trainingImages,
   * validationImages, browser}. epochs: in all, instead of the text's. from: a trained network, to go on with (see
   * `goesOn`) or to begin with its weights. signal: of an AbortController, to stop.
   * Throws SpecError, TooLarge, Diverged, or another Error with a sentence; error.trained is the network after the whole
   * epochs before, if there are any.
   */
  async train({ text, name, onEpoch = () => {}, onProgress = () => {}, signal = null, ...wishes }) {
    this.ready();
    if (this.training) throw new Error("a network is being trained; stop it first");
    const training = new Training(this.dataset, text, name, wishes);
    if (training.isOver) return training.trained(false);
    this.training = training;
    try {
      return await this.trained(await this.withRoom(training), training, { onEpoch, onProgress, signal });
    } finally {
      this.training = null;
    }
  }

  /** Let workers train. */
  async trained(crew, training, { onEpoch, onProgress, signal }) {
    let timer = null;
    const stop = () => {
      crew.askAll("stop").catch(() => {});
      if (training.begun) timer ??= setTimeout(() => crew.end(new Ended("stopped")), PATIENCE);
    };
    this.onReport = ({ start, progress, epoch }) => {
      if (start) training.begin(start);
      if (start && signal?.aborted) stop();
      if (progress && !signal?.aborted) onProgress(progress);
      if (epoch) {
        training.add(epoch);
        onEpoch(epoch.result);
      }
    };
    try {
      const answers = crew.askAll("train", { settings: training.settings });
      signal?.addEventListener("abort", stop);
      if (signal?.aborted) stop();
      const [{ stopped }] = await answers;
      return training.trained(stopped);
    } catch (error) {
      crew.end(new Ended(error.message)); // the other workers wait for the one that failed
      if (error instanceof Ended && signal?.aborted && training.begun) return training.trained(true);
      if (training.begun && training.history.length) error.trained = training.trained(false);
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Test on all test images: {accuracy, loss, probabilities: Float32Array (n × classes), correct, count}. */
  async test(trained) {
    const parts = (await this.asked(trained, (crew, key) => crew.askAll("test", { key }))).flat();
    const count = this.dataset.testLabels.length;
    const correct = treeSum(parts.map((part) => part.correct));
    const loss = treeSum(parts.map((part) => part.loss)) / count;
    return { accuracy: correct / count, loss, probabilities: joined(parts), correct, count };
  }

  /** The classes' probabilities for some images, Float32Array (n × classes), and how long it took to find them. */
  async answer(trained, images) {
    const count = images.length / PIXELS;
    const parts = await this.asked(trained, async (crew, key) => {
      const last = crew.workers - 1; // worker 0 has more to do than the others
      if (count <= FEW) return [await crew.ask(last, "answer", { key, images: images.slice() })];
      const at = (rank) => PIXELS * Math.floor((rank * count) / crew.workers);
      return Promise.all(
        Array.from({ length: crew.workers }, (_, rank) =>
          crew.ask(rank, "answer", { key, images: images.slice(at(rank), at(rank + 1)) }),
        ),
      );
    });
    return { probabilities: joined(parts), milliseconds: Math.max(...parts.map((part) => part.milliseconds)) };
  }

  /** What each layer makes of one image: a list of {path, kind, text, shape, values, areLogits}. */
  look(trained, image) {
    return this.asked(trained, (crew, key) => crew.ask(crew.workers - 1, "look", { key, image }));
  }

  /** End all that runs. Nothing can be asked afterwards. */
  close() {
    this.closed = true;
    this.crew.end(new Error("the laboratory is closed"));
  }

  /** Ask workers about a trained network; again if they are ended meanwhile only because a training had to stop. */
  async asked(trained, question) {
    for (;;) {
      const crew = this.ready();
      const open = this.opened(crew, trained);
      open.asking += 1;
      try {
        await open.ready;
        return await question(crew, open.key);
      } catch (error) {
        if (!(error instanceof Ended)) throw error;
      } finally {
        open.asking -= 1;
        shutIdle(crew);
      }
    }
  }

  /** A trained network that all workers hold ready, or soon: {key, ready: Promise, asking: questions under way}. */
  opened(crew, trained) {
    if (!this.keys.has(trained)) this.keys.set(trained, this.nextKey++);
    const key = this.keys.get(trained);
    let open = crew.opened.get(key);
    if (!open) {
      const { network, pixelStatistics, weights } = trained;
      open = { key, asking: 0, ready: crew.askAll("open", { key, network, pixelStatistics, weights }) };
      open.ready.catch(() => shut(crew, key)); // some workers may have opened it
    }
    crew.opened.delete(key);
    crew.opened.set(key, open); // the last one used is the last one shut
    return open;
  }

  /** The workers; new ones if the others have ended. */
  ready() {
    if (this.closed) throw new Error("the laboratory is closed");
    if (this.crew.ended) this.crew = this.begun(this.crew.workers);
    return this.crew;
  }

  /** The workers for a training, so many that memory has room for them. Throws TooLarge before any memory is taken. */
  async withRoom({ settings: { network, seed, split, images } }) {
    const crew = this.ready();
    const settings = { network, seed, split, images };
    const sizes = await crew.ask(0, "sizes", { settings, numbers: fewer(this.workers) });
    const { trainImages, trainLabels, testImages, testLabels } = this.dataset;
    const data = [trainImages, trainLabels, testImages, testLabels].reduce((sum, { byteLength }) => sum + byteLength, 0);
    const workers = workersThatFit(sizes, data, this.memory);
    if (workers === crew.workers) return crew;
    crew.end(new Ended("another number of workers begins"));
    this.crew = this.begun(workers);
    return this.crew;
  }

  begun(workers) {
    const { trainImages, trainLabels, testImages, testLabels, ink } = this.dataset;
    const dataset = { trainImages, trainLabels, testImages, testLabels, paper: ink === "dark" ? 255 : 0 };
    const begin = { table: this.table, dataset, kernels: this.kernels };
    const crew = new Crew(this.worker, workers, begin, (report) => this.onReport(report));
    return Object.assign(crew, { opened: new Map() });
  }
}

/** A training as the page knows it: what was wished, and what the workers have reported. */
class Training {
  constructor(dataset, text, name, { seed = 0, split = 0.9, images = null, epochs = null, from = null }) {
    const source = name ? `${name}.txt` : "<text>";
    const written = parseSpec(text, { source, classes: dataset.classes.length });
    const spec = { ...written, epochs: epochs ?? written.epochs };
    const network = layOut(spec);
    refuseOtherRules(network, name);
    this.about = { name, text, spec, network, seed, split, images };
    this.history = [];
    this.settings = { network, seed, split, images, history: [], weights: null, state: null };
    this.best = null;
    this.begun = false;
    if (from && goesOn(from, spec, { seed, split, images })) this.goOn(from);
    else if (from) this.settings.weights = weightsFrom(from, network);
  }

  goOn({ history, state, weights, pixelStatistics, trainingImages, validationImages }) {
    this.history = [...history];
    this.settings.history = history;
    this.settings.state = state;
    this.state = state;
    this.best = weights;
    this.counts = { pixelStatistics, trainingImages, validationImages };
  }

  /** Whether there is nothing left to train. */
  get isOver() {
    const { spec } = this.about;
    return this.history.length > 0 && (this.history.length >= spec.epochs || isOver(spec.stop, this.history));
  }

  /** Take what the workers say when they begin. */
  begin({ state, ...counts }) {
    this.state = state;
    this.counts = counts;
    this.begun = true;
  }

  /** Take a whole epoch. */
  add({ result, state }) {
    const { stop } = this.about.spec;
    this.history.push(result);
    this.state = state;
    if (keepsBest(stop) && keptEpoch(stop, this.history) === result) this.best = this.weights();
  }

  trained(stopped) {
    const { stop } = this.about.spec;
    const { history, state, counts } = this;
    return {
      ...this.about,
      weights: keepsBest(stop) && this.best ? this.best : this.weights(),
      state,
      history,
      keptEpoch: history.length ? keptEpoch(stop, history).epoch : 0,
      stopped,
      seconds: history.reduce((sum, { seconds }) => sum + seconds, 0),
      ...counts,
      browser: navigator.userAgent,
    };
  }

  /** The weights in the state. */
  weights() {
    return Object.fromEntries(weightsOf(this.about.network).map(({ key }) => [key, this.state[key]]));
  }
}

/** Let workers forget the networks that nobody asks, but for those that were used last. */
function shutIdle(crew) {
  const idle = [...crew.opened.values()].filter(({ asking }) => asking === 0);
  for (const { key } of idle.slice(0, -MOST_OPEN)) shut(crew, key);
}

function shut(crew, key) {
  crew.opened.delete(key);
  crew.askAll("shut", { key }).catch(() => {});
}

/** Why a network of this name cannot be trained in a browser, and what trains it. */
export function ruleIsLeftOut({ optimizer }, name) {
  return (
    `${optimizer.kind} is a learning rule without gradients, and is left out here. ` +
    `This trains it: python MNIST train Data ${name} ${name}.txt`
  );
}

function refuseOtherRules({ followsGradients, spec }, name) {
  if (!followsGradients) throw new Error(ruleIsLeftOut(spec, name || "my_net"));
}

/** The largest power of two that is neither above 8 nor above the number of cores. */
function mostWorkers(cores) {
  return 2 ** Math.floor(Math.log2(Math.min(LEAVES, cores || 1)));
}

/** The probabilities of parts, one after another. */
function joined(parts) {
  const all = new Float32Array(parts.reduce((sum, { probabilities }) => sum + probabilities.length, 0));
  let at = 0;
  for (const { probabilities } of parts) {
    all.set(probabilities, at);
    at += probabilities.length;
  }
  return all;
}
