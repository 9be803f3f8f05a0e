// Normalisation: by a batch's mean and variance, and by neighbouring channels.

/**
 * BatchNorm: y = γ x̂ + β, x̂ = (x − μ) / √(σ² + ε), for each channel.
 *
 * While training, μ and σ² are the batch's mean and (population) variance, and
 * moving ← momentum · moving + (1 − momentum) · batch; otherwise they are the moving averages.
 * Backward: dγ = Σ dy x̂, dβ = Σ dy, dx = γ / √(σ² + ε) · (dy − mean(dy) − x̂ · mean(dy x̂)).
 *
 * All sums are over the whole batch, so each pass has two parts. `addSums` is called for every chunk of every
 * leaf; then `takeSums` is given the sums over all leaves of all workers; then `forward` (or `backward`) computes
 * each chunk.
 * Source: Ioffe and Szegedy (2015), arXiv:1502.03167.
 */
export class BatchNorm {
  constructor(build, x, y, { gamma, beta, mean, variance, momentum, epsilon }) {
    const channels = y.shape.at(-1);
    Object.assign(this, { c: build.c, x, y, gamma, beta, mean, variance, momentum, epsilon, channels });
    this.positions = x.size / channels;
    const row = () => build.plan.floats(channels);
    this.middle = row(); // μ
    this.factor = row(); // γ / √(σ² + ε)
    this.slope = row(); // γ / (σ² + ε) · mean(dy x̂), which is multiplied by x − μ
    this.offset = row(); // γ / √(σ² + ε) · mean(dy)
    this.sums = build.plan.take(16 * channels * build.leaves); // for each leaf
    this.moving = null; // the new moving averages, until the step of training is done
  }

  /** While training: add a chunk's Σ x and Σ x² to those of its leaf. */
  addSums(pass) {
    const place = this.sums + 16 * this.channels * pass.leaf;
    this.c.channel_sums(this.x.data.at(pass), 0, 0, pass.images * this.positions, this.channels, pass.add, place);
  }

  /** The sums of each leaf, as addSums or addSlopes has left them. absent: whether a leaf has no image. */
  leafSums(heap, absent) {
    return absent.map((isAbsent, leaf) => {
      const begin = this.sums / 8 + 2 * this.channels * leaf;
      if (isAbsent) return new Float64Array(2 * this.channels);
      return heap.doubles.slice(begin, begin + 2 * this.channels);
    });
  }

  /** Take Σ x and Σ x² over a batch of `count` images. */
  takeSums(heap, sums, count) {
    const { channels } = this;
    const numbers = count * this.positions;
    const mean = sums.subarray(0, channels).map((sum) => sum / numbers);
    const variance = sums.subarray(channels).map((sum, k) => Math.max(0, sum / numbers - mean[k] * mean[k]));
    this.use(heap, mean, variance);
    const fresh = 1 - this.momentum;
    const kept = (parameter) => heap.floats.subarray(parameter.place / 4, parameter.place / 4 + channels);
    this.moving = {
      mean: kept(this.mean).map((value, k) => this.momentum * value + fresh * mean[k]),
      variance: kept(this.variance).map((value, k) => this.momentum * value + fresh * variance[k]),
    };
  }

  /** Outside training: take the moving averages. */
  useMoving(heap) {
    const kept = (parameter) => heap.floats.subarray(parameter.place / 4, parameter.place / 4 + this.channels);
    this.use(heap, kept(this.mean), kept(this.variance));
  }

  /** Prepare y = factor · (x − middle) + β; `rest` is what float32 has lost of the mean. */
  use(heap, mean, variance) {
    this.scale = Float64Array.from(variance, (value) => 1 / Math.sqrt(value + this.epsilon));
    this.rest = Float64Array.from(mean, (value) => value - Math.fround(value));
    heap.floats.set(mean, this.middle / 4);
    this.scale.forEach((scale, k) => {
      heap.floats[this.factor / 4 + k] = heap.floats[this.gamma.place / 4 + k] * scale;
    });
  }

  /** Keep the moving averages of the last step of training. */
  keepMoving(heap) {
    if (!this.moving) return;
    heap.floats.set(this.moving.mean, this.mean.place / 4);
    heap.floats.set(this.moving.variance, this.variance.place / 4);
    this.moving = null;
  }

  forward(pass) {
    const { c, x, y, channels, middle, factor, beta } = this;
    const count = pass.images * this.positions;
    c.normalize(x.data.at(pass), count, channels, middle, factor, beta.place, y.data.at(pass));
  }

  /** Add a chunk's Σ dy and Σ dy (x − μ) to those of its leaf, whose gradients dβ and dγ they are. */
  addSlopes(pass, heap) {
    const { c, x, y, channels } = this;
    const place = this.sums + 16 * channels * pass.leaf;
    const count = pass.images * this.positions;
    c.channel_sums(x.data.at(pass), y.slope.at(pass), this.middle, count, channels, pass.add, place);
    const [dgamma, dbeta] = [this.gamma, this.beta].map(({ offset }) => (pass.gradients + offset) / 4);
    for (let k = 0; k < channels; k++) {
      const [sum, product] = [heap.doubles[place / 8 + k], heap.doubles[place / 8 + channels + k]];
      heap.floats[dbeta + k] = this.biasIsIdle ? 0 : sum;
      heap.floats[dgamma + k] = (product - sum * this.rest[k]) * this.scale[k];
    }
  }

  /**
   * Take Σ dy and Σ dy (x − μ) over a batch of `count` images. The offset is found from what the other two are in
   * float32, so that the sum of dx is as near to 0 as it should be.
   */
  takeSlopes(heap, sums, count) {
    const numbers = count * this.positions;
    this.scale.forEach((scale, k) => {
      const [sum, product] = [sums[k], sums[this.channels + k] - sums[k] * this.rest[k]];
      const factor = heap.floats[this.factor / 4 + k];
      const slope = Math.fround((factor * scale * scale * product) / numbers);
      heap.floats[this.slope / 4 + k] = slope;
      heap.floats[this.offset / 4 + k] = (factor * sum) / numbers - slope * this.rest[k];
    });
  }

  backward(pass) {
    const { c, x, y, channels, middle, factor, slope, offset } = this;
    if (!x.wantsSlope) return;
    const count = pass.images * this.positions;
    const [dy, dx] = [y.slope.at(pass), x.slope.at(pass)];
    c.normalize_dx(x.data.at(pass), dy, count, channels, middle, factor, slope, offset, dx);
  }
}

/**
 * LocalResponseNorm: y = x t^−β, t = k + α Σ x², the sum over `size` neighbouring channels;
 * dx = dy t^−β − 2 α β x Σ dy x t^(−β−1), the sum over the same neighbours.
 * They are the same because `size` is odd: a channel is its neighbour's neighbour.
 * Source: Krizhevsky, Sutskever and Hinton (2012), ImageNet Classification with Deep CNNs, 3.3.
 */
export class LocalResponseNorm {
  constructor(build, x, y, { size, alpha, beta, k }) {
    const channels = y.shape.at(-1);
    const reach = Math.min((size - 1) / 2, channels - 1); // beyond it there are no channels
    Object.assign(this, { c: build.c, x, y, channels, reach, constants: [alpha, beta, k] });
    this.positions = x.size / channels;
    this.width = channels + 2 * reach + 8;
    this.rows = [this.width, this.width, channels].map((width) => build.plan.floats(width));
  }

  forward(pass) {
    const { c, x, y, channels, reach, constants, rows } = this;
    const count = pass.images * this.positions;
    c.fill(rows[0], 0, this.width);
    c.local_response(x.data.at(pass), count, channels, reach, ...constants, rows[0], y.data.at(pass));
  }

  backward(pass) {
    const { c, x, y, channels, reach, constants, rows } = this;
    if (!x.wantsSlope) return;
    const count = pass.images * this.positions;
    const [dy, dx] = [y.slope.at(pass), x.slope.at(pass)];
    c.fill(rows[0], 0, this.width);
    c.fill(rows[1], 0, this.width);
    c.local_response_dx(x.data.at(pass), dy, count, channels, reach, ...constants, ...rows, dx);
  }
}
