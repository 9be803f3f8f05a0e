// Sums as a binary tree, ((v0 + v1) + (v2 + v3)) + …: the same bits however many workers share the leaves.

/** The sum of some values, whose number is a power of two. add: of two of them; numbers by default. */
export function treeSum(values, add = (a, b) => a + b) {
  if (values.length === 1) return values[0];
  const half = values.length / 2;
  return add(treeSum(values.slice(0, half), add), treeSum(values.slice(half), add));
}
