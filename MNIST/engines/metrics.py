"""Loss and accuracy from logits, in float64, the same for every engine."""

from collections.abc import Sequence

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities, float64 (n, classes), of logits (n, classes)."""
    return np.exp(log_softmax(logits))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities, float64 (n, classes), in nats."""
    shifted = logits - logits.max(axis=1, keepdims=True).astype(np.float64)  # exp cannot overflow
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def mean_logits(each: Sequence[np.ndarray]) -> np.ndarray:
    """The logarithms, float64 (n, classes), of the mean of several networks' probabilities.

    each: logits (n, classes) of each network, finite. So are these, however small a probability is.
    Source: Hansen and Salamon, Neural network ensembles (1990); the mean: Goodfellow et al., 7.11.
    """
    together = np.logaddexp.reduce([log_softmax(logits) for logits in each], axis=0)
    return together - np.log(len(each))


def cross_entropies(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The cross-entropy of softmax(logits) with each image's true label, in nats: float64 (n,).

    logits: (n, classes), unnormalised; labels: integer (n,).
    Source: Goodfellow et al., Deep Learning (2016), 6.2.2.3.
    """
    return -log_softmax(logits)[np.arange(len(labels)), labels]


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The mean of `cross_entropies`; nan if there are no images."""
    return float(cross_entropies(logits, labels).mean()) if len(labels) else float("nan")


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The proportion of images whose largest logit is the true label's; nan if there are no images."""
    if len(labels) == 0:
        return float("nan")
    return float((logits.argmax(axis=1) == labels).mean())
