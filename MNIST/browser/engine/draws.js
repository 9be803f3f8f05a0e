// Initial weights, drawn by the counter-based generator of MNIST/data/counter_random.py: each parameter has a
// stream of its own, which the seed and its place among the network's parameters name.
//
// Sources: Glorot and Bengio (2010); He et al. (2015); LeCun et al. (1998), Efficient BackProp.

const WEIGHTS = 1n; // keeps these streams apart from others that follow from the same seed

/** Draw a parameter's initial values into memory. rank, index: of its layer among those with weights, and in it. */
export function drawParameter(c, { init, fanIn, fanOut }, { place, size }, { seed, rank, index }) {
  let stream = seedOf(seed);
  for (const number of [WEIGHTS, BigInt(rank), BigInt(index)]) stream = c.splitmix64(stream, number);
  if (init === "zeros" || init === "ones") return c.fill(place, init === "ones" ? 1 : 0, size);
  const [family, shape] = init.split("_");
  const variance = VARIANCES[family](fanIn, fanOut);
  if (shape === "uniform") return c.draw_uniform(stream, size, Math.sqrt(3 * variance), place);
  return c.draw_normal(stream, 0, size, Math.sqrt(variance), place);
}

const VARIANCES = {
  glorot: (fanIn, fanOut) => 2 / (fanIn + fanOut),
  he: (fanIn) => 2 / fanIn,
  lecun: (fanIn) => 1 / fanIn,
};

/** A seed of 64 bits as a BigInt. seed: a whole number, a BigInt, or [its lower 32 bits, its upper 32 bits]. */
export function seedOf(seed) {
  if (!Array.isArray(seed)) return BigInt(seed);
  return (BigInt(seed[1] >>> 0) << 32n) | BigInt(seed[0] >>> 0);
}
