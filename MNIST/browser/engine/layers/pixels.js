// From pixels 0 to 255 to what the first layer sees: the steps of `Input:`, as a table with a row for each pixel
// value.

const PIXEL_VALUES = 256;

/** The table: float32 (256, channels). pixelStatistics: {mean, deviation} of the training images, in [0, 1]. */
export function pixelTable(steps, pixelStatistics) {
  const [step] = steps; // a simplified spec has one
  const row = (_, pixel) => STEPS[step.kind](pixel, step, pixelStatistics);
  return Float32Array.from(Array.from({ length: PIXEL_VALUES }, row).flat());
}

const STEPS = {
  Scale: (x) => Math.fround(x * Math.fround(1 / 255)),
  Standardize: (x, _, { mean, deviation }) =>
    Math.fround(x * Math.fround(1 / (255 * deviation))) - Math.fround(mean / deviation),
  Threshold: (x, { levels }) => levels.map((level) => (x >= level ? 1 : 0)),
};

/** The first operation: look up each pixel of some images. */
export class Pixels {
  constructor(build, y, table) {
    Object.assign(this, { c: build.c, y, table, channels: y.shape.at(-1), pixels: y.size / y.shape.at(-1) });
    this.images = build.plan.take(build.chunk * this.pixels); // uint8
    this.place = build.plan.floats(table.length);
  }

  write(heap) {
    heap.floats.set(this.table, this.place / 4);
  }

  forward(pass) {
    this.c.look_up(this.images, pass.images * this.pixels, this.place, this.channels, this.y.data.at(pass));
  }

  backward() {}
}
