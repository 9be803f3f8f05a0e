// Margins around a map: those of Pad, and those that `padding=same` needs.

/** A map with zeros around it. */
export class Pad {
  constructor(c, x, y, map, margins) {
    Object.assign(this, { c, x, y, shape: shapeArguments(map, margins) });
  }

  forward(pass) {
    this.c.pad(this.x.data.at(pass), pass.images, ...this.shape, this.y.data.at(pass));
  }

  backward(pass) {
    if (this.x.wantsSlope) this.c.crop(this.y.slope.at(pass), pass.images, ...this.shape, this.x.slope.at(pass));
  }
}

/** The margins that a layer puts around its map while it works: maps within zeros lie in scratch memory. */
export class Margin {
  /** map: [rows, columns, channels]. */
  constructor(build, map, margins) {
    const { top, bottom, left, right } = margins;
    this.c = build.c;
    this.padded = [top + map[0] + bottom, left + map[1] + right];
    this.size = this.padded[0] * this.padded[1] * map[2];
    this.exists = top + bottom + left + right > 0;
    this.shape = shapeArguments(map, margins);
    if (this.exists) this.scratch = build.scratch(4 * build.chunk * this.size);
  }

  /** x within zeros; x itself if there are no margins. */
  pad(x, images) {
    if (!this.exists) return x;
    this.c.pad(x, images, ...this.shape, this.scratch.place);
    return this.scratch.place;
  }

  /** Where the gradient of the padded map is to be computed; dx itself if there are no margins. */
  place(dx) {
    return this.exists ? this.scratch.place : dx;
  }

  /** Copy that gradient to dx, without its margins. */
  crop(dx, images) {
    if (this.exists) this.c.crop(this.scratch.place, images, ...this.shape, dx);
  }
}

function shapeArguments([rows, columns, channels], { top, bottom, left, right }) {
  return [rows, columns * channels, top, bottom, left * channels, right * channels];
}
