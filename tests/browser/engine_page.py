"""The engine of the browser in a page: how tests give it networks and arrays, and take its answers."""

import base64
import json
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from MNIST.browser.table import language_table
from MNIST.certify import Problem, pose
from MNIST.data.digits import make_digits
from MNIST.language import lay_out, parse_spec

MODULES = "browser/language/language.js", "browser/engine/engine.js", "browser/engine/kernels.js"
TYPES = {
    "f4": "Float32Array",
    "u1": "Uint8Array",
    "u2": "Uint16Array",
    "i4": "Int32Array",
    "f8": "Float64Array",
}

# Arrays cross the border as {type, base64}; `decoded` finds them anywhere in a value, `encoded` makes them.
BORDER = """
function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  if (value === null || typeof value !== "object") return value;
  if ("base64" in value) {
    const text = atob(value.base64);
    const bytes = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
    return new globalThis[value.type](bytes.buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, decoded(each)]));
}
function encoded(value) {
  if (Array.isArray(value)) return value.map(encoded);
  if (value === null || typeof value !== "object") return value;
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) {
      text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    }
    return { type: value.constructor.name, base64: btoa(text) };
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, encoded(each)]));
}
"""

SET_UP = """async ([table, ...bytes]) => {
  setLanguage(table);
  const [simd, plain] = decoded(bytes);
  globalThis.kernels = {
    simd: await loadKernels(simd, plain),
    plain: await loadKernels(new Uint8Array(1), plain), // the first is no module that this browser takes
  };
  if (!kernels.simd.simd || kernels.plain.simd) throw new Error("this browser has no SIMD");
}"""

# The workers of one page: engines that share a batch's leaves and add what they found as a binary tree.
WORKERS = """
const LEAVES = 8;

class Workers {
  constructor(problem, count, which) {
    const { text, weights, statistics, labels } = problem;
    this.network = layOut(parseSpec(text));
    this.problem = problem;
    const leafImages = Math.ceil(labels.length / LEAVES);
    const how = { pixelStatistics: statistics, leafImages, leaves: LEAVES / count };
    this.engines = Array.from({ length: count }, () => Engine.create(kernels[which], this.network, how));
    for (const engine of this.engines) engine.setWeights(weights);
    this.waiting = [];
  }
  leaf(index) {
    const { images, labels, draws } = this.problem;
    const [begin, end] = [index, index + 1].map((part) => Math.floor((part * labels.length) / LEAVES));
    const part = (values) => {
      const size = values.length / labels.length;
      return values.slice(begin * size, end * size);
    };
    const drawn = draws && Object.entries(draws).map(([path, each]) => [path, part(each)]);
    return {
      images: begin === end ? null : part(images),
      labels: part(labels),
      draws: drawn && Object.fromEntries(drawn),
      seed: [7, index],
    };
  }
  async differentiate() {
    const { length } = this.engines;
    const each = LEAVES / length;
    const found = await Promise.all(this.engines.map((engine, worker) => {
      const leaves = Array.from({ length: each }, (_, index) => this.leaf(worker * each + index));
      const smoothing = this.network.spec.label_smoothing;
      const reduce = length === 1 ? null : (array) => this.reduce(worker, array);
      return engine.differentiate(leaves, { count: this.problem.labels.length, smoothing, reduce });
    }));
    const gradients = tree(this.engines.map((engine) => engine.gradients.slice()));
    for (const engine of this.engines) engine.gradients.set(gradients);
    const [loss] = tree(found.map(({ loss }) => [loss]));
    return { loss: loss / this.problem.labels.length, gradients: named(this.engines[0], gradients) };
  }
  reduce(worker, array) {
    return new Promise((resolve) => {
      this.waiting[worker] = { array, resolve };
      const all = Object.values(this.waiting);
      if (all.length < this.engines.length) return;
      this.waiting = [];
      const sum = tree(all.map(({ array }) => array));
      for (const one of all) one.resolve(sum.slice());
    });
  }
  update(rate) {
    for (const engine of this.engines) engine.update(rate);
  }
}

function tree(arrays) {
  if (arrays.length === 1) return arrays[0];
  const middle = arrays.length / 2;
  const [a, b] = [tree(arrays.slice(0, middle)), tree(arrays.slice(middle))];
  return a.map((value, index) => value + b[index]);
}

function named({ parameters }, gradients) {
  const trained = parameters.filter(({ trainable }) => trainable);
  const entries = trained.map(({ name, begin, size }) => [name, gradients.slice(begin, begin + size)]);
  return Object.fromEntries(entries);
}

async function answer({ problem, count = 1, which = "simd" }) {
  const workers = new Workers(problem, count, which);
  const [engine] = workers.engines;
  const logits = engine.logits(problem.images);
  const { loss, gradients } = await workers.differentiate();
  const after = [];
  for (const rate of problem.rates) {
    workers.update(rate);
    after.push(engine.getWeights());
    await workers.differentiate();
  }
  return { loss, gradients, logits, first: after[0], last: after.at(-1) };
}
"""


def open_engine(modules: Any, *more: str) -> Any:
    """A page with the engine and further modules; `kernels.simd` and `kernels.plain` are its kernels."""
    page = modules(*MODULES, *more)
    page.add_script_tag(content=BORDER + WORKERS)
    names = "kernels.wasm", "kernels_plain.wasm"
    wasm = [
        to_page(np.frombuffer((files("MNIST") / "browser/engine" / name).read_bytes(), "u1"))
        for name in names
    ]
    page.evaluate(SET_UP, [language_table(), *wasm])
    return page


def ask(page: Any, script: str, **values: Any) -> Any:
    """Call an async function of JavaScript with these values by name; arrays go and come as NumPy's."""
    call = f"async (values) => encoded(await ({script})(decoded(values)))"
    return from_page(page.evaluate(call, to_page(values)))


def to_page(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        name = TYPES[value.dtype.str[1:]]
        return {"type": name, "base64": base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()}
    if isinstance(value, dict):
        return {key: to_page(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [to_page(each) for each in value]
    return json.loads(json.dumps(value))


def from_page(value: Any) -> Any:
    if isinstance(value, list):
        return [from_page(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"type", "base64"}:
        kind = next(kind for kind, name in TYPES.items() if name == value["type"])
        return np.frombuffer(base64.b64decode(value["base64"]), kind)
    return {key: from_page(each) for key, each in value.items()}


def posed(text: str, batch: int = 20, *, seed: int = 0) -> Problem:
    """A certificate's problem for a text, in numbers that float32 has."""
    images, labels, _, _ = digits()
    problem = pose(lay_out(parse_spec(text)), images[:batch], labels[:batch], seed)
    weights, draws = (
        {name: _rounded(each) for name, each in some.items()} for some in (problem.weights, problem.draws)
    )
    return replace(problem, weights=weights, draws=draws)


def problem_data(problem: Problem, text: str, *, drawn: bool = True) -> dict[str, Any]:
    """A problem for the page's `answer`. drawn: whether its random numbers are given."""
    mean, deviation = problem.pixel_statistics
    return {
        "text": text,
        "weights": {name: weight.astype("f4").ravel() for name, weight in problem.weights.items()},
        "draws": {path: each.astype("f4").ravel() for path, each in problem.draws.items()} if drawn else None,
        "images": problem.images.ravel(),
        "labels": problem.labels.astype("u2"),
        "statistics": {"mean": mean, "deviation": deviation},
        "rates": problem.rates,
    }


def _rounded(array: np.ndarray) -> np.ndarray:
    return array.astype("f4").astype("f8")


digits = cache(make_digits)
