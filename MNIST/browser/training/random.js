// Random numbers without a state: each is a hash of its seed and its position, as in MNIST/data/counter_random.py.
//
// A number of 64 bits is [low, high], two unsigned halves of 32 bits: JavaScript's BigInt takes twenty times as long.
// Source: Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators.

const GAMMA = [0x7f4a7c15, 0x9e3779b9]; // 2⁶⁴ / golden ratio, odd
const FIRST = [0x1ce4e5b9, 0xbf58476d];
const SECOND = [0x133111eb, 0x94d049bb];

/** The 64-bit number at this position, from 0, of the stream with this 64-bit seed. It may itself be a seed. */
export function splitmix64(seed, position) {
  let [low, high] = times(...halves(position + 1), GAMMA);
  const sum = low + seed[0];
  high = (high + seed[1] + (sum > 0xffffffff ? 1 : 0)) >>> 0;
  [low, high] = shifted(sum >>> 0, high, 30);
  [low, high] = shifted(...times(low, high, FIRST), 27);
  return shifted(...times(low, high, SECOND), 31);
}

/** The seed of the stream that these whole numbers name: the first is a run's seed, the others say what it is for. */
export function streamSeed(seed, ...path) {
  return path.reduce(splitmix64, halves(seed));
}

/** The numbers from 0 to count − 1 in random order: Int32Array. Source: Durstenfeld (1964), Algorithm 235. */
export function permutation(count, seed) {
  const order = Int32Array.from({ length: count }, (_, place) => place);
  for (let last = count - 1; last > 0; last--) {
    const [low, high] = splitmix64(seed, last);
    const part = (high * 2 ** 21 + (low >>> 11)) / 2 ** 53; // in [0, 1)
    const chosen = Math.floor(part * (last + 1));
    [order[last], order[chosen]] = [order[chosen], order[last]];
  }
  return order;
}

/** A whole number below 2⁵³ as [low, high]. */
function halves(number) {
  return [number >>> 0, Math.floor(number / 2 ** 32) >>> 0];
}

/** The lower 64 bits of a product. */
function times(low, high, [otherLow, otherHigh]) {
  const carried = upperHalf(low, otherLow);
  const upper = (carried + Math.imul(low, otherHigh) + Math.imul(high, otherLow)) >>> 0;
  return [Math.imul(low, otherLow) >>> 0, upper];
}

/** The upper 32 bits of the product of two unsigned 32-bit numbers. */
function upperHalf(a, b) {
  const [a0, a1, b0, b1] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const other = a0 * b1 + (middle & 0xffff);
  return a1 * b1 + (middle >>> 16) + (other >>> 16);
}

/** z ^ (z >> count), where count is below 32. */
function shifted(low, high, count) {
  return [(low ^ ((low >>> count) | (high << (32 - count)))) >>> 0, (high ^ (high >>> count)) >>> 0];
}
