// The memory of an engine: everything it will ever need has its place before the first image is computed.
//
// Places are numbers of bytes in one WebAssembly.Memory. Behind each array there are spare bytes, because the
// kernels read up to eight values at a time, also at an array's end.

/** The network needs more memory than a tab may have; the message says how much. */
export class TooLarge extends Error {}

export const MOST_BYTES = 2 ** 32 - 2 ** 20; // of one memory: what a place of 32 bits can name
const PAGE = 2 ** 16; // of WebAssembly's memory, in bytes
const LINE = 64; // bytes, of a processor's cache
const SPARE = 64;

/** Hands out places one after another; nothing is allocated until `allocate`. */
export class Plan {
  constructor(begin) {
    this.end = begin;
  }

  /** A place for some bytes. */
  take(bytes) {
    const place = Math.ceil(this.end / LINE) * LINE;
    this.end = place + bytes + SPARE;
    return place;
  }

  /** A place for some float32 numbers. */
  floats(count) {
    return this.take(4 * count);
  }

  /** Let the memory have all places. Throws TooLarge if that is more than there can be. */
  allocate(memory) {
    if (this.end > MOST_BYTES) throw tooLarge(this.end);
    const missing = Math.ceil((this.end - memory.buffer.byteLength) / PAGE);
    if (missing <= 0) return;
    try {
      memory.grow(missing);
    } catch {
      throw tooLarge(this.end);
    }
  }
}

/** The error that says how many bytes a network needs. most: how many there are, if that is known. */
export function tooLarge(bytes, most = null) {
  const there = most === null ? "" : `, and there are ${gigabytes(most)} GiB`;
  return new TooLarge(
    `the network is too large for a browser: with its batches it needs ${gigabytes(bytes)} GiB of memory${there}; ` +
      "take fewer filters or units, or a smaller batch",
  );
}

function gigabytes(bytes) {
  return (bytes / 2 ** 30).toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** An array between two layers: `size` numbers for each image, of one chunk or, if `whole`, of all leaves. */
export class Block {
  constructor(size) {
    Object.assign(this, { size, whole: false, place: 0 });
  }

  /** Where the numbers of a pass's images begin. */
  at(pass) {
    return this.place + (this.whole ? 4 * this.size * pass.first : 0);
  }
}

/**
 * Give each block its place in one region, so that blocks that are needed at the same time do not overlap.
 * blocks: [{block, bytes, begin, end}], needed from begin to end. Returns how many bytes the region has.
 */
export function placeTogether(blocks, region) {
  let active = []; // in the order of their places
  let most = 0;
  for (const one of [...blocks].sort((a, b) => a.begin - b.begin)) {
    active = active.filter(({ end }) => end >= one.begin);
    let offset = 0;
    let index = 0; // of the first gap that is large enough
    while (index < active.length && active[index].offset < offset + one.bytes) {
      offset = active[index].offset + active[index].bytes;
      index += 1;
    }
    active.splice(index, 0, { ...one, offset });
    one.block.place = region + offset;
    most = Math.max(most, offset + one.bytes);
  }
  return most;
}
