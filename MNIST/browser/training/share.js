// Sums over all workers: each worker ends with the same sum, to the bit.
//
// Sums go up the tree of workers; the two at its top exchange theirs, and the whole goes down again. So each sum is
// ((0+1)+(2+3))+((4+5)+(6+7)), and takes one message for two workers, 3 for four and 5 for eight, one after another.
// Buffers are handed over, not copied, and used again for the next message.

const BYTES = { float32: 4, float64: 8 };

/** This worker's part in all sums. */
export class Share {
  /** tree: this worker's place among the others. */
  constructor({ rank, workers, above, below }) {
    const links = below.map(({ link }) => link);
    const isTop = rank === 0 || rank === workers / 2;
    this.workers = workers;
    this.partner = isTop && workers > 1 ? (rank === 0 ? links.pop() : above) : null;
    this.above = isTop ? null : above;
    this.below = links;
    this.seconds = 0; // spent on messages so far, waiting included
    this.spare = new Map(); // buffers by their size
  }

  /**
   * Add numbers over all workers, in place, and return the doubles: Float64Array.
   * floats: a function that finds a Float32Array, or null. All workers call this in the same order with the same sizes.
   */
  async add(doubles, floats = null) {
    const begin = performance.now();
    for (const link of this.below) this.addTo(doubles, floats, await link.next());
    if (this.partner) {
      this.partner.send(this.filled(doubles, floats));
      this.addTo(doubles, floats, await this.partner.next());
    }
    if (this.above) {
      this.above.send(this.filled(doubles, floats));
      this.replace(doubles, floats, await this.above.next());
    }
    for (const link of this.below) link.send(this.filled(doubles, floats));
    this.seconds += (performance.now() - begin) / 1000;
    return doubles;
  }

  /** Let go of the buffers: the next network needs others. */
  forget() {
    this.spare.clear();
  }

  /** A buffer with these numbers. */
  filled(doubles, floats) {
    const size = BYTES.float64 * doubles.length + (floats ? BYTES.float32 * floats().length : 0);
    const buffer = this.spare.get(size)?.pop() ?? new ArrayBuffer(size);
    const [inDoubles, inFloats] = this.parts(buffer, doubles.length);
    inDoubles.set(doubles);
    if (floats) inFloats.set(floats());
    return buffer;
  }

  /** Add a buffer's numbers, element by element. */
  addTo(doubles, floats, buffer) {
    const [others, single] = this.parts(buffer, doubles.length);
    for (let place = 0; place < doubles.length; place++) doubles[place] += others[place];
    const sums = floats?.() ?? [];
    for (let place = 0; place < sums.length; place++) sums[place] += single[place];
    this.keep(buffer);
  }

  replace(doubles, floats, buffer) {
    const [others, single] = this.parts(buffer, doubles.length);
    doubles.set(others);
    if (floats) floats().set(single);
    this.keep(buffer);
  }

  /** A buffer's doubles and floats. */
  parts(buffer, count) {
    return [new Float64Array(buffer, 0, count), new Float32Array(buffer, BYTES.float64 * count)];
  }

  keep(buffer) {
    const size = buffer.byteLength;
    if (!this.spare.has(size)) this.spare.set(size, []);
    this.spare.get(size).push(buffer);
  }
}
