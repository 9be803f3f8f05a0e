// What each layer of the language does with shapes: one entry in LAYERS for each class of
// MNIST/language/layers.py.
//
// An entry has the methods that its class has in Python, under the same names, and no others; LAYER has what all
// layers share. A method takes the layer, plain data, and for one image the shape that goes in:
// [rows, columns, channels] for a map, [units] for a row of numbers. Arguments and defaults are in the table.

import { product } from "./numbers.js";

/** A layer cannot take the shape that comes to it; the message is the reason, for the user. */
export class ShapeError extends Error {}

/** A kernel of rows × columns slides over the map, `stride` rows and columns at a time. */
function kernelWindow({ rows, columns, stride, padding }) {
  return { size: [rows, columns], strides: [stride, stride], padding };
}

/** A window of rows × columns moves over each channel; without a stride, windows stand side by side. */
function poolWindow({ rows, columns, stride, padding }) {
  const size = [rows, columns];
  return { size, strides: stride === null ? size : [stride, stride], padding };
}

const pool = {
  window: poolWindow,
  outputShape: (layer, shape) => [...positions(poolWindow(layer), shape), shape.at(-1)],
};

export const LAYERS = {
  Conv: {
    window: kernelWindow,
    outputShape: (layer, shape) => [...positions(kernelWindow(layer), shape), layer.filters],
    parameters: ({ rows, columns, filters, init }, shape) =>
      kernelAndBias([rows, columns, shape.at(-1), filters], init),
    flops: (layer, shape) =>
      product([2, ...positions(kernelWindow(layer), shape), layer.rows, layer.columns, shape.at(-1), layer.filters]),
    workingValues: (layer, shape) =>
      product([...positions(kernelWindow(layer), shape), layer.rows, layer.columns, shape.at(-1)]),
  },

  DepthwiseConv: {
    window: kernelWindow,
    outputShape: (layer, shape) => [...positions(kernelWindow(layer), shape), shape.at(-1)],
    parameters: ({ rows, columns, init }, shape) => [
      kernel("kernel", [rows, columns, shape.at(-1), 1], init),
      parameter("bias", [shape.at(-1)], "zeros"),
    ],
    flops: (layer, shape) =>
      product([2, ...positions(kernelWindow(layer), shape), shape.at(-1), layer.rows, layer.columns]),
  },

  SeparableConv: {
    window: kernelWindow,
    outputShape: (layer, shape) => [...positions(kernelWindow(layer), shape), layer.filters],
    parameters: ({ rows, columns, filters, init }, shape) => [
      kernel("depthwise_kernel", [rows, columns, shape.at(-1), 1], init),
      kernel("pointwise_kernel", [1, 1, shape.at(-1), filters], init),
      parameter("bias", [filters], "zeros"),
    ],
    flops: (layer, shape) => {
      const { rows, columns, filters } = layer;
      return product([2, ...positions(kernelWindow(layer), shape), shape.at(-1), rows * columns + filters]);
    },
    workingValues: (layer, shape) => product([...positions(kernelWindow(layer), shape), shape.at(-1)]),
  },

  MaxPool: pool,
  AvgPool: pool,
  GlobalAvgPool: { outputShape: (layer, shape) => [asMap(shape).at(-1)] },

  BatchNorm: {
    parameters: (layer, shape) => {
      const channels = shape.slice(-1);
      return [
        parameter("gamma", channels, "ones"),
        parameter("beta", channels, "zeros"),
        parameter("moving_mean", channels, "zeros", { trainable: false }),
        parameter("moving_variance", channels, "ones", { trainable: false }),
      ];
    },
    needsWholeBatch: () => true,
  },

  LocalResponseNorm: { outputShape: (layer, shape) => asMap(shape) },

  Activation: {
    changesNothing: ({ name }) => name === "linear",
    isSoftmax: ({ name }) => name === "softmax",
  },

  Dropout: {
    changesNothing: ({ rate }) => rate === 0,
    draws: ({ rate }) => ({ kind: "kept", rate }),
  },

  GaussianNoise: {
    changesNothing: (layer) => layer.standard_deviation === 0,
    draws: () => ({ kind: "normal" }),
  },

  Flatten: { outputShape: (layer, shape) => [product(shape)] },

  Dense: {
    outputShape: ({ units }, shape) => {
      if (shape.length === 1) return [units];
      const found = `expected a row of numbers, found ${described(shape)}`;
      throw new ShapeError(`${found}; put Flatten or GlobalAvgPool before it`);
    },
    parameters: ({ units, init }, shape) => kernelAndBias([...shape, units], init),
    flops: ({ units }, shape) => product([2, shape[0], units]),
  },

  Columns: {
    outputShape: ({ classes }) => [classes],
    parameters: ({ classes, neurons, connections, spread }, shape) => {
      const all = [classes, neurons, connections];
      return [
        parameter("sources", all, "indices", { trainable: false, map: shape, spread }),
        parameter("weights", all, "normal"),
        parameter("thresholds", [classes, neurons], "zeros"),
      ];
    },
    flops: ({ classes, neurons, connections }) => product([2, classes, neurons, connections]),
  },

  Pad: {
    outputShape: (layer, shape) => {
      const [rows, columns, channels] = asMap(shape);
      return [rows + 2 * layer.rows, columns + 2 * layer.columns, channels];
    },
    margins: ({ rows, columns }) => ({ top: rows, bottom: rows, left: columns, right: columns }),
    changesNothing: ({ rows, columns }) => rows === 0 && columns === 0,
  },

  Residual: {},
  Parallel: {},
  Path: {},
  Repeat: {},
};

/** What all layers share: the shape stays, and there are no parameters and no multiply-adds. */
const LAYER = {
  /** The shape that comes out when `shape` goes in. Throws ShapeError if `shape` does not fit. */
  outputShape: (layer, shape) => shape,
  /** The arrays that the layer owns: {name, shape, init, fanIn, fanOut, trainable, map, spread}. */
  parameters: () => [],
  /** Two for each multiply-add of a matrix product, forward, for one image; nothing else counts. */
  flops: () => 0,
  /** How many values one image has in the largest array between the layer's input and its output. */
  workingValues: () => 0,
  /** The margins that the layer first adds around a map of `shape`. */
  margins: (layer, shape) => {
    const window = method(layer, "window")(layer);
    return window ? windowMargins(window, shape) : { ...NO_MARGINS };
  },
  /** The window that the layer moves over its map; null if it has none. */
  window: () => null,
  /** Whether the output always equals the input, so that the network is the same without the layer. */
  changesNothing: () => false,
  /** Whether the layer ends in softmax. */
  isSoftmax: (layer) => layer.activation === "softmax",
  /** What the layer draws for each input number while training; null if it draws nothing. */
  draws: () => null,
  /** Whether an image's output depends on the other images of its batch while training. */
  needsWholeBatch: () => false,
};

/** What `layer` says about itself: its method of this name, called with the layer and the shape that goes in. */
export function ask(layer, name, shape) {
  return method(layer, name)(layer, shape);
}

function method(layer, name) {
  return LAYERS[layer.kind][name] ?? LAYER[name];
}

/** A layer as its line says, in one spelling: a pool whose stride is its window's size has no stride. */
export function inOneSpelling(layer) {
  const isPool = LAYERS[layer.kind].window === poolWindow;
  return isPool && layer.stride === layer.rows && layer.stride === layer.columns ? { ...layer, stride: null } : layer;
}

/**
 * The stride of the projection that brings `shape` to the output shape `inner` of a Residual's block.
 * null if the shapes are equal and nothing is projected. Throws ShapeError if no stride fits.
 */
export function projectionStride(shape, inner) {
  if (areEqual(shape, inner)) return null;
  let hint = "; only maps are projected: let the block end in the shape it began with";
  if (shape.length === 3 && inner.length === 3) {
    const stride = Math.max(...[0, 1].map((axis) => Math.ceil(shape[axis] / inner[axis])));
    if ([0, 1].every((axis) => Math.ceil(shape[axis] / stride) === inner[axis])) return stride;
    hint = inner[0] < shape[0] ? "; give the block's layers padding=same" : "";
  }
  const reason = `the block's output cannot be added to its input: ${described(shape)} went in`;
  throw new ShapeError(`${reason}, ${described(inner)} came out${hint}`);
}

/** The shape of the outputs of a Parallel's paths, joined. Throws ShapeError if they do not fit side by side. */
export function joined(shapes) {
  const [first] = shapes;
  shapes.forEach((shape, place) => {
    if (shape.length === first.length && areEqual(shape.slice(0, -1), first.slice(0, -1))) return;
    const ends = `path 1 ends in ${described(first)}, path ${place + 1} in ${described(shape)}`;
    throw new ShapeError(`the paths cannot be joined: ${ends}; rows and columns must agree`);
  });
  return [...first.slice(0, -1), shapes.reduce((channels, shape) => channels + shape.at(-1), 0)];
}

/** A shape in words: "a 13×13×32 map", "a row of 128 numbers". */
export function described(shape) {
  if (shape.length === 1) return `a row of ${shape[0]} number${shape[0] === 1 ? "" : "s"}`;
  return `a ${shape.join("×")} map`;
}

/** A kernel with its fans: how many values each output sums, and how many each input feeds (Glorot). */
export function kernel(name, shape, init) {
  const window = product(shape.slice(0, -2));
  const [fanIn, fanOut] = shape.slice(-2).map((units) => window * units);
  return parameter(name, shape, init, { fanIn, fanOut });
}

function kernelAndBias(shape, init) {
  return [kernel("kernel", shape, init), parameter("bias", shape.slice(-1), "zeros")];
}

function parameter(name, shape, init, more = {}) {
  return { name, shape, init, fanIn: 0, fanOut: 0, trainable: true, map: [], spread: 0, ...more };
}

const NO_MARGINS = { top: 0, bottom: 0, left: 0, right: 0 };

/** How many rows and columns of positions a window has. Throws ShapeError if it has none. */
function positions({ size, strides, padding }, shape) {
  const sides = asMap(shape).slice(0, 2);
  if (padding === "same") return sides.map((side, axis) => Math.ceil(side / strides[axis]));
  if (size[0] > sides[0] || size[1] > sides[1]) {
    throw new ShapeError(`its ${size[0]}×${size[1]} window does not fit on ${described(shape)}`);
  }
  return sides.map((side, axis) => Math.floor((side - size[axis]) / strides[axis]) + 1);
}

/** The margins that a window's padding puts around a map: as even as possible, odd ones below and on the right. */
function windowMargins(window, shape) {
  if (window.padding === "valid") return { ...NO_MARGINS };
  const [rows, columns] = positions(window, shape).map((count, axis) =>
    Math.max((count - 1) * window.strides[axis] + window.size[axis] - shape[axis], 0),
  );
  const [top, left] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  return { top, bottom: rows - top, left, right: columns - left };
}

/** `shape`, if it is that of a map. Throws ShapeError otherwise. */
function asMap(shape) {
  if (shape.length === 3) return shape;
  const found = `expected a map of rows × columns × channels, found ${described(shape)}`;
  throw new ShapeError(`${found}; put it before Flatten or GlobalAvgPool`);
}

function areEqual(a, b) {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}
