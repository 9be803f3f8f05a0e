// Layers made of layers, as operations one after another: a fork before, an addition or a concatenation behind.
//
//     Residual    y = block(x) + x, or block(x) + projection(x). Source: He et al. (2015), arXiv:1512.03385.
//     Parallel    y = the outputs of several paths for the same x, concatenated along the channels.
//                 Source: Szegedy et al. (2014), Going deeper with convolutions, arXiv:1409.4842.

/** Several ways from the same x: forward nothing happens, backward dx is the sum of what comes back from each. */
export class Fork {
  constructor(c, x, ways) {
    Object.assign(this, { c, x, ways });
  }

  forward() {}

  backward(pass) {
    const { c, x, ways } = this;
    if (!x.wantsSlope) return;
    const dx = x.slope.at(pass);
    const n = pass.images * x.size;
    const [first, ...others] = ways.map((way) => way.slope.at(pass));
    if (others.length === 0) c.copy_rows(first, 0, dx, 0, n, 1);
    others.forEach((other, index) => c.add(index ? dx : first, other, dx, n));
  }
}

/** y = a + b; dy goes back both ways. */
export class Add {
  constructor(c, a, b, y) {
    Object.assign(this, { c, a, b, y });
  }

  forward(pass) {
    this.c.add(this.a.data.at(pass), this.b.data.at(pass), this.y.data.at(pass), pass.images * this.y.size);
  }

  backward(pass) {
    for (const x of [this.a, this.b]) {
      if (x.wantsSlope) this.c.copy_rows(this.y.slope.at(pass), 0, x.slope.at(pass), 0, pass.images * x.size, 1);
    }
  }
}

/** y = several outputs side by side, along the channels; each gets its own channels of dy. */
export class Concatenate {
  constructor(c, outputs, y) {
    Object.assign(this, { c, outputs, y, channels: y.shape.at(-1) });
  }

  forward(pass) {
    let to = this.y.data.at(pass);
    for (const { data, shape, size } of this.outputs) {
      const width = shape.at(-1);
      this.c.copy_rows(data.at(pass), width, to, this.channels, width, (pass.images * size) / width);
      to += 4 * width;
    }
  }

  backward(pass) {
    let from = this.y.slope.at(pass);
    for (const { slope, shape, size, wantsSlope } of this.outputs) {
      const width = shape.at(-1);
      const rows = (pass.images * size) / width;
      if (wantsSlope) this.c.copy_rows(from, this.channels, slope.at(pass), width, width, rows);
      from += 4 * width;
    }
  }
}
