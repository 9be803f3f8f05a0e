// Dropout: what the network learns must not depend on any single value.
//
// While training y = x · mask / (1 − rate), where mask keeps a value (1) or drops it (0); else y = x. A value is
// kept if a number drawn evenly from [0, 1) is at least `rate`.
// Source: Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting.

export class Dropout {
  /** number: that of the layer among those that draw. */
  constructor(build, x, y, { path, rate, number }) {
    Object.assign(this, { c: build.c, x, y, path, number, scale: 1 / (1 - rate) });
    this.least = Math.min(Math.ceil(rate * 2 ** 32), 2 ** 32 - 1); // of 32 bits
    this.mask = build.data(x.size); // already divided by 1 − rate
  }

  forward(pass) {
    const { c, x, y } = this;
    const n = pass.images * x.size;
    const [from, to, mask] = [x.data.at(pass), y.data.at(pass), this.mask.at(pass)];
    if (!pass.training) return void c.copy_rows(from, 0, to, 0, n, 1);
    if (pass.draws) {
      const kept = pass.draws[this.path].subarray(pass.start * x.size, (pass.start + pass.images) * x.size);
      pass.write(mask, kept.map((value) => value * this.scale));
    } else {
      c.draw_mask(pass.stream(this.number), pass.start * x.size, n, this.least, this.scale, mask);
    }
    c.multiply(from, mask, to, n);
  }

  backward(pass) {
    const { c, x, y } = this;
    if (x.wantsSlope) c.multiply(y.slope.at(pass), this.mask.at(pass), x.slope.at(pass), pass.images * x.size);
  }
}
