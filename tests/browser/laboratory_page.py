"""A laboratory in a page of a real browser: how tests let it train, and read what it reports."""

from importlib.resources import files
from typing import Any

import numpy as np
from engine_page import BORDER, ask, to_page

from MNIST.browser import bundle, language_table

WORKER = "browser/training/worker.js"

SET_UP = """
globalThis.laboratories = [];

/** A laboratory in place of the one before. worker: the script, if not the usual one. */
function open({ workers, dataset = globalThis.dataset, worker = globalThis.worker, memory = null }) {
  globalThis.laboratory?.close();
  globalThis.laboratory = new Laboratory({ worker, table, kernels, dataset, workers, memory });
}

/** Train, and keep what was trained and reported under a name. Returns what of it tests look at. */
async function train(name, wishes, { stopAfter = null, stopAt = null } = {}) {
  const [results, progress, stopping] = [[], [], new AbortController()];
  const stop = () => stopping.abort();
  const options = {
    ...wishes,
    from: wishes.from ? globalThis[wishes.from] : null,
    onEpoch: (result) => { results.push(result); if (result.epoch === stopAfter) stop(); },
    onProgress: (report) => { progress.push({ ...report, at: performance.now() }); },
    signal: stopping.signal,
  };
  if (stopAt !== null) setTimeout(stop, stopAt);
  try {
    const trained = await laboratory.train(options);
    globalThis[name] = trained;
    const { weights, state, network, spec, ...rest } = trained;
    const digests = { weights: await digest(weights), state: await digest(state) };
    return { ...rest, digests, reported: results, progress, spec: { epochs: spec.epochs } };
  } catch (error) {
    const { message, constructor, trained = null } = error;
    const afterwards = trained && { epochs: trained.history.length, digest: await digest(trained.weights) };
    return { error: message, kind: constructor.name, trained: afterwards, reported: results };
  }
}

/** The bits of arrays and numbers by name, as one text. */
async function digest(arrays) {
  const names = Object.keys(arrays).sort();
  const bytes = names.map((name) => (typeof arrays[name] === "number" ? String(arrays[name]) : arrays[name]));
  return digestOf(await new Blob([names.join(), ...bytes]).arrayBuffer());
}

/** FNV-1a in 32 bits, twice, from both ends: a page without an address has no crypto.subtle. */
function digestOf(buffer) {
  const bytes = new Uint8Array(buffer);
  let [one, two] = [0x811c9dc5, 0x811c9dc5];
  for (let at = 0; at < bytes.length; at++) {
    one = Math.imul(one ^ bytes[at], 16777619) >>> 0;
    two = Math.imul(two ^ bytes[bytes.length - 1 - at], 16777619) >>> 0;
  }
  return `${one}-${two}-${bytes.length}`;
}
"""


def open_laboratory(modules: Any, dataset: dict[str, Any], workers: int = 2) -> Any:
    """A page whose `laboratory` trains on this dataset."""
    page = modules("browser/training/laboratory.js")
    page.add_script_tag(content=BORDER + SET_UP)
    engine = files("MNIST") / "browser/engine"
    names = ("simd", "kernels.wasm"), ("plain", "kernels_plain.wasm")
    kernels = {key: np.frombuffer((engine / name).read_bytes(), np.uint8) for key, name in names}
    page.evaluate(
        "values => Object.assign(globalThis, decoded(values))",
        to_page(
            {"table": language_table(), "kernels": kernels, "worker": bundle(WORKER), "dataset": dataset}
        ),
    )
    page.evaluate("workers => open({ workers })", workers)
    return page


def train(
    page: Any, text: str, name: str = "trained", *, stop: dict[str, Any] | None = None, **wishes: Any
) -> Any:
    """Train a text in the page's laboratory: what was trained without its weights, or the error.

    stop: {"stopAfter": epoch} or {"stopAt": milliseconds}.
    """
    script = "({ name, wishes, stop }) => train(name, wishes, stop)"
    return ask(page, script, name=name, wishes={"text": text, "name": name, **wishes}, stop=stop or {})


def patterns(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of ten patterns, each with much noise, and their labels."""
    random = np.random.default_rng(0).integers(0, 2, (10, 7, 7))
    means = 60 + 120 * np.kron(random, np.ones((4, 4)))
    generator = np.random.default_rng([1, seed])
    labels = generator.integers(0, 10, count).astype(np.uint16)
    noisy = means[labels] + generator.normal(0, 50, (count, 28, 28))
    return noisy.clip(0, 255).astype(np.uint8), labels


def dataset_of(
    train_images: np.ndarray,
    train_labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
    classes: int = 10,
) -> dict[str, Any]:
    """A laboratory's dataset of so many classes."""
    return {
        "name": "patterns",
        "classes": [str(number) for number in range(classes)],
        "ink": "bright",
        "form": "whole",
        "trainImages": train_images,
        "trainLabels": train_labels.astype(np.uint16),
        "testImages": test_images,
        "testLabels": test_labels.astype(np.uint16),
    }
