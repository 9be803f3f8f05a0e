// Convolution: sliding windows and one matrix product; products.js has the formulas.

import { Products } from "./products.js";

const NO_MARGINS = { top: 0, bottom: 0, left: 0, right: 0 };

/**
 * y[r, c, f] = activation(b[f] + Σ x[r·stride + i, c·stride + j, k] · W[i, j, k, f]), x padded.
 * W: (rows, columns, channels, filters); b: (filters), or null without a bias (in a projection).
 */
export function convolution(build, x, y, { size, stride, margins = NO_MARGINS, W, b, activation }) {
  const positions = [y.shape[0], y.shape[1]];
  return new Products(build, x, y, { map: x.shape, size, stride, positions, margins, W, b, activation });
}
