"""Training time to 99.0 % of the test images: Models/fast99.txt against the convnet of Keras's documentation.

    python -m benchmarks.fast99 <dataset-dir> [<seeds> [<images>]]

For each of 5 seeds both train, in turn and each in a process of its own. The peer is written as in Keras's
documentation (https://keras.io/examples/vision/mnist_convnet/: float32, batches of 128, Adam, the first
54,000 images). It is tested after every epoch until 99.0 % of its answers on the test images are right; its
seconds of training up to then count. This project trains fast99 to its end; its seconds count if 99.0 % are
right then. For both, tracing and compiling before the first step count; tests and validation do not.
It prints the ratio of ours to the peer, which must be at most 0.1 for at least four seeds of five.

Then it prints the GFLOP/s that fast99 reaches in its last epochs, beside the machine's best. With <images>
both train on that many, and neither comes near the goal.
"""

import time
from pathlib import Path

from benchmarks.arguments import read_arguments
from benchmarks.own_process import in_own_process
from benchmarks.train_optimal import matrix_peaks

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "Models" / "fast99.txt"
GOAL = 0.99
MOST_EPOCHS = 15
SPLIT = 0.9


def peer(folder: Path, seed: int, count: int | None) -> tuple[float, int, float]:
    """What a Keras user would write: seconds of training, its epochs, the accuracy on the test images."""
    import keras
    import numpy as np

    from MNIST.data import load

    dataset = load(folder)
    keras.utils.set_random_seed(seed)
    train = slice(round(SPLIT * len(dataset.train_images[:count])))  # as Keras's validation_split=0.1 does
    images = dataset.train_images[train], dataset.test_images
    labels = dataset.train_labels[train], dataset.test_labels
    x_train, x_test = (np.expand_dims(x.astype("float32") / 255, -1) for x in images)
    y_train, y_test = (keras.utils.to_categorical(y, 10) for y in labels)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(32, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Conv2D(64, kernel_size=(3, 3), activation="relu"),
            layers.MaxPooling2D(pool_size=(2, 2)),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    seconds, accuracy, epoch = 0.0, 0.0, 0
    while accuracy < GOAL and epoch < MOST_EPOCHS:
        start = time.perf_counter()
        model.fit(x_train, y_train, batch_size=128, epochs=1, verbose=0)
        seconds += time.perf_counter() - start
        epoch += 1
        accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    return seconds, epoch, accuracy


def ours(folder: Path, seed: int, count: int | None) -> tuple[float, float, float]:
    """fast99 as `train` trains it: seconds of training, GFLOP/s of the last epoch, test accuracy."""
    from MNIST.data import load, split
    from MNIST.engines.metrics import accuracy
    from MNIST.language import lay_out, read_spec
    from MNIST.training import Run, resolve_settings

    dataset, spec = load(folder), read_spec(MODEL)
    settings = resolve_settings(dataset.digest, images=count, split=SPLIT, seed=seed)
    data = split(dataset, SPLIT, seed, count)
    run = Run(spec, data, settings, epochs=spec.epochs)
    history = run.train()
    found = accuracy(run.engine.logits(dataset.test_images), dataset.test_labels)
    # A training step costs three forward passes: one forward, and two products as large backward.
    work = 3 * lay_out(spec).flops * len(data.train) / 1e9
    return sum(result.seconds for result in history), work / history[-1].seconds, found


def precision() -> str:
    """What `--precision auto` means here."""
    from MNIST import engines

    return engines.resolve_precision("keras", "auto")


def main(folder: Path, seeds: int, count: int | None) -> None:
    won, reached = 0, 0.0
    for seed in range(seeds):
        theirs, epochs, their_accuracy = in_own_process(peer, folder, seed, count)
        seconds, speed, accuracy = in_own_process(ours, folder, seed, count)
        ratio, reached = seconds / theirs, max(reached, speed)
        won += ratio <= 0.1 and accuracy >= GOAL
        print(
            f"seed {seed}: Keras's convnet {their_accuracy:.2%} after {epochs} epochs, {theirs:.1f} s; "
            f"fast99 {accuracy:.2%}, {seconds:.2f} s: {ratio:.3f}",
            flush=True,
        )
    print(f"at most 0.1 of the time, and at least {GOAL:.1%}: {won} of {seeds} seeds")
    best = precision()
    peak = in_own_process(matrix_peaks, [best])[best]
    print(f"{reached:,.0f} GFLOP/s, {reached / peak:.0%} of a {best} matrix product's {peak:,.0f}")


if __name__ == "__main__":
    given = read_arguments(__doc__, "dataset", seeds=5, images=None)
    main(Path(given.dataset), given.seeds, given.images)
