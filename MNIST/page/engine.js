// The forward pass of every layer of the model language: one function for each layer type, in OPERATIONS.
//
// Each takes x and an operation of plan.py, and returns y; x and y are Float32Array. A map is stored row by row,
// channels innermost: the value at (row, column, channel) is x[(row * columns + column) * channels + channel].
// Sums are computed in float64, the type of JavaScript's numbers. The formulas are those of MNIST/engines/scratch,
// and tests compare the two.

const LEAK = 0.2;

const ACTIVATIONS = {
  linear: (x) => x,
  relu: (x) => Math.max(x, 0),
  leaky_relu: (x) => (x > 0 ? x : LEAK * x),
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  silu: (x) => x * sigmoid(x),
  sigmoid: (x) => sigmoid(x),
  tanh: (x) => Math.tanh(x),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
};

const OPERATIONS = {
  Scale: (x, { by, offset }) => x.map((value) => value * by + offset),
  Threshold: threshold,
  Conv: convolution,
  DepthwiseConv: depthwiseConvolution,
  SeparableConv: (x, { depthwise, pointwise }) => convolution(depthwiseConvolution(x, depthwise), pointwise),
  MaxPool: maxPool,
  AvgPool: avgPool,
  GlobalAvgPool: globalAvgPool,
  BatchNorm: batchNorm,
  LocalResponseNorm: localResponseNorm,
  Activation: (x, { activation }) => activate(x.slice(), activation),
  Dense: dense,
  Columns: columnsOfNeurons,
  Pad: pad,
  Residual: residual,
  Parallel: parallel,
};

/** The ten probabilities of one image. pixels: 28×28 numbers from 0 to 255. seen: as in `forward`. */
function probabilities(operations, pixels, seen = () => {}) {
  return softmax(forward(operations, Float32Array.from(pixels), seen));
}

/** y = the operations one after another. seen(operation, y) is called after each, also after those in blocks. */
function forward(operations, x, seen) {
  for (const operation of operations) {
    x = OPERATIONS[operation.kind](x, operation, seen);
    seen(operation, x);
  }
  return x;
}

function softmax(logits) {
  const largest = Math.max(...logits); // exp cannot overflow
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/** One binary map for each level: 1 where the pixel is at least the level. */
function threshold(x, { levels }) {
  const y = new Float32Array(x.length * levels.length);
  x.forEach((pixel, place) =>
    levels.forEach((level, channel) => {
      y[place * levels.length + channel] = pixel >= level ? 1 : 0;
    }),
  );
  return y;
}

/**
 * y[r, c, f] = activation(bias[f] + Σ x[r·stride + i, c·stride + j, k] · kernel[i, j, k, f]), x within zeros.
 *
 * A value of 0 adds nothing and is skipped: most of a drawing is 0, and so is half of relu's output.
 */
function convolution(x, { input, output, size, strides, margins, kernel, bias, activation }) {
  const [, columns, channels] = input;
  const [R, C, filters] = output;
  const y = new Float32Array(R * C * filters);
  const sums = new Float64Array(filters);
  for (let r = 0, place = 0; r < R; r++) {
    const [top, iBegin, iEnd] = clipped(r, 0, input, size, strides, margins);
    for (let c = 0; c < C; c++, place += filters) {
      const [left, jBegin, jEnd] = clipped(c, 1, input, size, strides, margins);
      if (bias) sums.set(bias);
      else sums.fill(0);
      for (let i = iBegin; i < iEnd; i++) {
        const begin = ((top + i) * columns + left + jBegin) * channels;
        const end = begin + (jEnd - jBegin) * channels;
        let row = (i * size[1] + jBegin) * channels * filters; // of the kernel, as a matrix
        for (let at = begin; at < end; at++, row += filters) {
          if (x[at] !== 0) addRow(sums, x[at], kernel, row);
        }
      }
      y.set(sums, place);
    }
  }
  return activate(y, activation);
}

/** y[r, c, k] = activation(bias[k] + Σ x[r·stride + i, c·stride + j, k] · kernel[i, j, k]), x within zeros. */
function depthwiseConvolution(x, { input, output, size, strides, margins, kernel, bias, activation }) {
  const [, columns, channels] = input;
  const [R, C] = output;
  const y = new Float32Array(R * C * channels);
  const sums = new Float64Array(channels);
  for (let r = 0, place = 0; r < R; r++) {
    const [top, iBegin, iEnd] = clipped(r, 0, input, size, strides, margins);
    for (let c = 0; c < C; c++, place += channels) {
      const [left, jBegin, jEnd] = clipped(c, 1, input, size, strides, margins);
      if (bias) sums.set(bias);
      else sums.fill(0);
      for (let i = iBegin; i < iEnd; i++) {
        for (let j = jBegin; j < jEnd; j++) {
          const at = ((top + i) * columns + left + j) * channels;
          const row = (i * size[1] + j) * channels; // of the kernel, as a matrix
          for (let k = 0; k < channels; k++) sums[k] += x[at + k] * kernel[row + k];
        }
      }
      y.set(sums, place);
    }
  }
  return activate(y, activation);
}

/** y = activation(x · kernel + bias). */
function dense(x, { kernel, bias, activation }) {
  const sums = Float64Array.from(bias);
  for (let at = 0; at < x.length; at++) {
    if (x[at] !== 0) addRow(sums, x[at], kernel, at * sums.length);
  }
  return activate(Float32Array.from(sums), activation);
}

/** sums += value · the matrix's row that begins at `row`. Nearly all the time is spent here. */
function addRow(sums, value, matrix, row) {
  for (let unit = 0; unit < sums.length; unit++) sums[unit] += value * matrix[row + unit];
}

/** The largest value of each window. Padded places never win. */
function maxPool(x, operation) {
  return pooled(x, operation, -Infinity, Math.max, (largest) => largest);
}

/** The mean of each window. Padded places are not counted. */
function avgPool(x, operation) {
  return pooled(x, operation, 0, (sum, value) => sum + value, (sum, count) => sum / count);
}

/** Reduce each window's values, channel by channel: `join` them from `start` on, then apply `finish`. */
function pooled(x, { input, output, size, strides, margins }, start, join, finish) {
  const [, columns, channels] = input;
  const [R, C] = output;
  const y = new Float32Array(R * C * channels);
  for (let r = 0, place = 0; r < R; r++) {
    const [top, iBegin, iEnd] = clipped(r, 0, input, size, strides, margins);
    for (let c = 0; c < C; c++) {
      const [left, jBegin, jEnd] = clipped(c, 1, input, size, strides, margins);
      const count = (iEnd - iBegin) * (jEnd - jBegin);
      for (let channel = 0; channel < channels; channel++, place++) {
        let value = start;
        for (let i = iBegin; i < iEnd; i++) {
          for (let j = jBegin; j < jEnd; j++) {
            value = join(value, x[((top + i) * columns + left + j) * channels + channel]);
          }
        }
        y[place] = finish(value, count);
      }
    }
  }
  return y;
}

/** Along an axis: where a place's window begins, and the first and the end of its values in the map. */
function clipped(place, axis, input, size, strides, margins) {
  const begin = place * strides[axis] - margins[axis];
  return [begin, Math.max(0, -begin), Math.min(size[axis], input[axis] - begin)];
}

/** The mean of each channel over the whole map. */
function globalAvgPool(x, { output: [channels] }) {
  const sums = new Float64Array(channels);
  x.forEach((value, at) => {
    sums[at % channels] += value;
  });
  return Float32Array.from(sums, (sum) => (sum * channels) / x.length);
}

/** y = factor · x + offset, for each channel: plan.py has combined the moving averages, γ and β. */
function batchNorm(x, { factor, offset }) {
  const channels = factor.length;
  return x.map((value, at) => factor[at % channels] * value + offset[at % channels]);
}

/** y = x t^−β, t = k + α Σ x², the sum over `size` neighbouring channels. */
function localResponseNorm(x, { output, size, alpha, beta, k }) {
  const channels = output[2];
  const reach = (size - 1) / 2;
  return x.map((value, at) => {
    const first = at - (at % channels);
    const end = Math.min(at + reach + 1, first + channels);
    let sum = 0;
    for (let near = Math.max(at - reach, first); near < end; near++) sum += x[near] * x[near];
    return value * (k + alpha * sum) ** -beta;
  });
}

/** Votes as logits: 4 / √neurons · the number of firing neurons of each column. Sums are float32, as in sonn. */
function columnsOfNeurons(x, { output: [classes], sources, weights, thresholds }) {
  const neurons = thresholds.length / classes;
  const connections = sources.length / thresholds.length;
  const votes = new Float32Array(classes);
  for (let neuron = 0, at = 0; neuron < thresholds.length; neuron++) {
    let sum = 0;
    for (let end = at + connections; at < end; at++) sum = Math.fround(sum + weights[at] * x[sources[at]]);
    if (Math.fround(sum - thresholds[neuron]) > 0) votes[Math.floor(neuron / neurons)] += 1;
  }
  return votes.map((count) => (4 / Math.sqrt(neurons)) * count);
}

/** A map with zeros around it. */
function pad(x, { input: [rows, columns, channels], output, margins: [top, left] }) {
  const y = new Float32Array(output[0] * output[1] * channels);
  const width = columns * channels;
  for (let row = 0; row < rows; row++) {
    y.set(x.subarray(row * width, (row + 1) * width), ((top + row) * output[1] + left) * channels);
  }
  return y;
}

/** y = block(x) + x, or block(x) + projection(x) where the shapes differ. */
function residual(x, { block, projection }, seen) {
  const shortcut = projection ? convolution(x, projection) : x;
  return forward(block, x, seen).map((value, at) => value + shortcut[at]);
}

/** The outputs of several paths for the same x, concatenated along the channels. */
function parallel(x, { paths, output }, seen) {
  const outputs = paths.map((path) => forward(path, x, seen));
  const places = output.slice(0, -1).reduce((product, side) => product * side, 1);
  const channels = output.at(-1);
  const y = new Float32Array(places * channels);
  let first = 0;
  for (const values of outputs) {
    const width = values.length / places;
    for (let place = 0; place < places; place++) {
      y.set(values.subarray(place * width, (place + 1) * width), place * channels + first);
    }
    first += width;
  }
  return y;
}

/** Apply an activation to x in place; return x. */
function activate(x, name) {
  const activation = ACTIVATIONS[name];
  if (name !== "linear") for (let at = 0; at < x.length; at++) x[at] = activation(x[at]);
  return x;
}

/** 1 / (1 + e⁻ˣ), written so that no power overflows and small results stay precise. */
function sigmoid(x) {
  return Math.exp(Math.min(x, 0)) / (1 + Math.exp(-Math.abs(x)));
}
