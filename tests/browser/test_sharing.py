"""Sums over workers that are linked in a real browser: the same bits, whatever their number."""

import numpy as np
import pytest

from MNIST.browser import bundle, variable

SHARE, LEAVES = "browser/training/share.js", "browser/training/leaves.js"

# A worker that is given its leaves adds them, and then their sum over all workers, several times.
WORKER = f"""
const {{ Share }} = {variable(SHARE)};
const {{ treeSum }} = {variable(LEAVES)};
onmessage = async ({{ data: {{ ports, leaves, rounds }} }}) => {{
  const share = new Share(ports);
  const add = (a, b) => a.map((value, place) => value + b[place]);
  const tree = (arrays) => arrays.length === 1 ? arrays[0]
    : add(tree(arrays.slice(0, arrays.length / 2)), tree(arrays.slice(arrays.length / 2)));
  const floats = tree(leaves.map((leaf) => Float32Array.from(leaf)));
  const sums = [];
  for (let round = 0; round < rounds; round++) {{
    const gradients = floats.map((value) => value * 2 ** -round);
    const doubles = Float64Array.of(treeSum(leaves.map((leaf) => leaf[0] / 3)), round);
    await share.add(doubles, () => gradients);
    const alone = await share.add(Float64Array.of(1));
    sums.push([...gradients, ...doubles, ...alone]);
  }}
  postMessage({{ sums, buffers: [...share.spare.values()].map((each) => each.length) }});
}};
"""
RUN = """
async ({ script, leaves, workers, rounds }) => {
  const url = URL.createObjectURL(new Blob([script]));
  const each = leaves.length / workers;
  const crew = Array.from({ length: workers }, () => new Worker(url));
  const ports = links(workers);
  const answers = crew.map((worker, rank) => new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = reject;
    const own = leaves.slice(rank * each, (rank + 1) * each);
    worker.postMessage({ ports: ports[rank], leaves: own, rounds }, ports[rank]);
  }));
  const found = await Promise.all(answers);
  crew.forEach((worker) => worker.terminate());
  return found;
}
"""


@pytest.fixture(scope="module")
def page(modules):
    return modules("browser/training/crew.js")


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_every_worker_ends_with_the_tree_of_all_leaves(page, workers):
    leaves = np.random.default_rng(1).normal(0, 1, (8, 1001)).astype(np.float32)
    rounds = 3
    found = page.evaluate(
        RUN,
        {
            "script": bundle(SHARE, LEAVES) + WORKER,
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
        assert each["buffers"] == ([] if workers == 1 else [1, 1])  # used again, none made anew


def tree_sum(values):
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    return tree_sum(values[:half]) + tree_sum(values[half:])
