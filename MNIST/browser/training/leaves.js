// The eight leaves of a batch, and the order in which everything is added.
//
// The same eight parts, whatever the number of workers, and the same binary tree: so the bits are the same too.

export const LEAVES = 8;
export const PIXELS = 28 * 28;

/** The leaves that a worker computes, by their numbers. workers: 1, 2, 4 or 8. */
export function ownLeaves(rank, workers) {
  const each = LEAVES / workers;
  return Array.from({ length: each }, (_, place) => rank * each + place);
}

/** The part of a batch, or of any images, that a leaf has. places: a typed array. */
export function leafOf(places, leaf) {
  return places.subarray(leafBegin(places.length, leaf), leafBegin(places.length, leaf + 1));
}

/** The first of so many images that a leaf has. */
export function leafBegin(count, leaf) {
  return Math.floor((leaf * count) / LEAVES);
}
