"""Sums over workers of a real browser: the same bits, whatever their number."""

import numpy as np
import pytest

from MNIST.browser import bundle, variable

TREE, SHARE, LEAVES = (f"browser/training/{name}.js" for name in ("tree", "share", "leaves"))
SUMS = "browser/engine/sums.js"

# Each worker is told all leaves. It adds its own, and then their sum over all workers, several times.
WORKER = f"""
const {{ Tree }} = {variable(TREE)};
const {{ Share }} = {variable(SHARE)};
const {{ ownLeaves }} = {variable(LEAVES)};
const {{ treeSum }} = {variable(SUMS)};
let tree = null;
onmessage = ({{ data }}) => data instanceof ArrayBuffer ? tree.above.take(data) : run(data);
async function run({{ rank, workers, script, leaves, rounds }}) {{
  tree = new Tree({{ rank, workers, script }}, {{ leaves, rounds }});
  const share = new Share(tree);
  const own = ownLeaves(rank, workers).map((leaf) => Float32Array.from(leaves[leaf]));
  const add = (a, b) => a.map((value, place) => value + b[place]);
  const sums = [];
  for (let round = 0; round < rounds; round++) {{
    const gradients = treeSum(own, add).map((value) => value * 2 ** -round);
    const doubles = Float64Array.of(treeSum(own.map((leaf) => leaf[0] / 3)), round);
    await share.add(doubles, () => gradients);
    const alone = await share.add(Float64Array.of(1));
    sums.push([...gradients, ...doubles, ...alone]);
  }}
  postMessage({{ sums, buffers: [...share.spare.values()].map((each) => each.length) }});
}}
"""
RUN = """
({ script, leaves, workers, rounds }) => new Promise((resolve, reject) => {
  const first = new Worker(URL.createObjectURL(new Blob([script])));
  const found = [];
  first.onmessage = ({ data }) => {
    found.push(data);
    if (found.length < workers) return;
    first.terminate();
    resolve(found);
  };
  first.onerror = reject;
  first.postMessage({ rank: 0, workers, script, leaves, rounds });
})
"""


@pytest.fixture(scope="module")
def page(modules):
    return modules(LEAVES)


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_every_worker_ends_with_the_tree_of_all_leaves(page, workers):
    leaves = np.random.default_rng(1).normal(0, 1, (8, 1001)).astype(np.float32)
    rounds = 3
    found = page.evaluate(
        RUN,
        {
            "script": bundle(TREE, SHARE, LEAVES, SUMS) + WORKER,
            "leaves": leaves.tolist(),
            "workers": workers,
            "rounds": rounds,
        },
    )
    tree = tree_sum(leaves)
    expected = [
        [
            *(tree * np.float32(2.0**-number)).tolist(),
            tree_sum(leaves[:, 0].astype(np.float64) / 3),
            number * workers,
            workers,
        ]
        for number in range(rounds)
    ]
    for each in found:
        assert each["sums"] == expected
        assert len(each["buffers"]) == (0 if workers == 1 else 2)  # of two sizes
        assert sum(each["buffers"]) <= 2 * workers.bit_length()  # used again, none made anew in later rounds


def tree_sum(values):
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return tree_sum(values[:half]) + tree_sum(values[half:])
