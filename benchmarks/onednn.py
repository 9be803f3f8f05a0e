"""What an epoch of Keras takes with oneDNN, against what it takes without.

    python -m benchmarks.onednn <dataset-dir> [<rounds> [<images> [<models>]]]

For the first so many of MODELS, each of 3 rounds trains twice in a process of its own, with oneDNN and
without, in turn: a warm-up epoch, which traces and compiles, and EPOCHS more, in float32. It prints the ratio
of the fastest epochs, which must be at most 1.1, and that of the fastest passes in which the network only
answers. Where TensorFlow turns oneDNN on by itself, the ratios say what turning it off would cost.
"""

import os
import sys
import time
from pathlib import Path

from benchmarks.arguments import read_arguments
from benchmarks.own_process import in_own_process

EPOCHS = 3
MODELS = ("example_model", "optimized_model", "lenet5", "small", "fast99", "mlp")
ROOT = Path(__file__).resolve().parent.parent
SWITCH = "TF_ENABLE_ONEDNN_OPTS"


def seconds(folder: Path, model: str, images: int, switch: str) -> tuple[float, float]:
    """The seconds of the fastest epoch, and of the fastest pass that only answers."""
    os.environ[SWITCH] = switch
    from MNIST import engines
    from MNIST.data import load, split
    from MNIST.language import lay_out, read_spec
    from MNIST.training import continue_run, resolve_settings
    from MNIST.training.draws import initial_weights

    dataset, spec = load(folder), read_spec(ROOT / "Models" / f"{model}.txt")
    settings = resolve_settings(dataset.digest, images=images, split=0.9, seed=0, precision="float32")
    data = split(dataset, 0.9, seed=0, images=images)
    history = continue_run(spec, data, settings, epochs=1 + EPOCHS)
    network = lay_out(spec)
    engine = engines.create(
        "keras",
        network,
        precision="float32",
        threads=settings.threads,
        pixel_statistics=(0.0, 255.0),
        weights=initial_weights(network, 0),
    )
    answering = []
    for _ in range(1 + EPOCHS):
        begun = time.perf_counter()
        engine.logits(dataset.train_images[:images])
        answering.append(time.perf_counter() - begun)
    return min(result.seconds for result in history[1:]), min(answering[1:])


def main(folder: Path, rounds: int, images: int, models: int | None) -> int:
    """Print the ratios; return 1 if oneDNN costs time in one of the models."""
    slower = False
    for model in MODELS[:models]:
        epochs: dict[str, list[float]] = {"1": [], "0": []}  # by the switch
        answers: dict[str, list[float]] = {"1": [], "0": []}
        for _ in range(rounds):
            for switch in epochs:
                epoch, answer = in_own_process(seconds, folder, model, images, switch)
                epochs[switch].append(epoch)
                answers[switch].append(answer)
        (epoch, without), (answer, answer_without) = map(min, epochs.values()), map(min, answers.values())
        print(
            f"{model}: an epoch takes {epoch:.2f} s instead of {without:.2f} s: ratio"
            f" {epoch / without:.2f}; answers {answer:.2f} s instead of {answer_without:.2f} s: ratio"
            f" {answer / answer_without:.2f}",
            flush=True,
        )
        slower |= epoch > 1.1 * without
    return int(slower)


if __name__ == "__main__":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    given = read_arguments(__doc__, "dataset", rounds=3, images=10_000, models=None)
    sys.exit(main(Path(given.dataset), given.rounds, given.images, given.models))
