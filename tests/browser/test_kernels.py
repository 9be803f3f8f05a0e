"""The kernels in WebAssembly: what `make kernels` makes, products of odd sizes, eˣ and its relatives."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from engine_page import ask, open_engine

from MNIST.data.counter_random import splitmix64
from MNIST.language.layer import ACTIVATION

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "MNIST" / "browser" / "engine"
CLANG = "14.0.6"  # Debian 12's clang and lld, which made the files in the repository

# A kernel's exports with arrays of its own: `at` is where an array lies, `get` copies it out again.
MEMORY = """
function memory(which) {
  const c = instantiate(kernels[which]);
  const plan = new Plan(c.__heap_base.value);
  const place = (array) => {
    const at = plan.take(array.byteLength);
    plan.allocate(c.memory);
    new array.constructor(c.memory.buffer, at, array.length).set(array);
    return at;
  };
  const get = (at, length) => new Float32Array(c.memory.buffer, at, length).slice();
  return { c, place, get };
}
"""


@pytest.fixture(scope="module")
def page(modules):
    page = open_engine(modules, "browser/engine/memory.js")
    page.add_script_tag(content=MEMORY)
    return page


def test_what_is_committed_is_what_the_source_makes(tmp_path):
    clang = shutil.which("clang")
    version = subprocess.run([clang, "--version"], capture_output=True, text=True).stdout if clang else ""
    if CLANG not in version or not shutil.which("wasm-ld"):
        pytest.skip(f"needs clang {CLANG} and its wasm-ld: apt install clang lld on Debian 12")
    (tmp_path / "kernels.c").write_bytes((ENGINE / "kernels.c").read_bytes())
    subprocess.run(["make", "-C", ROOT, "kernels", f"ENGINE={tmp_path}"], check=True, capture_output=True)
    for name in ("kernels.wasm", "kernels_plain.wasm"):
        assert (tmp_path / name).read_bytes() == (ENGINE / name).read_bytes(), name


PRODUCTS = """({ x, at, W, b, dz, rows, run, step, columns }) => ["simd", "plain"].map((which) => {
  const { c, place, get } = memory(which);
  const inner = rows * run;
  const [X, AT, K, B, DZ] = [x, at, W, b, dz].map(place);
  const panels = place(new Float32Array(inner * Math.ceil(columns / 8) * 8));
  const transposed = place(new Float32Array(rows * Math.ceil(run / 8) * 8 * columns));
  const [y, dx, dW, db] = [dz, x, W, b].map(({ length }) => place(new Float32Array(length).fill(7)));
  c.pack_kernel(K, inner, columns, panels);
  c.pack_transposed(K, rows, run, columns, transposed);
  c.product(X, AT, at.length, rows, step, run, panels, B, columns, 0, y);
  c.product_dW(X, AT, at.length, rows, step, run, DZ, columns, 0, dW, db);
  c.fill(dx, 0, x.length);
  c.product_dx(DZ, AT, at.length, rows, step, run, transposed, columns, 1, dx);
  const found = { y: get(y, dz.length), dW: get(dW, W.length), db: get(db, b.length), dx: get(dx, x.length) };
  c.product_dW(X, AT, at.length, rows, step, run, DZ, columns, 1, dW, db);
  return { ...found, twice: get(dW, W.length) };
})"""


@pytest.mark.parametrize(
    ("positions", "rows", "run", "columns"),
    [
        (1, 1, 1, 1),
        (3, 2, 3, 5),
        (5, 1, 7, 8),
        (130, 3, 5, 9),
        (257, 2, 13, 12),
        (131, 1, 100, 17),
        (4, 3, 8, 40),
    ],
)
def test_products_of_odd_sizes(positions, rows, run, columns, page):
    random = np.random.default_rng(positions)
    step = run + 3
    x = random.normal(size=4 * positions + rows * step).astype("f4")
    at = random.permutation(4 * positions)[:positions].astype("i4")  # windows overlap and leave gaps
    W, b = random.normal(size=(rows * run, columns)).astype("f4"), random.normal(size=columns).astype("f4")
    dz = random.normal(size=(positions, columns)).astype("f4")
    inside = (np.arange(rows)[:, None] * step + np.arange(run)).ravel()
    P = x.astype("f8")[at[:, None] + inside]
    dx = np.zeros(len(x))
    np.add.at(dx, at[:, None] + inside, dz.astype("f8") @ W.T)
    expected = {"y": P @ W + b, "dW": P.T @ dz, "db": dz.sum(axis=0, dtype="f8"), "dx": dx}
    sizes = {"rows": rows, "run": run, "step": step, "columns": columns}
    simd, plain = ask(page, PRODUCTS, x=x, at=at, W=W.ravel(), b=b, dz=dz.ravel(), **sizes)
    np.testing.assert_equal(simd, plain)
    for name, each in expected.items():
        np.testing.assert_allclose(simd[name], each.ravel(), rtol=0, atol=2e-6 * np.abs(each).max() + 1e-6)
    np.testing.assert_allclose(simd["twice"], 2 * simd["dW"], rtol=1e-5, atol=1e-5)


ELEMENTARY = """({ x, positive, elementary, activations }) => ["simd", "plain"].map((which) => {
  const { c, place, get } = memory(which);
  const [X, P, y] = [x, positive, x].map(place);
  const found = {};
  elementary.forEach((name, number) => {
    c.elementary(number, name === "log" ? P : X, y, x.length);
    found[name] = get(y, x.length);
  });
  for (const [name, number] of Object.entries(activations)) {
    c.activate(number, X, y, x.length);
    found[name] = get(y, x.length);
  }
  return found;
})"""

FUNCTIONS = {  # each with the largest error that is allowed, in units in the last place
    "exp": (np.exp, 2),
    "expm1": (np.expm1, 2),
    "log": (np.log, 2),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), 3),
    "tanh": (np.tanh, 3),
    "softplus": (lambda x: np.logaddexp(x, 0), 3),
}
ACTIVATIONS = {"sigmoid": 5, "tanh": 6, "softplus": 7}


def test_elementary_functions_to_a_few_units_in_the_last_place(page):
    random = np.random.default_rng(0)
    x = np.concatenate(
        [random.uniform(-86, 86, 20001), random.normal(size=20001), random.normal(size=20001) / 1e4]
    )
    x = np.append(x, [0, -0.0, 1e-30, -1e-30, 1, -1]).astype("f4")
    positive = np.abs(x) + np.float32(1e-20)
    positive[:1000] = np.logspace(-37, 38, 1000)
    how = {"elementary": ["exp", "expm1", "log"], "activations": ACTIVATIONS}
    simd, plain = ask(page, ELEMENTARY, x=x, positive=positive, **how)
    np.testing.assert_equal(simd, plain)
    for name, (function, most) in FUNCTIONS.items():
        expected = function((positive if name == "log" else x).astype("f8"))
        away = np.abs(simd[name] - expected) / np.spacing(np.abs(expected).astype("f4"))
        assert away.max() <= most, f"{name}: {away.max():.2f} ulp at {x[away.argmax()]}"


def test_not_a_number_stays_one(page):
    """So that a training that diverges shows in its loss."""
    script = """({ x, numbers }) => {
        const { c, place, get } = memory("simd");
        const [X, y] = [x, x].map(place);
        return numbers.map((number) => { c.activate(number, X, y, x.length); return get(y, x.length); });
    }"""
    numbers = list(range(len({*ACTIVATION.choices} - {"swish", "softmax"})))  # another spelling; the loss's
    for found in ask(page, script, x=np.full(5, np.nan, "f4"), numbers=numbers):
        assert np.isnan(found).all()


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("size", [2, 3])
def test_a_pool_passes_on_what_is_not_a_number(size, channels, page):
    """Wherever in its window it stands; and windows without it have their largest value."""
    script = """({ x, windows, count }) => ["simd", "plain"].map((which) => {
        const { c, place, get } = memory(which);
        const [w, X, y] = [Int32Array.from(windows), x, new Float32Array(count)].map(place);
        c.max_pool(w, X, 1, y);
        return get(y, count);
    })"""
    for place in range(size * size):
        maps = np.random.default_rng(place).normal(size=(2 * size, 2 * size, channels)).astype("f4")
        maps[size + place // size, place % size] = np.nan  # in the third of four windows
        windows = [2 * size, 2 * size, channels, size, size, size, size, 0, 0, 2, 2]
        expected = maps.reshape(2, size, 2, size, channels).max(axis=(1, 3)).ravel()
        assert np.isnan(expected).sum() == channels
        for found in ask(page, script, x=maps.ravel(), windows=windows, count=4 * channels):
            np.testing.assert_array_equal(found, expected)


DRAWS = """({ n, rate }) => {
  const { c, place, get } = memory("simd");
  const y = place(new Float32Array(n));
  const seed = 123456789123n;
  const whole = (draw) => { draw(0, n, y); return get(y, n); };
  const parts = (draw) => { draw(0, 101, y); draw(101, n - 101, y + 404); return get(y, n); };
  const mask = (begin, count, at) => c.draw_mask(seed, begin, count, rate * 2 ** 32, 2, at);
  const normal = (begin, count, at) => c.draw_normal(seed, begin, count, 1, at);
  c.draw_uniform(seed, n, 3, y);
  return { uniform: get(y, n), masks: [whole(mask), parts(mask)], normals: [whole(normal), parts(normal)] };
}"""


def test_draws_follow_from_seed_and_place_alone(page):
    n, rate = 20001, 0.25
    found = ask(page, DRAWS, n=n, rate=rate)
    numbers = splitmix64(np.uint64(123456789123), np.arange(n))
    np.testing.assert_array_equal(found["uniform"], (3 * ((numbers >> 11) / 2**52 - 1)).astype("f4"))
    halves = numbers.astype("<u8").view("<u4")[:n]
    for mask in found["masks"]:
        np.testing.assert_array_equal(mask, 2 * (halves / 2**32 >= rate))
    two = numbers.astype("<u8").view("<u4").reshape(-1, 2).astype("f8")
    radius, angle = np.sqrt(-2 * np.log((two[:, 0] + 0.5) / 2**32)), 2 * np.pi * two[:, 1] / 2**32
    expected = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()[:n]
    for normal in found["normals"]:
        np.testing.assert_allclose(normal, expected, rtol=1e-6, atol=1e-6)


def test_the_source_calls_no_library():
    assert not re.search(r"#include", (ENGINE / "kernels.c").read_text(encoding="utf-8"))
