// Matrix products of windows with a kernel, and their gradients: what convolutions and dense layers share.
//
// With one row for each window, the windows of x form a matrix P(x), and
//     forward     Y = activation(Z), Z = P(x) W + b
//     backward    dZ = dY · activation'(Z), dW = P(x)ᵀ dZ, db = Σ dZ, dx = Pᵀ(dZ Wᵀ)
// W has a row for each value of a window and a column for each filter.
// P copies each value of x into every window that contains it; its transpose Pᵀ adds up, for each value, what
// comes back from these windows. Neither is made: a table says where each window begins, and the kernels read and
// add there.
//
// Source: Chellapilla, Puri and Simard (2006), High performance convolutional neural networks for document
// processing.

import { ACTIVATIONS } from "./activations.js";
import { Margin } from "./padding.js";

/** Where a layer's db is to be computed; 0 if it has no bias, or an idle one, whose db is then made 0. */
export function biasGradient({ c, b, biasIsIdle }, { gradients }) {
  if (biasIsIdle) c.fill(gradients + b.offset, 0, b.size);
  return b && !biasIsIdle ? gradients + b.offset : 0;
}

/** Y = activation(P(x) W + b). */
export class Products {
  /**
   * build: the Builder. map: [rows, columns, channels] of x. W: (size[0], size[1], channels, filters); b:
   * (filters), or null. positions: how many rows and columns of windows there are. activation: one that works in
   * place.
   */
  constructor(build, x, y, { map, size, stride, positions, margins, W, b, activation }) {
    const { c, plan } = build;
    const channels = map[2];
    const filters = y.size / (positions[0] * positions[1]);
    Object.assign(this, { c, x, y, W, b, filters, rows: size[0], run: size[1] * channels });
    this.activation = ACTIVATIONS[activation];
    this.isLinear = activation === "linear";
    this.margin = new Margin(build, map, margins);
    this.shiftsEvenly = this.isLinear && !this.margin.exists; // x plus a number gives y plus a number
    const [, width] = this.margin.padded;
    this.step = width * channels;
    this.positions = positions[0] * positions[1];
    this.isTiled = size[0] === 1 && size[1] === 1 && stride === 1 && !this.margin.exists; // each x is in one window
    this.places = { stride, R: positions[0], C: positions[1], channels };
    this.table = plan.take(4 * build.chunk * this.positions);
    const panels = Math.ceil(filters / 8) * 8 * this.rows * this.run;
    this.panels = plan.floats(panels);
    if (x.wantsSlope) this.transposed = plan.floats(Math.ceil(this.run / 8) * 8 * this.rows * filters);
    this.images = build.chunk;
  }

  /** Write the table: where each window begins, for each image of a chunk. */
  write(heap) {
    const { stride, R, C, channels } = this.places;
    const [rows, columns] = this.margin.padded;
    let at = this.table / 4;
    for (let image = 0; image < this.images; image++) {
      for (let r = 0; r < R; r++) {
        for (let q = 0; q < C; q++) {
          heap.ints[at++] = ((image * rows + r * stride) * columns + q * stride) * channels;
        }
      }
    }
  }

  /** Arrange the kernel as the products read it; needed whenever it has changed. */
  pack() {
    const { c, W, rows, run, filters } = this;
    c.pack_kernel(W.place, rows * run, filters, this.panels);
    if (this.transposed) c.pack_transposed(W.place, rows, run, filters, this.transposed);
  }

  forward(pass) {
    const { c, margin, rows, step, run, filters } = this;
    const y = this.y.data.at(pass);
    const x = margin.pad(this.x.data.at(pass), pass.images);
    const isRelu = this.activation === ACTIVATIONS.relu;
    const count = pass.images * this.positions;
    const b = this.b ? this.b.place : 0;
    c.product(x, this.table, count, rows, step, run, this.panels, b, filters, isRelu ? 1 : 0, y);
    if (!isRelu) c.activate(this.activation, y, y, count * filters);
  }

  /** dW = P(x)ᵀ dZ, db = Σ dZ over all images and positions, dx = Pᵀ(dZ Wᵀ). */
  backward(pass) {
    const { c, margin, rows, step, run, filters, table } = this;
    const dz = this.y.slope.at(pass);
    const count = pass.images * this.positions;
    c.activate_backward(this.activation, this.y.data.at(pass), dz, dz, count * filters);
    const x = margin.pad(this.x.data.at(pass), pass.images);
    const dW = pass.gradients + this.W.offset;
    c.product_dW(x, table, count, rows, step, run, dz, filters, pass.add, dW, biasGradient(this, pass));
    if (!this.x.wantsSlope) return;
    const dx = margin.place(this.x.slope.at(pass));
    if (!this.isTiled) c.fill(dx, 0, pass.images * margin.size);
    c.product_dx(dz, table, count, rows, step, run, this.transposed, filters, this.isTiled ? 0 : 1, dx);
    margin.crop(this.x.slope.at(pass), pass.images);
  }
}
