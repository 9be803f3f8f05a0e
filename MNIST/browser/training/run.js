// One run in one worker: epochs, steps, rates, validation, `Stop:`, divergence.
//
// All workers do the same run at the same time, each with its own part of every batch. They hold the same weights,
// exchange the sums of their gradients in every step and then all do the same update; so no weights are sent.
//
// A batch has eight leaves, always. Gradients, losses and counts are added over the leaves as one binary tree, first
// within a worker, then between workers. So the bits do not depend on the number of workers.

import { augment } from "../engine/augmentation.js";
import { Engine } from "../engine/engine.js";
import { treeSum } from "../engine/sums.js";
import { needsOf, walk } from "../language/language.js";
import { general } from "../language/numbers.js";
import { augmentationSeed, epochOrder, leafSeed } from "./draws.js";
import { Diverged } from "./errors.js";
import { LEAVES, leafOf, ownLeaves, PIXELS } from "./leaves.js";
import { measure } from "./metrics.js";
import { epochRates } from "./rates.js";
import { pixelCounts, pixelStatistics, split } from "./split.js";
import { isOver } from "./stopping.js";

const PROGRESS_EVERY = 200; // milliseconds
const BREATH_EVERY = 50; // milliseconds between looks for messages, if a worker is alone

/** A network in training: this worker's engine, and the history of the whole epochs so far. */
export class Run {
  /**
   * data: {images, labels, paper}, the dataset's training images. settings: {network, seed, split, images, history,
   * weights, state}: the network's spec says how many epochs there are in all; history: of those before this run;
   * weights: the initial ones, null to draw them; state: the one with which training goes on, or null. wish.stop:
   * whether the page wants it to stop. report: called in worker 0 with {start}, {progress} and {epoch}.
   * Throws an Error if the images cannot be divided so.
   */
  constructor(kernels, data, settings, { rank, share, wish, report }) {
    Object.assign(this, { kernels, data, settings, share, wish, report });
    this.network = settings.network;
    this.spec = settings.network.spec;
    this.leads = rank === 0;
    this.history = [...settings.history];
    this.stopped = false; // the workers agree on it in their exchanges
    this.own = ownLeaves(rank, share.workers);
    const count = data.labels.length;
    this.places = split(count, settings.split, settings.seed, settings.images);
    refuseWithoutValidation(this.spec, this.places.validation);
    this.steps = Math.ceil(this.places.train.length / this.spec.batch_size);
    this.lastBreath = performance.now();
    this.lastProgress = performance.now();
  }

  /** Train up to as many epochs as the spec says, or until `Stop:` or the page ends the run. */
  async train() {
    await this.begin();
    while (!this.stopped && !this.isOver) {
      const result = await this.epoch(this.history.length + 1);
      if (result === null) break;
      this.refuseDivergence(result);
      this.history.push(result);
      if (this.leads) this.report({ epoch: { result, state: this.engine.getState() } });
    }
    return { stopped: this.stopped && !this.isOver };
  }

  /** Whether no epochs are left. */
  get isOver() {
    return this.history.length >= this.spec.epochs || isOver(this.spec.stop, this.history);
  }

  /** Make the engine, with the weights with which training begins or goes on. */
  async begin() {
    this.share.forget();
    const { train } = this.places;
    const own = this.own.map((leaf) => leafOf(train, leaf));
    const counts = new Float64Array(256);
    for (const leaf of own) {
      pixelCounts(this.data.images, leaf, PIXELS).forEach((value, place) => (counts[place] += value));
    }
    this.pixelStatistics = pixelStatistics(await this.share.add(counts), train.length);
    const most = mostInLeaf(this.spec, train.length);
    this.engine = Engine.create(this.kernels, this.network, {
      pixelStatistics: this.pixelStatistics,
      leafImages: most,
      leaves: this.own.length,
      training: true,
    });
    const { state, weights, seed } = this.settings;
    if (state) this.engine.setState(state);
    else if (weights) this.engine.setWeights(weights);
    else this.engine.drawWeights(seed);
    this.leaves = this.own.map(() => ({ images: new Uint8Array(most * PIXELS), labels: new Uint16Array(most) }));
    if (!this.leads) return;
    const { validation } = this.places;
    const [trainingImages, validationImages] = [train.length, validation.length];
    const initial = this.engine.getState();
    this.report({ start: { state: initial, pixelStatistics: this.pixelStatistics, trainingImages, validationImages } });
  }

  /** Train one epoch and validate; null if the page stopped it before its last step. */
  async epoch(epoch) {
    const { seed } = this.settings;
    const begin = performance.now();
    const order = epochOrder(this.places.train, seed, epoch);
    const rates = epochRates(this.spec, epoch, this.steps, this.history);
    const norms = new Float64Array(this.steps);
    const sofar = { epoch, begin, seen: 0, loss: 0, correct: 0 };
    this.phases = { augmentation: 0, gradients: 0, exchange: 0, update: 0, validation: 0 };
    for (let step = 0; step < this.steps; step++) {
      const batch = order.subarray(step * this.spec.batch_size, (step + 1) * this.spec.batch_size);
      const [loss, correct] = await this.gradients(batch, epoch, step);
      if (this.stopped) return null;
      norms[step] = Math.sqrt(this.engine.gradientNorms().reduce((sum, { norm }) => sum + norm * norm, 0));
      this.timed("update", () => this.engine.update(rates[step]));
      sofar.seen += batch.length;
      sofar.loss += loss;
      sofar.correct += correct;
      this.progress(sofar, step + 1, order.length);
    }
    const seconds = (performance.now() - begin) / 1000;
    const [valLoss, valAccuracy] = await this.validate();
    const [mean, variance] = meanAndVariance(norms);
    return withoutSigns({
      epoch,
      loss: sofar.loss / sofar.seen,
      accuracy: sofar.correct / sofar.seen,
      valLoss,
      valAccuracy,
      learningRate: rates[this.steps - 1],
      gradientNormMean: mean,
      gradientNormVariance: variance,
      seconds,
      phases: this.phases,
    });
  }

  /** The gradients of a batch, in the engine; return the sums of its images' losses and of its correct answers. */
  async gradients(batch, epoch, step) {
    const leaves = this.timed("augmentation", () => this.fill(batch, epoch, step));
    const [begin, shared] = [performance.now(), this.share.seconds];
    const { loss, correct } = await this.engine.differentiate(leaves, {
      count: batch.length,
      smoothing: this.spec.label_smoothing,
      reduce: this.share.workers > 1 ? (sums) => this.share.add(sums) : null,
    });
    const between = this.share.seconds;
    this.phases.gradients += (performance.now() - begin) / 1000 - (between - shared);
    const sums = await this.agree([loss, correct], () => this.engine.gradients);
    this.phases.exchange += this.share.seconds - shared;
    return sums;
  }

  /** This worker's leaves of a batch: images, augmented if the text says so, labels and the seed of their draws. */
  fill(batch, epoch, step) {
    const { seed } = this.settings;
    const { images, labels, paper } = this.data;
    return this.own.map((number, index) => {
      const places = leafOf(batch, number);
      const leaf = this.leaves[index];
      const into = leaf.labels.subarray(0, places.length);
      places.forEach((place, at) => (into[at] = labels[place]));
      const seen = this.spec.augment.length
        ? augment(this.kernels, images, places, this.spec.augment, augmentationSeed(seed, epoch), paper)
        : gather(images, places, leaf.images);
      return { images: seen, labels: into, draws: null, seed: leafSeed(seed, epoch, step, number) };
    });
  }

  /** The validation images' loss and accuracy, NaN if there are none. They are shared as a batch is. */
  async validate() {
    const begin = performance.now();
    const places = this.places.validation;
    const { images, labels } = this.data;
    const measured = this.own.map((number) => {
      const own = leafOf(places, number);
      const seen = gather(images, own, new Uint8Array(own.length * PIXELS));
      return measure(this.engine.logits(seen), own.map((place) => labels[place]), this.network.classes);
    });
    const sums = [treeSum(measured.map(({ loss }) => loss)), treeSum(measured.map(({ correct }) => correct))];
    const [loss, correct] = await this.agree(sums);
    this.phases.validation += (performance.now() - begin) / 1000;
    return places.length ? [loss / places.length, correct / places.length] : [NaN, NaN];
  }

  /** Add numbers, and maybe gradients, over the workers; and stop in all of them at once, if the page told one to. */
  async agree(numbers, floats = null) {
    if (this.share.workers === 1) await this.breathe();
    const sums = await this.share.add(Float64Array.from([...numbers, this.wish.stop ? 1 : 0]), floats);
    this.stopped ||= sums[numbers.length] > 0;
    return sums;
  }

  /** Let messages from the page in. */
  async breathe() {
    if (performance.now() - this.lastBreath < BREATH_EVERY) return;
    await new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = resolve;
      port2.postMessage(null);
    });
    this.lastBreath = performance.now();
  }

  /** Tell the page how far this epoch is, if it is time to; the last step of all is told in any case. */
  progress({ epoch, begin, seen, loss, correct }, step, images) {
    const now = performance.now();
    const isLast = epoch === this.spec.epochs && step === this.steps;
    if (!this.leads || (now - this.lastProgress < PROGRESS_EVERY && !isLast)) return;
    this.lastProgress = now;
    const imagesPerSecond = (1000 * seen) / (now - begin);
    const { epochs } = this.spec;
    const left = images - seen + images * (epochs - epoch);
    const validations = (epochs - epoch + 1) * this.secondsOfValidation(imagesPerSecond);
    this.report({
      progress: {
        epoch,
        epochs,
        step,
        steps: this.steps,
        loss: loss / seen,
        accuracy: correct / seen,
        imagesPerSecond,
        secondsLeft: left / imagesPerSecond + validations,
        kernels: this.kernelsNow(),
        gradientNorms: this.engine.gradientNorms(),
      },
    });
  }

  /** How long one validation takes: as the last one, or, before the first, a forward pass: a third of a training step. */
  secondsOfValidation(imagesPerSecond) {
    const last = this.history.at(-1)?.phases?.validation;
    return last ?? this.places.validation.length / (3 * imagesPerSecond);
  }

  /** The weights of the first Conv: {path, shape, values}; null if there is none. */
  kernelsNow() {
    this.firstConv ??= [...walk(this.network.nodes)].find((node) => node.layer.kind === "Conv") ?? false;
    if (!this.firstConv) return null;
    const name = `${this.firstConv.path}/kernel`;
    const { shape, begin, size } = this.engine.parameters.find((parameter) => parameter.name === name);
    return { path: this.firstConv.path, shape, values: this.engine.weights.slice(begin, begin + size) };
  }

  refuseDivergence(result) {
    const validates = this.places.validation.length > 0;
    const finite = Number.isFinite(result.loss) && (!validates || Number.isFinite(result.valLoss));
    if (finite && this.engine.weights.every(Number.isFinite)) return;
    const before = this.history.length;
    const kept = before ? `the state after epoch ${before} is kept; ` : "";
    const rates = epochRates(this.spec, result.epoch, this.steps, this.history);
    const largest = rates.reduce((rate, other) => Math.max(rate, other));
    throw new Diverged(
      `diverged at epoch ${result.epoch}: the loss or a weight is no longer a finite number; ` +
        `${kept}try a smaller learning rate than ${general(largest)}`,
    );
  }

  timed(phase, work) {
    const begin = performance.now();
    const result = work();
    this.phases[phase] += (performance.now() - begin) / 1000;
    return result;
  }
}

/**
 * How many bytes each worker's engine takes, for each of some numbers of workers: [{workers, bytes}].
 * available: the dataset's training images. Throws an Error if they cannot be divided so.
 */
export function engineSizes(kernels, available, { network, split: proportion, seed, images }, numbers) {
  const { train } = split(available, proportion, seed, images);
  const leafImages = mostInLeaf(network.spec, train.length);
  return numbers.map((workers) => ({
    workers,
    bytes: Engine.bytes(kernels, network, { leafImages, leaves: LEAVES / workers }),
  }));
}

/** The most images of a leaf, if so many train. */
function mostInLeaf({ batch_size: batch }, count) {
  return Math.ceil(Math.min(batch, count) / LEAVES);
}

/** Throw an Error if the spec needs validation images and there are none. */
function refuseWithoutValidation(spec, validation) {
  const needs = needsOf(spec).needsValidation ? spec.schedule.kind : spec.stop && "Stop";
  if (!needs || validation.length) return;
  throw new Error(`${needs} goes by the validation images, and this split leaves none; take a split of 0.9`);
}

/** The images at these places, one after another, at the beginning of `into`. */
function gather(images, places, into) {
  places.forEach((place, at) => into.set(images.subarray(place * PIXELS, (place + 1) * PIXELS), at * PIXELS));
  return into.subarray(0, places.length * PIXELS);
}

/** Mean and population variance. */
function meanAndVariance(values) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [mean, values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length];
}

/** A result in which no zero has a sign. */
function withoutSigns(result) {
  return Object.fromEntries(Object.entries(result).map(([name, value]) => [name, value === 0 ? 0 : value]));
}
