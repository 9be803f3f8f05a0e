"""How much each parameter explains of the differences in accuracy: numbers only, no drawing.

A forest learns to predict accuracy from the parameters. Then one parameter's values are shuffled; the forest
explains less, by as much as that parameter told it. Both are measured on points that the forest has not seen.
Source: Breiman, Random Forests, Machine Learning 45 (2001), section 10.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_POINTS = 10
MOST_POINTS = 2500  # of more, a random part; 2,304 with 10 parameters take 0.7 s on one core of an AMD EPYC
FOLDS = 4
TREES = 30
SHUFFLES = 10


@dataclass(frozen=True)
class Importance:
    """drops: (parameters, shuffles), how much R² falls. explained: R², at best 1; below 0 is useless."""

    drops: np.ndarray
    explained: float
    points: int


def measure_importance(
    codes: np.ndarray, accuracy: np.ndarray, runs: Sequence[str] | None = None
) -> Importance:
    """Permutation importance of each parameter for accuracy, cross-validated; the same at every call.

    codes: float (points, parameters), each value's place in the order of its parameter's values; nan where a
    parameter does not matter. Such a point gets the middle value, so that the gap itself tells the forest
    nothing (a missing momentum would tell it "Adam"), and is left out of the shuffling.
    accuracy: float (points,), finite, not all equal; at least FEWEST_POINTS.
    runs: (points,), the run that each point is read from, of at least FOLDS runs; None if each has its own.
    Epochs of one run share its noise. A forest that has seen one of them would know the others, so all points
    of a run are in the same fold.
    Source: Breiman (2001), section 10, with folds in place of the out-of-bag points.
    """
    from sklearn.ensemble import RandomForestRegressor

    random = np.random.default_rng(0)
    order = random.permutation(len(accuracy))[:MOST_POINTS]
    codes, accuracy = codes[order], accuracy[order]
    matters = np.isfinite(codes)
    middle = [np.median([*column[np.isfinite(column)]] or [0]) for column in codes.T]
    x = np.where(matters, codes, middle).astype(np.float32)
    shuffled = _shuffled(x, matters, random)  # (parameters, shuffles, points)
    errors = np.zeros(shuffled.shape[:2])
    error = 0.0
    for fold in _folds([str(place) for place in range(len(x))] if runs is None else [runs[i] for i in order]):
        forest = RandomForestRegressor(TREES, random_state=0, min_samples_leaf=2, n_jobs=1)
        forest.fit(np.delete(x, fold, axis=0), np.delete(accuracy, fold))
        unseen, truth = x[fold], accuracy[fold]
        error += ((forest.predict(unseen) - truth) ** 2).sum()
        for parameter, columns in enumerate(shuffled[:, :, fold]):
            asked = np.tile(unseen, (SHUFFLES, 1))
            asked[:, parameter] = columns.ravel()
            answers = forest.predict(asked).reshape(SHUFFLES, -1)
            errors[parameter] += ((answers - truth) ** 2).sum(axis=1)
    total = ((accuracy - accuracy.mean()) ** 2).sum()
    return Importance((errors - error) / total, float(1 - error / total), len(x))


def _folds(runs: Sequence[str]) -> Iterator[np.ndarray]:
    """The places of each fold's points: as many runs in each as can be."""
    places: dict[str, list[int]] = {}
    for place, run in enumerate(runs):
        places.setdefault(run, []).append(place)
    whole = list(places.values())
    for fold in np.array_split(np.arange(len(whole)), FOLDS):
        yield np.array([place for number in fold for place in whole[number]])


def _shuffled(x: np.ndarray, matters: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Each column, shuffled SHUFFLES times among the points where it matters."""
    columns = np.repeat(x.T[:, None, :], SHUFFLES, axis=1)
    for column, there in zip(columns, matters.T, strict=True):
        for one in column:
            one[there] = random.permutation(one[there])
    return columns
