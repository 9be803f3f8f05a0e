// Dense: every unit sees all inputs. An image is one window with all its values; products.js has the formulas.
//
//     forward     y = activation(z), z = x W + b
//     backward    dz = dy · activation'(z): dW = xᵀ dz, db = Σ dz over the batch, dx = dz Wᵀ
//
// Source: Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.

import { Products } from "./products.js";

/** y = activation(x W + b). W: (inputs, units); b: (units). */
export function dense(build, x, y, { W, b, activation }) {
  const margins = { top: 0, bottom: 0, left: 0, right: 0 };
  const one = { map: [1, 1, x.size], size: [1, 1], stride: 1, positions: [1, 1], margins };
  return new Products(build, x, y, { ...one, W, b, activation });
}
