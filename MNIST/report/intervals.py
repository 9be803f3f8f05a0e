"""Confidence intervals of proportions."""

from math import sqrt
from statistics import NormalDist


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval that contains a proportion with the given confidence, after so many trials.

    Raises ValueError unless 0 ≤ successes ≤ trials and trials > 0.
    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927).
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes of {trials} trials")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    proportion = successes / trials
    centre = proportion + z**2 / (2 * trials)
    margin = z * sqrt(proportion * (1 - proportion) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    return max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale)
