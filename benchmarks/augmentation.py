"""What augmentation costs: per image on one core, against scipy.ndimage; and per epoch of `optimized_model`.

    python -m benchmarks.augmentation <dataset-dir> [<rounds> [<images>]]

First, this project and scipy.ndimage change images by the same amounts, in turn and in one process: by all
five augmentations, and without Elastic. It prints the ratio of their medians; the target for ours is at most
25 µs an image. It measures processor time, because other work on the machine disturbs that least.

Then `optimized_model` trains in Keras, on all training images or on <images> of them, in the precision that
`auto` takes here. Each of 3 rounds trains EPOCHS epochs with all five augmentations, and as many without. The
first epoch is a warm-up: it traces, compiles and makes its own images; the last has no images to make. It
prints the ratio of the medians of the others, with augmentation to without; the target is at most 1.20.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy uses one core; Keras uses all of them

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks.arguments import read_arguments
from MNIST.data import Dataset, augment, load, split
from MNIST.data.augmentation import affine_sources, draw_amounts
from MNIST.data.counter_random import splitmix64
from MNIST.language import Augmentation, Elastic, Rotate, Shear, Shift, Zoom, read_spec
from MNIST.training import continue_run, resolve_settings

MODEL = Path(__file__).resolve().parent.parent / "Models" / "optimized_model.txt"
WITHOUT_ELASTIC = (Rotate(10.0), Shift(0.1), Zoom(0.1), Shear(10.0))
ALL = (*WITHOUT_ELASTIC, Elastic(34.0, 4.0))
TURNS = 7
EPOCHS = 6
MOST_MICROSECONDS = 25  # for an image
MOST_TIME = 1.2  # of an epoch without augmentation

Change = Callable[[np.ndarray, Sequence[Augmentation]], object]


def ours(images: np.ndarray, augmentations: Sequence[Augmentation]) -> None:
    augment(images, np.arange(len(images)), augmentations, seed=0)


def peer(images: np.ndarray, augmentations: Sequence[Augmentation]) -> None:
    """The same positions and interpolation; NumPy draws the noise, and scipy.ndimage smooths it."""
    generator = np.random.default_rng(0)
    amounts = draw_amounts(augmentations, splitmix64(np.uint64(0), np.arange(len(images))))
    for image, rows, columns in zip(images, *affine_sources(amounts), strict=True):
        places = np.stack([rows, columns])
        for elastic in augmentations[4:]:
            assert isinstance(elastic, Elastic)
            noise, sigmas = generator.uniform(-1, 1, places.shape), (0, elastic.sigma, elastic.sigma)
            places += elastic.alpha * ndimage.gaussian_filter(noise, sigmas, mode="constant")
        ndimage.map_coordinates(image, places, order=1, mode="grid-constant")


def microseconds(change: Change, images: np.ndarray, augmentations: Sequence[Augmentation]) -> float:
    """The processor time for each image, in microseconds."""
    begun = time.process_time()
    change(images, augmentations)
    return (time.process_time() - begun) / len(images) * 1e6


def measure_images(images: np.ndarray) -> bool:
    """Print what an image takes; return whether the target is met."""
    good = True
    for what, augmentations in (("without Elastic", WITHOUT_ELASTIC), ("all five", ALL)):
        times = [
            (
                microseconds(ours, images[:6000], augmentations),
                microseconds(peer, images[:500], augmentations),
            )
            for _ in range(TURNS)
        ]
        mine, other = map(statistics.median, zip(*times, strict=True))
        print(
            f"{what}: {mine:.1f} µs an image (target: at most {MOST_MICROSECONDS}); "
            f"scipy.ndimage: {other:.1f} µs; ratio {mine / other:.2f}"
        )
        good &= mine <= MOST_MICROSECONDS
    return good


def measure_epochs(dataset: Dataset, rounds: int, images: int | None) -> bool:
    """Print what an epoch takes; return whether the target is met."""
    spec = replace(read_spec(MODEL), epochs=EPOCHS)
    settings = resolve_settings(dataset.digest, images=images, split=0.9, seed=0)
    data = split(dataset, 0.9, seed=0, images=images)
    print(f"optimized_model on {len(data.train):,} images, {settings.precision}, {settings.threads} threads")
    times: dict[str, list[float]] = {"without": [], "with": []}
    for number in range(rounds):
        for what, seconds in times.items():
            network = replace(spec, augment=ALL if what == "with" else ())
            history = continue_run(network, data, settings, epochs=EPOCHS)
            seconds += [result.seconds for result in history[1:-1]]
            new = ", ".join(f"{value:.2f} s" for value in seconds[2 - EPOCHS :])
            print(f"round {number + 1}, {what}: {new}", flush=True)
    plain, augmented = times.values()
    one, other = statistics.median(augmented), statistics.median(plain)
    target = f"ratio {one / other:.2f} (target: at most {MOST_TIME:.2f})"
    print(f"medians: {one:.2f} s with, {other:.2f} s without; {target}")
    fastest, without = min(augmented), min(plain)
    print(f"fastest epochs: {fastest:.2f} s with, {without:.2f} s without; ratio {fastest / without:.2f}")
    return one <= MOST_TIME * other


if __name__ == "__main__":
    given = read_arguments(__doc__, "dataset", rounds=3, images=None)
    found = load(Path(given.dataset))
    good = measure_images(found.train_images[: given.images])
    good &= measure_epochs(found, given.rounds, given.images)
    sys.exit(0 if good else 1)
