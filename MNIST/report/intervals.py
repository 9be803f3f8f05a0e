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


def difference_interval(first: int, trials: int, second: int, other_trials: int) -> tuple[float, float]:
    """The 95 % interval of the difference of two independent proportions: first/trials − second/other_trials.

    Raises ValueError as `wilson_interval` does.
    Source: Newcombe, Interval Estimation for the Difference between Independent Proportions (1998),
    method 10.
    """
    low, high = wilson_interval(first, trials)
    other_low, other_high = wilson_interval(second, other_trials)
    one, other = first / trials, second / other_trials
    down = sqrt((one - low) ** 2 + (other_high - other) ** 2)
    up = sqrt((high - one) ** 2 + (other - other_low) ** 2)
    return one - other - down, one - other + up
