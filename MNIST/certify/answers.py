"""One engine's answer to a problem: loss, gradients, and the weights after its optimizer's steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from MNIST import engines
from MNIST.certify.problem import STEPS, Problem, below
from MNIST.engines import Arrays, GradientEngine
from MNIST.engines.processor import cores
from MNIST.engines.saved_arrays import write_arrays
from MNIST.files import write_atomically

_FILE = "answer.npz"


@dataclass(frozen=True)
class Answer:
    """What an engine computes for a problem, in float64.

    version: the engine with its libraries' versions. loss: the batch's mean loss at the given weights, in
    nats; gradients: of that loss, by weight; first, last: all weights after the first step and after STEPS.
    """

    version: str
    loss: float
    gradients: Arrays
    first: Arrays
    last: Arrays

    def write(self, folder: Path) -> None:
        """Write it into a folder, for another process."""
        arrays = {"version": np.array(self.version), "loss": np.array(self.loss)}
        for place in ("gradients", "first", "last"):
            arrays |= {f"{place}/{name}": array for name, array in getattr(self, place).items()}
        write_atomically(folder / _FILE, write_arrays(arrays))

    @classmethod
    def read(cls, folder: Path) -> "Answer":
        """Read what `write` wrote."""
        with np.load(folder / _FILE, allow_pickle=False) as file:
            arrays = dict(file)
        places = (below(arrays, place) for place in ("gradients", "first", "last"))
        return cls(str(arrays["version"]), float(arrays["loss"]), *places)


def answer(problem: Problem, engine: str) -> Answer:
    """Let an engine compute a problem in this process."""
    with built(problem, engine) as network:
        loss, gradients = network.gradients(problem.images, problem.labels)
        after = []
        for step in range(STEPS):
            rates = problem.rates[step : step + 1]
            network.train_epoch(problem.images, problem.labels, rates, 0, lambda *_: None)
            after.append(network.get_weights())
        return Answer(engines.version(engine), loss, gradients, after[0], after[-1])


@contextmanager
def built(problem: Problem, engine: str) -> Iterator[GradientEngine]:
    """The problem's network in an engine, with the problem's weights and draws."""
    network = engines.create(
        engine,
        problem.network,
        precision="float64",
        threads=cores(),
        pixel_statistics=problem.pixel_statistics,
        weights=problem.weights,
        draws=problem.draws,
    )
    try:
        yield cast(GradientEngine, network)
    finally:
        network.close()
