"""How much each parameter explains of the differences in accuracy: numbers only, no drawing.

A forest learns to predict accuracy from the parameters. Then one parameter's values are shuffled; the forest
explains less, by as much as that parameter told it. Both are measured on networks that the forest has not
seen. All of this is repeated with other folds, forests and shuffles, and an interval says what chance leaves
open.
Sources: Breiman, Random Forests, Machine Learning 45 (2001), section 10, for the importance; Nadeau and
Bengio, Inference for the Generalization Error, Machine Learning 52 (2003), section 3, for the interval.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_POINTS = 10
MOST_POINTS = 2500  # of more, a random part; 2,304 with 10 parameters take 0.8 s on one core of an AMD EPYC
FOLDS = 4
REPEATS = 5  # of the whole, each with folds of its own
TREES = 15
SHUFFLES = 3
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Importance:
    """drops: (parameters, splits), how much R² falls when a parameter is shuffled; a split is a fold of a
    repeat. explained: R², at best 1; below 0 is useless."""

    drops: np.ndarray
    explained: float
    points: int

    @property
    def means(self) -> np.ndarray:
        """(parameters,), the mean over all splits."""
        return self.drops.mean(axis=1)

    def interval(self) -> tuple[np.ndarray, np.ndarray]:
        """The lower and the upper end for each parameter; together they hold with CONFIDENCE.

        It is the corrected resampled t interval. The splits share most of their networks, so their plain
        variance would promise too much: Nadeau and Bengio add to 1 / splits the number of networks held out
        over the number learned from. Bonferroni's correction makes it hold for all parameters together.
        """
        from scipy.special import stdtrit  # Student's t; scipy.stats takes half a second to import

        parameters, splits = self.drops.shape
        error = self.drops.std(axis=1, ddof=1) * np.sqrt(1 / splits + 1 / (FOLDS - 1))
        half = stdtrit(splits - 1, 1 - (1 - CONFIDENCE) / (2 * parameters)) * error
        return self.means - half, self.means + half

    def is_chance(self) -> bool:
        """Whether the interval of no parameter is above 0."""
        return not (self.interval()[0] > 0).any()


def measure_importance(
    codes: np.ndarray, accuracy: np.ndarray, networks: Sequence[int] | np.ndarray | None = None
) -> Importance:
    """Permutation importance of each parameter for accuracy, cross-validated; the same at every call.

    codes: float (points, parameters), each value's place in the order of its parameter's values; nan where a
    parameter does not matter. Such a point gets the middle value, so that the gap itself tells the forest
    nothing (a missing momentum would tell it "Adam"), and is left out of the shuffling.
    accuracy: float (points,), finite, not all equal; at least FEWEST_POINTS.
    networks: (points,), a number for the network of each point, at least FOLDS different ones; None if each
    point has its own. Points of one network share its noise: a forest that has seen one of them would know
    the others. So they are in the same fold, and a tree sees all of them or none.
    """
    random = np.random.default_rng(0)
    order = random.permutation(len(accuracy))[:MOST_POINTS]
    codes, accuracy = codes[order], accuracy[order]
    of_network = np.arange(len(order)) if networks is None else np.asarray(networks)[order]
    _, of_network = np.unique(of_network, return_inverse=True)
    matters = np.isfinite(codes)
    middle = [np.median([*column[np.isfinite(column)]] or [0]) for column in codes.T]
    x = np.where(matters, codes, middle).astype(np.float32)
    total = ((accuracy - accuracy.mean()) ** 2).mean()
    drops, explained = [], []
    for unseen in _splits(of_network, random):
        seen = np.flatnonzero(~unseen)
        asked = _shuffled(x, matters, unseen, random)  # (1 + parameters × shuffles, unseen, parameters)
        answers = _forest(x[seen], accuracy[seen], of_network[seen], asked.reshape(-1, x.shape[1]), random)
        wrong = ((answers.reshape(asked.shape[:2]) - accuracy[unseen]) ** 2).mean(axis=1) / total
        explained.append(1 - wrong[0])
        drops.append((wrong[1:] - wrong[0]).reshape(-1, SHUFFLES).mean(axis=1))
    return Importance(np.array(drops).T, float(np.mean(explained)), len(x))


def _splits(of_network: np.ndarray, random: np.random.Generator) -> Iterator[np.ndarray]:
    """Which points are held out, (points,) bool: each fold of each repeat, with equally many networks."""
    for _ in range(REPEATS):
        for fold in np.array_split(random.permutation(of_network.max() + 1), FOLDS):
            yield np.isin(of_network, fold)


def _shuffled(
    x: np.ndarray, matters: np.ndarray, unseen: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """The unseen points as they are, then with each column shuffled SHUFFLES times, where it matters.

    Returns float (1 + parameters × SHUFFLES, unseen, parameters).
    """
    shuffled = np.repeat(x[None, unseen], 1 + x.shape[1] * SHUFFLES, axis=0)
    for number, points in enumerate(shuffled[1:]):
        place = number // SHUFFLES
        column = x[:, place].copy()
        column[matters[:, place]] = random.permutation(column[matters[:, place]])
        points[:, place] = column[unseen]
    return shuffled


def _forest(
    x: np.ndarray, y: np.ndarray, of_network: np.ndarray, asked: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """What a forest answers that has learned y from x, (asked,).

    Each tree sees networks drawn with replacement. scikit-learn's own forest would draw single points, and
    take twice as long for a small table.
    """
    from sklearn.tree import DecisionTreeRegressor

    there = np.unique(of_network)
    answers = np.zeros(len(asked))
    for _ in range(TREES):
        times = np.bincount(random.choice(there, len(there)), minlength=there[-1] + 1)
        points = np.repeat(np.arange(len(x)), times[of_network])
        tree = DecisionTreeRegressor(min_samples_leaf=2, random_state=0)
        tree.fit(x[points], y[points], check_input=False)
        answers += tree.predict(asked, check_input=False)
    return answers / TREES
