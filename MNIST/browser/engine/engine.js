// One network in one worker: its weights, their gradients, its optimizer. MNIST/engines/scratch/engine.py is
// beside it.
//
// A batch is cut into leaves, and an engine computes some of them in a step; it adds their gradients as a binary
// tree, and so do the workers among each other, so that the same numbers come out for any number of workers. A
// leaf is computed in chunks, whose size follows from the network: so that what lies between two layers stays in
// the processor's cache. BatchNorm needs sums over the whole batch; so all chunks of all leaves go through the
// operations before it, then through those behind it.

import { statementText, walk } from "../language/language.js";
import { drawParameter, seedOf } from "./draws.js";
import { instantiate } from "./kernels.js";
import { Plan } from "./memory.js";
import { Builder } from "./network.js";
import { UPDATES } from "./optimizers.js";
import { Parameters } from "./parameters.js";
import { treeSum } from "./sums.js";

const PIXELS = 28 * 28;
const VALUES_AT_ONCE = 2 ** 19; // between the layers, of all images of a chunk
const MOST_AT_ONCE = 64; // images of a chunk
const STEPS = "optimizer/steps"; // the name in a state for the number of steps so far

export class Engine {
  /**
   * kernels: of loadKernels. network: of layOut. pixelStatistics: {mean, deviation} of the training images, in [0,
   * 1]. leafImages: the most images of a leaf; leaves: how many leaves this engine computes in a step, a power of
   * two. training: whether it will be trained, which takes more memory. Throws TooLarge before it takes any
   * memory.
   */
  static create(kernels, network, { pixelStatistics, leafImages = 1, leaves = 1, training = true }) {
    if (training && !network.followsGradients) {
      const { kind } = network.spec.optimizer;
      throw new Error(`${kind} is a learning rule without gradients: the browser only computes its answers`);
    }
    return new Engine(kernels, network, { pixelStatistics, leafImages, leaves, training });
  }

  /** How many bytes of memory an engine for training would take; it is not made. */
  static bytes(kernels, network, { leafImages, leaves }) {
    const pixelStatistics = { mean: 0, deviation: 1 }; // any numbers take the same place
    return planned(instantiate(kernels), network, { pixelStatistics, leafImages, leaves, training: true }).plan.end;
  }

  constructor(kernels, network, { pixelStatistics, leafImages, leaves, training }) {
    const c = instantiate(kernels);
    Object.assign(this, { c, network, leafImages, leaves, training });
    this.optimizer = network.spec.optimizer;
    const { plan, arrays, chunk, build } = planned(c, network, { pixelStatistics, leafImages, leaves, training });
    Object.assign(this, { arrays, chunk, build });
    this.parameters = arrays.all;
    plan.allocate(c.memory);
    this.steps = 0;
    this.isPacked = false;
    this.segments = segmentsOf(this.build.operations);
    this.norms = this.segments.map(([first]) => (first.addSums ? first : null));
    this.build.operations.forEach((operation) => operation.write?.(this.heap));
    this.arrays.fillSlots(c);
  }

  /** All memory, by type; looked up anew each time, because it may have grown. */
  get heap() {
    const { buffer } = this.c.memory;
    if (this.views?.floats.buffer !== buffer) {
      this.views = {
        bytes: new Uint8Array(buffer),
        halves: new Uint16Array(buffer),
        ints: new Int32Array(buffer),
        floats: new Float32Array(buffer),
        doubles: new Float64Array(buffer),
      };
    }
    return this.views;
  }

  /** The trainable ones first, then those of BatchNorm that are not trained. */
  get weights() {
    return this.arrays.weights(this.heap);
  }

  /** Of the trainable weights: of this engine's leaves, or whatever was written here since. */
  get gradients() {
    return this.arrays.gradients(this.heap);
  }

  /** What the optimizer remembers, one array after another, each as long as the gradients: a copy. */
  slots() {
    return this.arrays.slots(this.heap);
  }

  /** Copies of all weights by name. */
  getWeights() {
    return this.arrays.get(this.heap, this.arrays.ofWeights());
  }

  /** Set all weights. Throws an Error for other names or sizes, before any change. */
  setWeights(weights) {
    this.arrays.set(this.heap, this.arrays.ofWeights(), weights);
    this.isPacked = false;
  }

  /** Copies of the weights and of the optimizer's arrays by name, and the number of steps so far. */
  getState() {
    return { ...this.arrays.get(this.heap, this.arrays.ofState()), [STEPS]: this.steps };
  }

  setState({ [STEPS]: steps, ...arrays }) {
    this.arrays.set(this.heap, this.arrays.ofState(), arrays);
    this.steps = Number(steps);
    this.isPacked = false;
  }

  /** Draw the initial weights, one stream of random numbers for each parameter. seed: a whole number. */
  drawWeights(seed) {
    for (const parameter of this.parameters) {
      drawParameter(this.c, parameter, parameter, { seed, rank: parameter.rank, index: parameter.index });
    }
    this.isPacked = false;
  }

  /**
   * Find the loss and the gradients of a batch's mean loss, as far as this engine's leaves contribute to them.
   *
   * leaves: for each leaf of this engine {images: Uint8Array (n × 784) or null, labels: Uint16Array, draws: null
   * or {path: Float32Array}, seed: [a, b]}; the layers' random numbers are given, or drawn from the leaf's seed,
   * two whole numbers of 32 bits. count: the images of the whole batch. smoothing: of the labels. reduce: adds a
   * Float64Array over all workers and promises the sum; null if there is one worker.
   * Returns {loss, correct}: sums over the images. The gradients are left in `gradients`.
   */
  async differentiate(leaves, { count, smoothing, reduce = null }) {
    this.pack();
    const chunks = leaves.map((leaf, index) => this.chunksOf(leaf, index));
    const absent = chunks.map(({ length }) => length === 0);
    const losses = leaves.map(() => [0, 0]);
    const last = this.segments.length - 1;
    const reduced = async (norm) => {
      const sum = treeSum(norm.leafSums(this.heap, absent), addArrays);
      return reduce === null ? sum : reduce(sum);
    };
    for (let segment = 0; segment < last; segment++) {
      for (const pass of chunks.flat()) this.forward(segment, pass);
      this.norms[segment + 1].takeSums(this.heap, await reduced(this.norms[segment + 1]), count);
    }
    for (let segment = last; segment >= 0; segment--) {
      this.eachLeaf(segment, chunks, (pass) => {
        if (segment === last) {
          this.forward(segment, pass);
          const found = this.build.loss.differentiate(pass, this.heap, pass.labels, { count, smoothing });
          losses[pass.leaf][0] += found.loss;
          losses[pass.leaf][1] += found.correct;
        }
        this.backward(segment, pass);
      });
      const norm = this.norms[segment];
      if (norm) norm.takeSlopes(this.heap, await reduced(norm), count);
    }
    const [loss, correct] = treeSum(losses, addArrays);
    return { loss, correct };
  }

  /** One step of the optimizer on all weights, from the gradients. */
  update(learningRate) {
    this.steps += 1;
    const { c, optimizer, steps: step } = this;
    const { weightsPlace: w, gradientPlaces, trainable: n, slotPlaces: slots } = this.arrays;
    UPDATES[optimizer.kind](c, optimizer, { w, g: gradientPlaces[0], n, slots, rate: learningRate, step });
    for (const norm of this.norms) norm?.keepMoving(this.heap);
    this.isPacked = false;
  }

  /** The logits of any number of images: Float32Array (n × classes). images: Uint8Array (n × 784). */
  logits(images) {
    const { size, data } = this.build.logits;
    const found = new Float32Array((images.length / PIXELS) * size);
    this.infer(images, (pass) => {
      const at = data.at(pass) / 4;
      found.set(this.heap.floats.subarray(at, at + pass.images * size), pass.start * size);
    });
    return found;
  }

  /**
   * Each layer's output for one image, in the order of computation: [{path, kind, text, shape, values, areLogits}].
   * areLogits: whether the values are those before the softmax that the text says.
   */
  look(image) {
    const layers = new Map([...walk(this.network.nodes)].map(({ path, layer }) => [path, layer]));
    const outputs = [];
    this.infer(
      image,
      () => {},
      (operation, pass) => {
        const { node, y, ways } = operation;
        if (!node) return;
        const { data, size } = y ?? ways[0];
        const values = this.heap.floats.slice(data.at(pass) / 4, data.at(pass) / 4 + size);
        const layer = layers.get(node.path);
        const text = statementText(layer, { defaults: false });
        const areLogits = layer.activation !== node.layer.activation;
        outputs.push({ path: node.path, kind: layer.kind, text, shape: node.outputShape, values, areLogits });
      },
    );
    return outputs;
  }

  /** The L2 norm of each layer's gradient: [{path, norm}], in the order of the file. */
  gradientNorms() {
    const squares = new Map();
    for (const { path, trainable, offset, size } of this.parameters) {
      if (!trainable) continue;
      squares.set(path, (squares.get(path) ?? 0) + this.c.square_sum(this.arrays.gradientPlaces[0] + offset, size));
    }
    return [...squares].map(([path, square]) => ({ path, norm: Math.sqrt(square) }));
  }

  // -------------------------------------------------------------------------------------------------------------

  /** The chunks of a leaf, each a pass: which images, where their numbers lie, where their gradients go. */
  chunksOf({ images, labels, draws = null, seed = [0, 0] }, leaf) {
    const n = images === null ? 0 : images.length / PIXELS;
    if (n > this.leafImages) throw new Error(`a leaf has ${n} images, more than the ${this.leafImages} announced`);
    const count = Math.ceil(n / this.chunk);
    const key = seedOf(seed);
    return Array.from({ length: count }, (_, index) => {
      const [start, end] = [index, index + 1].map((part) => Math.floor((part * n) / count));
      return {
        leaf,
        start, // in the leaf
        first: leaf * this.leafImages + start, // among all images of this engine
        images: end - start,
        pixels: images.subarray(start * PIXELS, end * PIXELS),
        labels: labels.subarray(start, end),
        training: true,
        add: index > 0 ? 1 : 0,
        gradients: 0,
        draws,
        stream: (number) => this.c.splitmix64(key, BigInt(number)),
        write: (place, values) => this.heap.floats.set(values, place / 4),
      };
    });
  }

  /**
   * Let `work` go through all chunks of all leaves, and add the leaves' gradients of one segment's weights as a
   * binary tree, ((l0 + l1) + (l2 + l3)): a leaf's gradients go to the first free place, and wait there for their
   * partner.
   */
  eachLeaf(segment, chunks, work) {
    const ranges = this.rangesOf(segment);
    let depth = 0;
    chunks.forEach((passes, leaf) => {
      const gradients = this.arrays.gradientPlaces[depth++];
      if (passes.length === 0) ranges.forEach(({ offset, size }) => this.c.fill(gradients + offset, 0, size));
      for (const pass of passes) work(Object.assign(pass, { gradients }));
      for (let rest = leaf + 1; rest % 2 === 0; rest /= 2, depth--) {
        const [a, b] = [this.arrays.gradientPlaces[depth - 2], this.arrays.gradientPlaces[depth - 1]];
        ranges.forEach(({ offset, size }) => this.c.add(a + offset, b + offset, a + offset, size));
      }
    });
  }

  /** Where the gradients lie that one segment's operations compute: [{offset, size}]. */
  rangesOf(segment) {
    this.ranges ??= this.segments.map((operations) => {
      const own = operations.flatMap(({ W, b, gamma, beta }) => [W, b, gamma, beta].filter(Boolean));
      return joined(own.filter(({ trainable }) => trainable));
    });
    return this.ranges[segment];
  }

  /** The forward pass of one segment for one chunk; and its sums, for the BatchNorm behind it. */
  forward(segment, pass) {
    if (segment === 0) this.heap.bytes.set(pass.pixels, this.build.pixels.images);
    for (const operation of this.segments[segment]) operation.forward?.(pass);
    this.norms[segment + 1]?.addSums(pass);
  }

  /** The backward pass of one segment for one chunk; it ends with the sums for the BatchNorm before it. */
  backward(segment, pass) {
    this.norms[segment + 1]?.backward(pass);
    const operations = this.segments[segment];
    const norm = this.norms[segment];
    for (let index = operations.length - 1; index >= (norm ? 1 : 0); index--) operations[index].backward?.(pass);
    norm?.addSlopes(pass, this.heap);
  }

  /** Compute images without training, chunk by chunk; after each, call `done`, and after each operation `seen`. */
  infer(images, done, seen = () => {}) {
    this.pack();
    for (const norm of this.norms) norm?.useMoving(this.heap);
    const n = images.length / PIXELS;
    for (let start = 0; start < n; start += this.chunk) {
      const count = Math.min(this.chunk, n - start);
      const pass = { start, first: 0, images: count, training: false };
      this.heap.bytes.set(images.subarray(start * PIXELS, (start + count) * PIXELS), this.build.pixels.images);
      for (const operation of this.build.operations) {
        operation.forward?.(pass);
        seen(operation, pass);
      }
      done(pass);
    }
  }

  pack() {
    if (this.isPacked) return;
    for (const operation of this.build.operations) operation.pack?.();
    this.isPacked = true;
  }
}

/** The places of all that an engine will need, before it takes any memory. */
function planned(c, network, { pixelStatistics, leafImages, leaves, training }) {
  const plan = new Plan(c.__heap_base.value);
  const arrays = new Parameters(plan, network, training ? leaves : 0);
  const chunk = imagesAtOnce(network);
  const parameters = new Map(arrays.all.map((each) => [each.name, each]));
  const sizes = { chunk, leaves, leafImages, training };
  const build = new Builder({ c, plan, network, parameters, pixelStatistics, ...sizes });
  return { plan, arrays, chunk, build };
}

/** How many images a chunk has: so few that all that lies between the layers stays in the cache. */
function imagesAtOnce({ nodes, inputShape }) {
  const size = (shape) => shape.reduce((product, side) => product * side, 1);
  const values = [...walk(nodes)].reduce((sum, { outputShape }) => sum + size(outputShape), size(inputShape));
  return Math.max(1, Math.min(MOST_AT_ONCE, Math.floor(VALUES_AT_ONCE / values)));
}

/** The operations, cut before each BatchNorm. */
function segmentsOf(operations) {
  const segments = [];
  for (const operation of operations) (segments[operation.segment] ??= []).push(operation);
  return segments;
}

/** Neighbouring parameters as one range. */
function joined(parameters) {
  const ranges = [];
  for (const { offset, size } of parameters.sort((a, b) => a.offset - b.offset)) {
    const last = ranges.at(-1);
    if (last && last.offset + 4 * last.size === offset) last.size += size;
    else ranges.push({ offset, size });
  }
  return ranges;
}

function addArrays(a, b) {
  return a.map((value, index) => value + b[index]);
}
