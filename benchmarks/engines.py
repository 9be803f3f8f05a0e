"""Seconds per epoch and peak memory of our engines, against programs that users would otherwise write.

    python -m benchmarks.engines <dataset-dir> [<rounds> [<images>]]

Four networks train on the 60,000 training images, or the first <images>, in float32: 784-512-256-10 in
batches of 128, `example_model`, `optimized_model` and `fast99`, which has BatchNorm; all with Adam. The peers
are a plain PyTorch script without metrics; for the first network scikit-learn's MLPClassifier too; and for
the last one the numpy engine without the BatchNorm. All train in one process, an epoch of each in turn: a
warm-up, then 5 rounds. All cores compute, or as many as OMP_NUM_THREADS says.

It prints three ratios of ours to each peer: of the medians; of the fastest epochs, which a noisy machine
disturbs least; and of the processor time of the fastest epochs, which with one thread is hardly disturbed.
If PyTorch or scikit-learn is not installed, nothing is measured, and the exit code is 2.
Peak memory is that of a process that only trains one epoch, its libraries included.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.arguments import read_arguments
from benchmarks.own_process import in_own_process
from benchmarks.peers import all_installed
from MNIST import engines
from MNIST.data import load
from MNIST.engines.processor import cores
from MNIST.language import Adam, lay_out, parse_spec
from MNIST.training import memory
from MNIST.training.draws import epoch_order, initial_weights
from MNIST.training.rates import epoch_rates

ROOT = Path(__file__).resolve().parent.parent
PEERS = {"torch": "torch", "scikit-learn": "sklearn"}
THREADS = int(os.environ.get("OMP_NUM_THREADS") or cores())
DENSE = """
Layers:
Flatten
Dense,512,relu
Dense,256,relu
Dense,10,softmax
Optimizer:
Adam,0.001
epochs=1
batch=128
"""
SHIPPED = "example_model", "optimized_model", "fast99"
TEXTS = {"784-512-256-10": DENSE} | {name: (ROOT / "Models" / f"{name}.txt").read_text() for name in SHIPPED}
TARGETS = {  # an engine's time divided by a peer's, at most
    ("784-512-256-10", "numpy", "PyTorch"): 1.0,
    ("784-512-256-10", "numpy", "scikit-learn"): 1.0,
    ("784-512-256-10", "modules", "PyTorch"): 1.1,
    ("example_model", "numpy", "PyTorch"): 1.0,
    ("example_model", "modules", "PyTorch"): 1.1,
    ("optimized_model", "numpy", "PyTorch"): 1.2,
    ("optimized_model", "modules", "PyTorch"): 1.1,
    ("fast99", "numpy", "PyTorch"): 1.2,
    ("fast99", "modules", "PyTorch"): 1.1,
    ("fast99", "numpy", "numpy, no BatchNorm"): 1.5,
}

REST = 0.5  # seconds between two epochs: for a while a library's threads wait for work at full speed

Epoch = Callable[[int], None]
"""Trains one epoch, whose number (from 1) it is given."""


def engine(name: str, without: str | None = None) -> Callable[[str, np.ndarray, np.ndarray], Epoch]:
    """One of our engines, called as `training` calls it. without: a layer that is left out."""

    def make(network: str, images: np.ndarray, labels: np.ndarray) -> Epoch:
        lines = TEXTS[network].splitlines()
        kept = [line for line in lines if line.split(",")[0] != without]
        assert (len(kept) < len(lines)) == (without is not None)
        laid_out = lay_out(parse_spec("\n".join(kept)))
        ours = engines.create(
            name,
            laid_out,
            precision="float32",
            threads=THREADS,
            pixel_statistics=(0.13, 0.31),
            weights=initial_weights(laid_out, seed=0),
        )
        steps = -(-len(images) // laid_out.spec.batch_size)

        def train(epoch: int) -> None:
            order = epoch_order(np.arange(len(images)), 0, epoch)
            rates = epoch_rates(laid_out.spec, epoch, steps)
            ours.train_epoch(images[order], labels[order], rates, epoch, lambda *_: None)

        return train

    return make


def plain_torch(network: str, images: np.ndarray, labels: np.ndarray) -> Epoch:
    """What a PyTorch user would write."""
    import torch
    from torch import nn

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    x = torch.tensor(images, dtype=torch.float32, device=device).unsqueeze(1) / 255
    y_true = torch.tensor(labels, dtype=torch.int64, device=device)
    batch_size, layers = {
        "784-512-256-10": (
            128,
            [
                *(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU()),
                nn.Linear(256, 10),
            ],
        ),
        "example_model": (
            1000,
            [
                *(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten()),
                *(nn.Linear(8 * 13 * 13, 32), nn.ReLU(), nn.Dropout(0.25), nn.Linear(32, 10)),
            ],
        ),
        "optimized_model": (
            1000,
            [
                *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
                *(nn.Conv2d(32, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
                *(nn.Dropout(0.1), nn.Flatten(), nn.Linear(512, 256), nn.ReLU()),
                *(nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.1), nn.Linear(256, 10)),
            ],
        ),
        "fast99": (
            192,
            [
                *(nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(), nn.Conv2d(8, 24, 3), nn.ReLU()),
                *(nn.MaxPool2d(2), nn.Conv2d(24, 64, 3), nn.BatchNorm2d(64), nn.ReLU()),
                *(nn.Flatten(), nn.Linear(64 * 3 * 3, 10)),
            ],
        ),
    }[network]
    model = nn.Sequential(*layers)
    model.to(device)
    text = lay_out(parse_spec(TEXTS[network]))
    arrays = [*model.parameters(), *(buffer for buffer in model.buffers() if buffer.is_floating_point())]
    assert (sum(array.numel() for array in arrays), batch_size) == (text.parameters, text.spec.batch_size)
    adam = text.spec.optimizer
    assert isinstance(adam, Adam)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, betas=(adam.beta1, adam.beta2))
    loss_function = nn.CrossEntropyLoss(label_smoothing=text.spec.label_smoothing)

    def train(epoch: int) -> None:
        torch.set_num_threads(THREADS)
        for batch in torch.randperm(len(x), device=device).split(batch_size):
            loss = loss_function(model(x[batch]), y_true[batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    return train


def plain_sklearn(network: str, images: np.ndarray, labels: np.ndarray) -> Epoch:
    """What a scikit-learn user would write; one call of `partial_fit` is an epoch."""
    from sklearn.neural_network import MLPClassifier

    assert network == "784-512-256-10"
    x = images.reshape(len(images), -1).astype(np.float32) / 255
    model = MLPClassifier((512, 256), alpha=0.0, batch_size=128, learning_rate_init=0.001)

    def train(epoch: int) -> None:
        model.partial_fit(x, labels, classes=np.arange(10))

    return train


CONTENDERS = {
    "PyTorch": plain_torch,
    "scikit-learn": plain_sklearn,
    "numpy": engine("numpy"),
    "modules": engine("modules"),
    "numpy, no BatchNorm": engine("numpy", without="BatchNorm"),
}


def main(folder: Path, rounds: int, count: int | None) -> int:
    """Let all train in turn, and print the ratios; return 2 if a peer is not there."""
    if not all_installed(PEERS):
        return 2
    dataset = load(folder)
    images, labels = dataset.train_images[:count], dataset.train_labels[:count]
    for network in TEXTS:
        names = {name for of, *pair in TARGETS if of == network for name in pair}
        epochs = {
            name: CONTENDERS[name](network, images, labels) for name in filter(names.__contains__, CONTENDERS)
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in epochs}
        for number in range(1, rounds + 2):
            for name, train in epochs.items():
                time.sleep(REST)
                begun = time.perf_counter(), time.process_time()
                train(number)
                times[name].append((time.perf_counter() - begun[0], time.process_time() - begun[1]))
        for name in epochs:
            seconds = [wall for wall, _ in times[name][1:]]
            spread = f"{statistics.median(seconds):.2f} s an epoch ({min(seconds):.2f} to {max(seconds):.2f})"
            megabytes = in_own_process(train_alone, folder, count, network, name)
            print(f"{network}, {name}: {spread}, {megabytes:,.0f} MB", flush=True)
        report(network, {name: np.array(pairs[1:]) for name, pairs in times.items()})
    return 0


def report(network: str, times: dict[str, np.ndarray]) -> None:
    """Print the ratios for one network. times: (rounds, 2), elapsed seconds and processor seconds."""
    for (of, ours, peer), target in TARGETS.items():
        if of == network:
            medians = np.median(times[ours], axis=0) / np.median(times[peer], axis=0)
            fastest = times[ours].min(axis=0) / times[peer].min(axis=0)
            ratios = f"{medians[0]:.2f} of the medians, {fastest[0]:.2f} of the fastest epochs"
            print(
                f"{network}, {ours} / {peer}: {ratios}, {fastest[1]:.2f} of the processor's seconds; "
                f"at most {target}",
                flush=True,
            )


def train_alone(folder: Path, count: int | None, network: str, name: str) -> float:
    """Train one epoch; return this process's peak memory in MB."""
    dataset = load(folder)
    CONTENDERS[name](network, dataset.train_images[:count], dataset.train_labels[:count])(1)
    return memory.peak_memory() / 1e6


if __name__ == "__main__":
    given = read_arguments(__doc__, "dataset", rounds=5, images=None)
    sys.exit(main(Path(given.dataset), given.rounds, given.images))
