// Depthwise convolution: each channel has its own kernel and sees no other channel.
//
// With xᵢⱼ the values of x that the kernel's value W[i, j] meets at all of the kernel's positions:
//     forward     Z = Σ xᵢⱼ W[i, j] + b
//     backward    dW[i, j] = Σ xᵢⱼ dZ over all images and positions, db = Σ dZ, dxᵢⱼ += dZ W[i, j]
//
// Source: Sifre (2014), Rigid-motion scattering for image classification, chapter 6.

import { ACTIVATIONS } from "./activations.js";
import { biasGradient } from "./products.js";

/** W: (rows, columns, channels, 1); b: (channels), or null without a bias (in a SeparableConv). */
export class Depthwise {
  constructor(c, x, y, windows, { W, b, activation }) {
    Object.assign(this, { c, x, y, windows, W, b, activation: ACTIVATIONS[activation] });
    this.isLinear = activation === "linear";
  }

  write(heap) {
    this.windows.write(heap);
  }

  forward(pass) {
    const { c, x, windows, W, b } = this;
    const y = this.y.data.at(pass);
    c.depthwise(windows.place, x.data.at(pass), pass.images, W.place, b ? b.place : 0, y);
    c.activate(this.activation, y, y, pass.images * this.y.size);
  }

  backward(pass) {
    const { c, x, y, windows, W } = this;
    const dz = y.slope.at(pass);
    c.activate_backward(this.activation, y.data.at(pass), dz, dz, pass.images * y.size);
    const [dW, db] = [pass.gradients + W.offset, biasGradient(this, pass)];
    c.depthwise_dW(windows.place, x.data.at(pass), pass.images, dz, pass.add, dW, db);
    if (x.wantsSlope) c.depthwise_dx(windows.place, dz, pass.images, W.place, x.slope.at(pass));
  }
}
