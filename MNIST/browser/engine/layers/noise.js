// Noise: what the network learns must not depend on small differences of a value.
//
// While training y = x + standard_deviation · n, n drawn with mean 0 and variance 1; else y = x. dx = dy, because
// the noise does not depend on x.
// Source: Bishop (1995), Training with noise is equivalent to Tikhonov regularization.

export class GaussianNoise {
  /** number: that of the layer among those that draw. */
  constructor(build, x, y, { path, deviation, number }) {
    Object.assign(this, { c: build.c, x, y, path, number, deviation });
    this.noise = build.scratch(4 * build.chunk * x.size);
  }

  forward(pass) {
    const { c, x, y } = this;
    const n = pass.images * x.size;
    const [from, to] = [x.data.at(pass), y.data.at(pass)];
    if (!pass.training) return void c.copy_rows(from, 0, to, 0, n, 1);
    const noise = this.noise.place;
    if (pass.draws) {
      pass.write(noise, pass.draws[this.path].subarray(pass.start * x.size, (pass.start + pass.images) * x.size));
    } else {
      c.draw_normal(pass.stream(this.number), pass.start * x.size, n, 1, noise);
    }
    c.add_times(from, this.deviation, noise, to, n);
  }

  backward(pass) {
    const { c, x, y } = this;
    if (x.wantsSlope) c.copy_rows(y.slope.at(pass), 0, x.slope.at(pass), 0, pass.images * x.size, 1);
  }
}
