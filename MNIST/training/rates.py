"""The learning rate of each step, as a table an epoch; every engine looks its rates up here."""

import numpy as np

from MNIST.spec import Optimizer


def epoch_rates(optimizer: Optimizer, epoch: int, steps: int) -> np.ndarray:
    """The rates of one epoch (from 1) of `steps` steps: float32 (steps,).

    Keras's classic decay: rate / (1 + decay · step), step counted from 0 over all epochs.
    """
    step = np.arange((epoch - 1) * steps, epoch * steps, dtype=np.float64)
    return (optimizer.rate / (1.0 + optimizer.decay * step)).astype(np.float32)
