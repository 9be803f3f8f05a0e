"""The front of a table: the rows of which no other row is at least as good for less."""

from collections.abc import Sequence

import numpy as np

COSTS = {"parameters": "parameters", "mflops": "MFLOPs", "seconds": "seconds of training"}  # and their labels


def front(cost: Sequence[float] | np.ndarray, merit: Sequence[float] | np.ndarray) -> np.ndarray:
    """The places of the rows on the Pareto front, the cheapest first; of equal rows, the first.

    cost: float (rows,), less is better. merit: float (rows,), more is better. Rows in which one of them is
    not finite are left out.
    Source: Miettinen, Nonlinear Multiobjective Optimization (1999), definition 2.2.1.
    """
    cost, merit = np.asarray(cost, float), np.asarray(merit, float)
    places = np.flatnonzero(np.isfinite(cost) & np.isfinite(merit))
    order = places[np.lexsort((-merit[places], cost[places]))]
    before = np.maximum.accumulate(np.concatenate([[-np.inf], merit[order]]))[:-1]
    return order[merit[order] > before]
