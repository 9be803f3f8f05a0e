// From a laid-out network to the engine's operations: one function for each layer type, in BUILDERS.
//
// Nested blocks become a flat list of operations between values. Each value has one operation that makes it and
// one that takes it; a Fork gives several values of one. An operation has `forward(pass)` and `backward(pass)`;
// some also have `write(heap)`, called once the memory is there, and `pack()`, called whenever the weights have
// changed.

import { toLogits } from "../language/language.js";
import { Activate, worksInPlace } from "./layers/activations.js";
import { Add, Concatenate, Fork } from "./layers/blocks.js";
import { Columns } from "./layers/columns.js";
import { convolution } from "./layers/convolution.js";
import { dense } from "./layers/dense.js";
import { Depthwise } from "./layers/depthwise.js";
import { Dropout } from "./layers/dropout.js";
import { CrossEntropy } from "./layers/loss.js";
import { GaussianNoise } from "./layers/noise.js";
import { BatchNorm, LocalResponseNorm } from "./layers/normalization.js";
import { Pad } from "./layers/padding.js";
import { Pixels, pixelTable } from "./layers/pixels.js";
import { AvgPool, GlobalAvgPool, MaxPool } from "./layers/pooling.js";
import { Windows } from "./layers/windows.js";
import { Block, placeTogether } from "./memory.js";

/**
 * The operations of a network, with places for all that they need.
 *
 * c: the kernels' functions. plan: the Plan. parameters: by name {place, offset}. chunk: the most images at once.
 * leaves, leafImages: as of the Engine. training: whether there is a backward pass. nodes: up to the logits.
 */
export class Builder {
  constructor({ c, plan, network, parameters, chunk, leaves, leafImages, training, pixelStatistics }) {
    Object.assign(this, { c, plan, parameters, chunk, leaves, training });
    this.nodes = toLogits(network);
    this.operations = [];
    this.segment = 0; // of the operations between one BatchNorm and the next
    this.values = [];
    this.draws = 0; // layers that draw, so far
    this.shared = { place: 0, bytes: 0 };
    this.whole = training && leaves * leafImages;
    const x = this.value(network.inputShape);
    this.pixels = new Pixels(this, x, pixelTable(network.spec.input, pixelStatistics));
    this.add(this.pixels, [], x, null);
    this.logits = this.chain(this.nodes, x);
    if (training) this.loss = this.add(new CrossEntropy(this, this.logits), [this.logits], null, null);
    if (training) this.findIdleBiases();
    this.placeBlocks();
    this.shared.place = plan.take(this.shared.bytes);
  }

  /** A new value; its numbers are those of `of`, if given, in another shape. */
  value(shape, of = null) {
    const size = shape.reduce((product, side) => product * side, 1);
    const data = of ? of.data : new Block(size);
    const value = { shape, size, data, slope: new Block(size), wantsSlope: false };
    this.values.push(value);
    return value;
  }

  /** A place for numbers that are kept from the forward to the backward pass, `size` for each image. */
  data(size) {
    const block = new Block(size);
    this.values.push({ data: block, slope: null });
    return block;
  }

  /** Memory that every operation may use while it works: {place}, known once all is built. */
  scratch(bytes) {
    this.shared.bytes = Math.max(this.shared.bytes, bytes);
    return this.shared;
  }

  /** Add an operation that makes y of some values. node: the layer whose output y is, or null. */
  add(operation, inputs, y, node) {
    const index = this.operations.length;
    const isNorm = operation instanceof BatchNorm;
    if (isNorm) this.segment += 1; // its sums end the segment before it
    Object.assign(operation, { segment: this.segment, node });
    for (const x of inputs) Object.assign(x, { taken: index, takenIn: this.segment - (isNorm ? 1 : 0) });
    const ys = y === null ? [] : [y].flat();
    for (const one of ys) Object.assign(one, { made: index, madeIn: this.segment - (isNorm ? 1 : 0) });
    this.operations.push(operation);
    return operation;
  }

  parameter(node, name) {
    return this.parameters.get(`${node.path}/${name}`);
  }

  /** The value that consecutive layers make of x. */
  chain(nodes, x) {
    return nodes.reduce((value, node) => this.layer(node, value), x);
  }

  /** The value that a layer makes of x. */
  layer(node, x) {
    return BUILDERS[node.layer.kind](this, node, x);
  }

  /** Add an operation that makes the output of a layer; `make` gets that value. Returns it. */
  output(node, inputs, make, { shape = node.outputShape, of = null, learns = false, isLast = true } = {}) {
    const y = this.value(shape, of);
    y.wantsSlope = this.training && (learns || inputs.some((x) => x.wantsSlope));
    this.add(make(y), inputs, y, isLast ? node : null);
    return y;
  }

  /** An operation that applies its activation in place, followed by one of its own if that cannot be. */
  activated(node, inputs, activation, make) {
    if (worksInPlace(activation)) return this.output(node, inputs, (y) => make(y, activation), { learns: true });
    const z = this.output(node, inputs, (y) => make(y, "linear"), { learns: true, isLast: false });
    return this.output(node, [z], (y) => new Activate(this.c, z, y, activation));
  }

  /** `count` values that are all x. */
  fork(x, count) {
    const ways = Array.from({ length: count }, () => {
      const way = this.value(x.shape, x);
      way.wantsSlope = x.wantsSlope;
      return way;
    });
    this.add(new Fork(this.c, x, ways), [x], ways, null);
    return ways;
  }

  /**
   * Mark biases that a BatchNorm takes away again, because it subtracts the mean: their gradient is exactly 0.
   * Computed, it would be a sum of roundings, and Adam would take that for a direction.
   */
  findIdleBiases() {
    const losesShift = []; // by operation: whether a number that is added to a whole channel of its input gets lost
    const isLost = ({ taken }) => losesShift[taken];
    for (let index = this.operations.length - 1; index >= 0; index--) {
      const operation = this.operations[index];
      const isNorm = operation instanceof BatchNorm;
      if (isNorm || (operation.b && operation.isLinear)) operation.biasIsIdle = isLost(operation.y);
      if (isNorm) losesShift[index] = true;
      else if (operation instanceof Fork) losesShift[index] = operation.ways.every(isLost);
      else losesShift[index] = shiftsEvenly(operation) && isLost(operation.y);
    }
  }

  /**
   * Give all blocks their places. What the forward pass makes stays for the backward pass. The slopes of a chunk
   * share their places as soon as they are no longer needed; slopes that wait for sums over the whole batch do not
   * share them with any in the same segments, because all chunks go through a segment before the next one begins.
   */
  placeBlocks() {
    const { plan, chunk, operations } = this;
    const hasSums = this.segment > 0 && this.training;
    const images = hasSums ? Math.max(this.whole, chunk) : chunk;
    for (const block of new Set(this.values.map(({ data }) => data))) {
      block.whole = hasSums;
      block.place = plan.floats(block.size * images);
    }
    if (!this.training) return;
    const segmentBegin = [];
    const segmentEnd = [];
    operations.forEach(({ segment }, index) => {
      segmentBegin[segment] ??= index;
      segmentEnd[segment] = index;
    });
    const slopes = this.values
      .filter((value) => value.slope && value.wantsSlope && value.taken !== undefined)
      .map(({ slope, made, taken, madeIn, takenIn }) => {
        slope.whole = hasSums && madeIn !== takenIn;
        const begin = slope.whole ? segmentBegin[madeIn] : made;
        const end = slope.whole ? segmentEnd[takenIn] : taken;
        return { block: slope, bytes: 4 * slope.size * (slope.whole ? images : chunk) + 128, begin, end };
      });
    const region = plan.take(0);
    const bytes = placeTogether(slopes, region);
    plan.take(bytes);
  }
}

/** Whether each channel of an operation's output is shifted by one number if its input's channels are. */
function shiftsEvenly(operation) {
  const kinds = [MaxPool, AvgPool, GlobalAvgPool, GaussianNoise, Add, Concatenate];
  return operation.shiftsEvenly || kinds.some((kind) => operation instanceof kind);
}

const BUILDERS = {
  Conv: (build, node, x) => {
    const { rows, columns, stride, activation } = node.layer;
    const [W, b] = [build.parameter(node, "kernel"), build.parameter(node, "bias")];
    const how = { size: [rows, columns], stride, margins: node.margins, W, b };
    return build.activated(node, [x], activation, (y, applied) =>
      convolution(build, x, y, { ...how, activation: applied }),
    );
  },

  DepthwiseConv: (build, node, x) => {
    const windows = windowsOf(build, node, x, node.outputShape);
    const [W, b] = [build.parameter(node, "kernel"), build.parameter(node, "bias")];
    return build.activated(node, [x], node.layer.activation, (y, activation) =>
      new Depthwise(build.c, x, y, windows, { W, b, activation }),
    );
  },

  SeparableConv: (build, node, x) => {
    const shape = [...node.outputShape.slice(0, 2), x.shape[2]];
    const windows = windowsOf(build, node, x, shape);
    const each = { W: build.parameter(node, "depthwise_kernel"), b: null, activation: "linear" };
    const z = build.output(node, [x], (y) => new Depthwise(build.c, x, y, windows, each), {
      shape,
      learns: true,
      isLast: false,
    });
    const [W, b] = [build.parameter(node, "pointwise_kernel"), build.parameter(node, "bias")];
    return build.activated(node, [z], node.layer.activation, (y, activation) =>
      convolution(build, z, y, { size: [1, 1], stride: 1, W, b, activation }),
    );
  },

  Dense: (build, node, x) => {
    const [W, b] = [build.parameter(node, "kernel"), build.parameter(node, "bias")];
    return build.activated(node, [x], node.layer.activation, (y, activation) =>
      dense(build, x, y, { W, b, activation }),
    );
  },

  MaxPool: (build, node, x) => pooled(build, node, x, MaxPool),
  AvgPool: (build, node, x) => pooled(build, node, x, AvgPool),
  GlobalAvgPool: (build, node, x) => build.output(node, [x], (y) => new GlobalAvgPool(build.c, x, y)),

  BatchNorm: (build, node, x) => {
    const names = ["gamma", "beta", "moving_mean", "moving_variance"];
    const [gamma, beta, mean, variance] = names.map((name) => build.parameter(node, name));
    const { momentum, epsilon } = node.layer;
    const how = { gamma, beta, mean, variance, momentum, epsilon };
    return build.output(node, [x], (y) => new BatchNorm(build, x, y, how), { learns: true });
  },

  LocalResponseNorm: (build, node, x) =>
    build.output(node, [x], (y) => new LocalResponseNorm(build, x, y, node.layer)),
  Activation: (build, node, x) => build.output(node, [x], (y) => new Activate(build.c, x, y, node.layer.name)),

  Dropout: (build, node, x) => {
    const how = { path: node.path, rate: node.layer.rate, number: build.draws++ };
    return build.output(node, [x], (y) => new Dropout(build, x, y, how));
  },

  GaussianNoise: (build, node, x) => {
    const how = { path: node.path, deviation: node.layer.standard_deviation, number: build.draws++ };
    return build.output(node, [x], (y) => new GaussianNoise(build, x, y, how));
  },

  Flatten: (build, node, x) => {
    const [y] = build.fork(x, 1); // the same numbers
    y.shape = node.outputShape;
    build.operations.at(-1).node = node;
    return y;
  },

  Pad: (build, node, x) => build.output(node, [x], (y) => new Pad(build.c, x, y, x.shape, node.margins)),

  Residual: (build, node, x) => {
    const [into, around] = build.fork(x, 2);
    const block = build.chain(node.children, into);
    const shortcut = node.projectionStride === null ? around : project(build, node, around);
    return build.output(node, [block, shortcut], (y) => new Add(build.c, block, shortcut, y));
  },

  Parallel: (build, node, x) => {
    const ways = build.fork(x, node.children.length);
    const outputs = node.children.map((path, index) => build.chain(path.children, ways[index]));
    return build.output(node, outputs, (y) => new Concatenate(build.c, outputs, y));
  },

  Columns: (build, node, x) => {
    const { neurons, connections } = node.layer;
    const [sources, weights, thresholds] = ["sources", "weights", "thresholds"].map((name) =>
      build.parameter(node, name),
    );
    const how = { neurons, connections, sources, weights, thresholds };
    return build.output(node, [x], (y) => new Columns(build.c, x, y, how));
  },
};

/** The 1×1 convolution around a Residual's block, without a bias. */
function project(build, node, x) {
  const how = { size: [1, 1], stride: node.projectionStride, W: build.parameter(node, "projection"), b: null };
  const options = { learns: true, isLast: false };
  return build.output(node, [x], (y) => convolution(build, x, y, { ...how, activation: "linear" }), options);
}

function pooled(build, node, x, Pool) {
  const windows = windowsOf(build, node, x, node.outputShape);
  return build.output(node, [x], (y) => new Pool(build.c, x, y, windows));
}

/** The windows of a node's layer; without a stride they stand side by side. */
function windowsOf(build, { layer, margins }, x, [R, C]) {
  const { rows, columns, stride } = layer;
  const strides = stride === null ? [rows, columns] : [stride, stride];
  return new Windows(build.plan, x.shape, { size: [rows, columns], strides }, margins, [R, C]);
}
