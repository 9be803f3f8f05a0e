// Pooling: a window's largest value, its mean, or the mean of a whole map, channel by channel. Padded values do
// not count.

/** y = the largest value of each window; dx = dy where x is the first of its window's largest, 0 elsewhere. */
export class MaxPool {
  constructor(c, x, y, windows) {
    Object.assign(this, { c, x, y, windows });
  }

  write(heap) {
    this.windows.write(heap);
  }

  forward(pass) {
    this.c.max_pool(this.windows.place, this.x.data.at(pass), pass.images, this.y.data.at(pass));
  }

  backward(pass) {
    const { c, x, y, windows } = this;
    if (!x.wantsSlope) return;
    const [dy, dx] = [y.slope.at(pass), x.slope.at(pass)];
    c.max_pool_dx(windows.place, x.data.at(pass), y.data.at(pass), dy, pass.images, dx);
  }
}

/** y = the mean of each window; dx = Σ dy / count over the windows that contain a value. */
export class AvgPool {
  constructor(c, x, y, windows) {
    Object.assign(this, { c, x, y, windows });
  }

  write(heap) {
    this.windows.write(heap);
  }

  forward(pass) {
    this.c.avg_pool(this.windows.place, this.x.data.at(pass), pass.images, this.y.data.at(pass));
  }

  backward(pass) {
    if (!this.x.wantsSlope) return;
    this.c.avg_pool_dx(this.windows.place, this.y.slope.at(pass), pass.images, this.x.slope.at(pass));
  }
}

/** y = the mean of each channel over the whole map. */
export class GlobalAvgPool {
  constructor(c, x, y) {
    Object.assign(this, { c, x, y, places: x.size / y.size });
  }

  forward(pass) {
    this.c.global_avg_pool(this.x.data.at(pass), pass.images, this.places, this.y.size, this.y.data.at(pass));
  }

  backward(pass) {
    if (!this.x.wantsSlope) return;
    this.c.global_avg_pool_dx(this.y.slope.at(pass), pass.images, this.places, this.y.size, this.x.slope.at(pass));
  }
}
