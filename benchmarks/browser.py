"""Training in a browser: the laboratory's seconds beside Keras's, in turn on this machine.

    python -m benchmarks.browser <dataset-dir> [<seeds> [<images>]]

The laboratory trains in a real Chromium, in as many workers as there are cores. `train` trains the same text
on the same number of images with Keras, in a process of its own; its first epoch includes compiling.
fast99 on 54,000 images must reach 99.0 % of the test images in at most 30 s, for at least four of 5 seeds;
example_model on 10,000 images, five epochs, must take at most 5 s; optimized_model is trained for one epoch.
For each it prints the ratio of the laboratory's seconds to Keras's, and its GFLOP/s beside those of NumPy's
largest matrix products on all cores. With <images> each trains on at most that many.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.arguments import read_arguments
from benchmarks.in_chromium import chromium, laboratory
from benchmarks.own_process import in_own_process
from MNIST.data import Dataset, load
from MNIST.language import lay_out, parse_spec, read_text

MODELS = Path(__file__).resolve().parent.parent / "Models"
SPLIT = 0.9
GOAL, MOST_SECONDS, EXAMPLE_SECONDS = 0.99, 30, 5
SIDE = 2048  # of the matrices that are multiplied
TRAIN = """async ({ text, seed, epochs, split }) => {
  const trained = await laboratory.train({ text, name: "benchmark", seed, epochs, split });
  const { accuracy } = await laboratory.test(trained);
  return [trained.seconds, accuracy];
}"""

Trained = tuple[float, float]
"""The seconds of all epochs without validation, and the accuracy on the test images."""


def in_browser(
    browser: Any, dataset: Dataset, text: str, seed: int, count: int | None, epochs: int
) -> Trained:
    """Train in the laboratory."""
    with laboratory(browser, dataset, count) as page:
        how = {"text": text, "seed": seed, "epochs": epochs, "split": SPLIT}
        seconds, accuracy = page.evaluate(TRAIN, how)
    return seconds, accuracy


def with_keras(folder: Path, text: str, seed: int, count: int | None, epochs: int) -> Trained:
    """Train as `train` does."""
    from MNIST.data import split
    from MNIST.engines.metrics import accuracy
    from MNIST.training import Run, resolve_settings

    dataset = load(folder)
    settings = resolve_settings(dataset.digest, images=count, split=SPLIT, seed=seed)
    run = Run(parse_spec(text), split(dataset, SPLIT, seed, count), settings, epochs=epochs)
    history = run.train()
    found = accuracy(run.engine.logits(dataset.test_images), dataset.test_labels)
    return sum(result.seconds for result in history), found


def matrix_peak() -> float:
    """The GFLOP/s of NumPy's matrix products in float32, on all cores."""
    a, b = np.random.default_rng(0).random((2, SIDE, SIDE), np.float32)
    best = 0.0
    for _ in range(5):
        start = time.perf_counter()
        a @ b
        best = max(best, 2 * SIDE**3 / 1e9 / (time.perf_counter() - start))
    return best


def main(folder: Path, seeds: int, images: int | None) -> int:
    """Print all figures; return 1 if a goal is missed."""
    dataset = load(folder)

    def at_most(count: int) -> int:
        return min(count, images or count, len(dataset.train_images))

    with chromium() as browser:

        def compared(model: str, count: int, epochs: int, seed: int = 0) -> Trained:
            """Train in both, and print what they took."""
            text = read_text(MODELS / f"{model}.txt")
            seconds, accuracy = in_browser(browser, dataset, text, seed, count, epochs)
            theirs, their_accuracy = in_own_process(with_keras, folder, text, seed, count, epochs)
            # A training step costs three forward passes: one forward, and two products as large backward.
            work = 3 * lay_out(parse_spec(text)).flops * round(SPLIT * count) * epochs / 1e9
            print(
                f"{model}, {count:,} images, epochs: {epochs}, seed {seed}: "
                f"{accuracy:.2%} in {seconds:.2f} s, Keras {their_accuracy:.2%} in {theirs:.2f} s: "
                f"ratio {seconds / theirs:.2f}; "
                f"{work / seconds:.0f} GFLOP/s of NumPy's {in_own_process(matrix_peak):.0f}",
                flush=True,
            )
            return seconds, accuracy

        found = [compared("fast99", at_most(60_000), 2, seed) for seed in range(seeds)]
        won = sum(accuracy >= GOAL and seconds <= MOST_SECONDS for seconds, accuracy in found)
        print(f"fast99: at least {GOAL:.1%} in at most {MOST_SECONDS} s: {won} of {seeds} seeds")
        example, _ = compared("example_model", at_most(10_000), 5)
        compared("optimized_model", at_most(60_000), 1)
    return 0 if won >= 0.8 * seeds and example <= EXAMPLE_SECONDS else 1


if __name__ == "__main__":
    given = read_arguments(__doc__, "dataset", seeds=5, images=None)
    raise SystemExit(main(Path(given.dataset), given.seeds, given.images))
