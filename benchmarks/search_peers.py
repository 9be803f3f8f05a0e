"""An exploration against Optuna and Keras Tuner, which do the same search with Keras, on two cores.

    python -m benchmarks.search_peers <dataset-dir> [<images> [<values> [<peers>]]]

The grid is that of benchmarks/explore.py: 36 combinations, of which some are the beginning of another, and
some differ in a value that does not matter. Each peer is used as its documentation says: Optuna with a grid
sampler, in two processes with one thread each, which share a journal; Keras Tuner with its grid search, in
one process, whose TensorFlow takes both cores. oneDNN computes the convolutions of all three. All are whole
processes, from the start of Python to the end, one after another. With <values>, the grid keeps only the
first so many values of each hyper-parameter, but all numbers of epochs; with <peers>, as `optuna`, only these
are measured, separated by commas. A peer that is not installed ends it before anything is measured, with 2.
It prints the ratio of our time to each peer's (at most 0.50).
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.arguments import read_arguments
from benchmarks.explore import BATCH, explore, grid, plain_arrays, plain_network, run, warm_up
from benchmarks.peers import all_installed

PEERS = {"optuna": "optuna", "keras-tuner": "keras_tuner"}
MOST = 0.5


def main(data: Path, images: int, values: int | None, peers: Sequence[str] = tuple(PEERS)) -> int:
    """Run ours and each peer, one after another; return 1 if a target is missed, 2 if a peer is not there."""
    if not all_installed({name: PEERS[name] for name in peers}):
        return 2
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        warm_up(folder)
        ours, _ = explore(data, images, grid(values), folder)
        print(f"explore      {ours:6.1f} s", flush=True)
        for name in peers:
            words = ["-m", "benchmarks.search_peers", f"--{name}", data, images, values or ""]
            seconds, _ = run(*words, folder=folder)
            ratios.append(ours / seconds)
            print(f"{name:12} {seconds:6.1f} s: ratio {ratios[-1]:.2f}", flush=True)
    return 0 if all(ratio <= MOST for ratio in ratios) else 1


def optuna_study(data: str, images: str, values: str) -> None:
    """Two processes that take their trials from one study."""
    words = [sys.executable, "-m", "benchmarks.search_peers", "--optuna-worker", data, images, values]
    for worker in [subprocess.Popen(words) for _ in range(2)]:
        if worker.wait():
            raise SystemExit("a process of Optuna's failed")


def optuna_worker(data: str, images: str, values: str) -> None:
    """The trials of one process."""
    import optuna
    import tensorflow
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    training, validation = plain_arrays(Path(data), int(images))
    space = grid(int(values) if values else None)

    def objective(trial: Any) -> float:
        params = {name: trial.suggest_categorical(name, choices) for name, choices in space.items()}
        return _fitted(plain_network(params), training, validation, params["epochs"])

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.GridSampler(space, seed=0),
        storage=JournalStorage(JournalFileBackend("optuna.log")),
        study_name="peers",
        load_if_exists=True,
    )
    study.optimize(objective, n_trials=len(list(product(*space.values()))))  # it ends when the grid is done


def keras_tuner_search(data: str, images: str, values: str) -> None:
    """A grid search of Keras Tuner's."""
    import keras_tuner

    training, validation = plain_arrays(Path(data), int(images))
    space = grid(int(values) if values else None)

    class Model(keras_tuner.HyperModel):
        def build(self, hp: Any) -> Any:
            return plain_network({name: hp.Choice(name, choices) for name, choices in space.items()})

        def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
            return model.fit(*args, **{**kwargs, "epochs": hp.get("epochs")})

    tuner = keras_tuner.GridSearch(Model(), objective="val_accuracy", directory="keras_tuner", seed=0)
    tuner.search(*training, validation_data=validation, batch_size=BATCH, verbose=0)


def _fitted(network: Any, training: Any, validation: Any, epochs: int) -> float:
    """Train a network; return its last validation accuracy."""
    history = network.fit(*training, batch_size=BATCH, epochs=epochs, validation_data=validation, verbose=0)
    return history.history["val_accuracy"][-1]


if __name__ == "__main__":
    ROLES = {
        "--optuna": optuna_study,
        "--optuna-worker": optuna_worker,
        "--keras-tuner": keras_tuner_search,
    }
    if role := ROLES.get("".join(sys.argv[1:2])):
        role(*sys.argv[2:])
    else:
        given = read_arguments(__doc__, "dataset", images=10_000, values=None, peers=",".join(PEERS))
        if unknown := set(given.peers.split(",")) - PEERS.keys():
            sys.exit(f"no peer is called {' or '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
        sys.exit(main(Path(given.dataset).resolve(), given.images, given.values, given.peers.split(",")))
