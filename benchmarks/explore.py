"""An exploration against the plain way (one Keras `fit` for each point inside talos.Scan), in one run.

    python -m benchmarks.explore <dataset-dir> [<rounds> [<images> [<values>]]]

The grid: Adam, RMSprop × momentum .25, .5, .75 × epochs 1, 2, 3 × dropout .1, .25 on 10,000 images: 36
points. Both are whole processes, from the start of Python to the last file written; ours has two workers.
Then one worker and two workers train a larger grid, in turn: twice each, or <rounds> times. With <values>,
both grids keep only the first so many values of each hyper-parameter, but all numbers of epochs.
It prints three ratios: how many times fewer epochs ours trains (at least 3), its time to the plain way's (at
most 0.25), and the throughput of two workers to that of one (at least 1.7, on two cores).
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, chdir
from pathlib import Path
from typing import Any

from benchmarks.arguments import read_arguments

ROOT = Path(__file__).resolve().parent.parent
SPLIT, BATCH = 0.9, 1000
GRID: dict[str, list[Any]] = {
    "epochs": [1, 2, 3],
    "opt": ["Adam", "RMSprop"],
    "dropout": [0.1, 0.25],
    "mom": [0.25, 0.5, 0.75],
}
RATES = [0.001, 0.002, 0.003, 0.004]  # of the larger grid
NETWORK = ["-l", "1", "-c", "16", "-z", "32", "-k", "3", "-p", "2", "-v", "1", "-b", str(BATCH)]


def main(data: Path, rounds: int, images: int, values: int | None) -> int:
    """Run all measurements; return 1 if a target is missed."""
    with tempfile.TemporaryDirectory() as temporary:
        warm_up(temporary)
        ours_seconds, output = explore(data, images, grid(values), temporary)
        plain_seconds, _ = run(
            "-m", "benchmarks.explore", "--plain", data, images, values or "", folder=temporary
        )
        throughput = two_workers(data, rounds, images, values, temporary)
    found = re.search(r"(\d+) epochs instead of (\d+)", output)
    assert found, output
    ours_epochs, plain_epochs = map(int, found.groups())
    fewer, ratio = plain_epochs / ours_epochs, ours_seconds / plain_seconds
    print(f"plain   {plain_epochs:4} epochs  {plain_seconds:6.1f} s")
    print(f"explore {ours_epochs:4} epochs  {ours_seconds:6.1f} s, two workers")
    print(f"{fewer:.2f} times fewer epochs (target: at least 3)")
    print(f"{ratio:.2f} of the time (target: at most 0.25)")
    print(f"{throughput:.2f} times the throughput of one worker (target: at least 1.7)")
    return 0 if fewer >= 3 and ratio <= 0.25 and throughput >= 1.7 else 1


def grid(values: int | None) -> dict[str, list[Any]]:
    """The first so many values of each hyper-parameter, or all of them; and all numbers of epochs."""
    return {name: found if name == "epochs" else found[:values] for name, found in GRID.items()}


def warm_up(folder: str) -> None:
    """Let the system read TensorFlow's files once: else the first command would do it for all others."""
    run("-c", "import tensorflow", folder=folder)


def explore(data: Path, images: int, grid: dict[str, list[Any]], folder: str) -> tuple[float, str]:
    """Seconds and output of our exploration, with nothing known from before."""
    lists = [word for name, values in grid.items() for word in (f"--{name}", ",".join(map(str, values)))]
    words = ["--images", str(images), *NETWORK, *lists, "--workers", "2"]
    return run(ROOT / "MNIST", "explore", data, "scan1", *words, folder=folder)


def two_workers(data: Path, rounds: int, images: int, values: int | None, folder: str) -> float:
    """The trials per second of two workers divided by those of one: 32 trials of 3 epochs.

    The start of the workers does not count.
    """
    seconds = {1: 0.0, 2: 0.0}
    turns = [(1, 2), (2, 1)]  # so that, in an even number of rounds, a machine that slows down is fair
    for number, workers in enumerate(each for turn in range(rounds) for each in turns[turn % 2]):
        seconds[workers] += train_all(data, images, values, Path(folder) / f"throughput{number}", workers)
    return seconds[1] / seconds[2]


def train_all(data: Path, images: int, values: int | None, folder: Path, workers: int) -> float:
    """Seconds that workers take for all trials of a grid."""
    from MNIST.data import Dataset, TrainingData
    from MNIST.explore.exploration import Show, Silent, explore
    from MNIST.explore.forecast import Forecast
    from MNIST.explore.loop import Outcome
    from MNIST.explore.search import Search
    from MNIST.explore.trials import TrialService
    from MNIST.explore.workers import worker
    from MNIST.explore.workers.protocol import Executor

    class Stopwatch(Silent):
        """Starts once every worker has imported Keras, and stops before the winner's network is made."""

        seconds = 0.0

        def planned(self, dataset: Dataset, data: TrainingData, search: Search, executor: Executor) -> None:
            list(executor.map(worker.describe, [("keras", "auto")] * workers))

        def running(
            self, search: Search, service: TrialService, forecast: Forecast
        ) -> AbstractContextManager[Show]:
            self.seconds = -time.perf_counter()
            return super().running(search, service, forecast)

        def answered(self, service: TrialService, outcome: Outcome, keeping: bool) -> Mapping[str, bytes]:
            self.seconds += time.perf_counter()
            return {}

    small = {"layers": [1], "conv": [16], "dense": [32], "kernel": [3], "pool": [2], "convlayers": [1]}
    several = {name: grid(values)[name] for name in ("opt", "dropout", "mom")}
    watch = Stopwatch()
    folder.mkdir()
    with chdir(folder):
        explore(
            data,
            template=str(ROOT / "Models" / "explore.txt"),
            values={**small, "epochs": [3], "rate": RATES[:values], **several},
            split=SPLIT,
            images=images,
            workers=workers,
            watcher=watch,
        )
    return watch.seconds


def run(*words: object, folder: str) -> tuple[float, str]:
    """Seconds and output of a whole Python process."""
    command = [sys.executable, *(str(word) for word in words)]
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "1",  # as `explore` sets it, so that all compute in the same way
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    start = time.perf_counter()
    outcome = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if outcome.returncode:
        raise SystemExit(f"{' '.join(command)} ended in {outcome.returncode}:\n{outcome.stderr}")
    return seconds, outcome.stdout


def plain(data: Path, count: int, values: int | None) -> None:
    """What a user of Talos and Keras alone would write, for the same network, images and split."""
    import talos

    (x_train, y_train), (x_val, y_val) = plain_arrays(data, count)

    def model(x_train: Any, y_train: Any, x_val: Any, y_val: Any, params: dict) -> tuple:
        network = plain_network(params)
        history = network.fit(
            x_train,
            y_train,
            batch_size=BATCH,
            epochs=params["epochs"],
            validation_data=(x_val, y_val),
            verbose=0,
        )
        return history, network

    talos.Scan(
        x=x_train,
        y=y_train,
        x_val=x_val,
        y_val=y_val,
        params=grid(values),
        model=model,
        experiment_name="plain",
        disable_progress_bar=True,
    )


def plain_arrays(data: Path, count: int) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """The images and labels to train on, and those to validate, as Keras takes them."""
    import numpy as np

    from MNIST.data import load, split

    images = split(load(data), SPLIT, seed=0, images=count)
    pixels, labels = images.images[..., None].astype(np.float32) / 255, images.labels
    train, validation = images.train, images.validation
    return (pixels[train], labels[train]), (pixels[validation], labels[validation])


def plain_network(params: Mapping[str, Any]) -> Any:
    """The network of the template as a user of Keras writes it."""
    import keras

    layers = keras.layers
    network = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(params["dropout"]),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dropout(params["dropout"]),
            layers.Dense(10, activation="softmax"),
        ]
    )
    rate = keras.optimizers.schedules.InverseTimeDecay(0.001, 1, 1e-4)
    if params["opt"] == "Adam":
        optimizer = keras.optimizers.Adam(rate)
    else:
        optimizer = keras.optimizers.RMSprop(rate, momentum=params["mom"])
    network.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return network


if __name__ == "__main__":
    if sys.argv[1:2] == ["--plain"]:
        plain(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]) if sys.argv[4] else None)
    else:
        given = read_arguments(__doc__, "dataset", rounds=2, images=10_000, values=None)
        sys.exit(main(Path(given.dataset).resolve(), given.rounds, given.images, given.values))
