"""Proposals: points that are chosen by the answers so far. The only file that knows Optuna.

The proposals come from a tree-structured Parzen estimator (TPE). A generation has a fixed size and waits for
all answers to the one before, and Optuna is told of them in the order in which it proposed the points. So the
same seed gives the same points with any number of workers, and after any interruption.
Source: Bergstra et al. (2011), Algorithms for hyper-parameter optimization.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from math import floor, isfinite, log10
from typing import TYPE_CHECKING, Any

from MNIST.errors import UsageError
from MNIST.explore.designs import Space, typed
from MNIST.explore.plan import Plan, Point, Value, Values
from MNIST.explore.ranking import rank
from MNIST.explore.readings import Readings
from MNIST.language import Axis
from MNIST.program import install_command

if TYPE_CHECKING:
    from optuna import Trial as Proposal
    from optuna.distributions import BaseDistribution

POINTS = 50  # networks that are proposed if nobody says how many
GENERATION = 8  # proposals that are made at once
REPEATS = 10  # proposals in a row that repeat what is known, or do not work, until chance proposes one
TRIES = 400  # the same, until the search is over
DIGITS = 3  # significant digits of a number from a range: the next digit decides nothing
DECADE = 10  # a range whose ends differ by this factor is drawn from by logarithms
Drop = Callable[[Iterable[str], int], None]
Asked = tuple["Proposal", Point]


class Proposals:
    """The points that an exploration with TPE asks for. It adds them to a plan as they are proposed.

    points: so many different networks are proposed, or fewer if nothing new comes to mind.
    rungs: the numbers of epochs of successive halving, ascending; none without it. A network goes on to the
    next rung if its validation accuracy is in the better half of all that reached this rung so far.
    epochs_name: the placeholder for the number of epochs, which has an axis of its own if there are rungs.
    first: the points that are asked for first, before there is any answer.
    left: how many networks are to be proposed later, at most.
    """

    def __init__(
        self,
        plan: Plan,
        space: Space,
        seed: int,
        points: int,
        *,
        rungs: Sequence[int] = (),
        epochs_name: str | None = None,
    ) -> None:
        self.left = points
        self.rungs = rungs
        self._plan = plan
        self._space = space
        self._epochs_name = epochs_name if rungs else None
        self._known: set[tuple[tuple[str, ...], int]] = set()  # what was asked for: identities and epochs
        self._reached: list[list[tuple[float, ...]]] = [[] for _ in rungs]  # the ranks on each rung
        self._distributions = {
            label: _distribution(axis, domain)
            for axis, (label, domain) in zip(space.axes, space.domains.items(), strict=True)
            if label != self._epochs_name
        }
        self._study, self._states = _study()
        self._samplers = _samplers(seed)
        self._foreseen: list[list[Point]] = []
        self._coming: Iterator[list[Point]] | None = None
        self._generation = self._propose()
        self.first = [point for _, point in self._generation]

    @property
    def networks(self) -> int:
        """How many networks there will be in all, at most."""
        return len(self._known) + self.left

    def foresee(self, readings: Readings, drop: Drop) -> list[Point]:
        """Propose again what is answered already; return the points of the first stage that is not.

        drop: called with the identities of networks that will not be trained on, and their epochs.
        """
        self._coming = self._stages(readings, drop)
        for stage in self._coming:
            self._foreseen.append(stage)
            readings.catch_up()
            if any(readings.of(point) is None for point in stage):
                return stage
        return []

    def stages(self, readings: Readings, drop: Drop) -> Iterator[list[Point]]:
        """Yield the points to ask for next; go on once `readings` has the answers to all of them.

        It begins with those that were foreseen.
        """
        coming = self._coming or self._stages(readings, drop)
        yield from self._foreseen
        yield from coming

    def _stages(self, readings: Readings, drop: Drop) -> Iterator[list[Point]]:
        while self._generation:
            going_on = self._generation
            for rung in range(max(1, len(self.rungs))):
                yield [point for _, point in going_on]
                going_on = self._told(going_on, rung, readings, drop)
                if not going_on:
                    break
            self._generation = self._propose()

    def _propose(self) -> list[Asked]:
        """The next generation: points whose networks were not asked for before."""
        found: list[Asked] = []
        tries = 0  # since the last new one
        while len(found) < min(GENERATION, self.left) and tries < TRIES:
            tries += 1
            self._study.sampler = self._samplers[tries > REPEATS]
            proposal = self._study.ask(self._distributions)
            point = self._plan.add(self._values(proposal.params))
            if point is None:
                self._tell(proposal, None)  # it does not work: as bad as can be
            elif (point.identities, point.epochs) in self._known:
                self._study.tell(proposal, state=self._states.FAIL)  # it repeats what is known: forget it
            else:
                self._known.add((point.identities, point.epochs))
                found.append((proposal, point))
                tries = 0
        self.left = self.left - len(found) if tries < TRIES else 0
        return found

    def _told(self, asked: list[Asked], rung: int, readings: Readings, drop: Drop) -> list[Asked]:
        """Tell Optuna the answers; return the points on the next rung, of the networks that go on."""
        is_last = rung >= len(self.rungs) - 1
        ranks = [rank(readings.of(point)) for _, point in asked]
        if not is_last:
            self._reached[rung] = sorted([*self._reached[rung], *ranks])
        going_on: list[Asked] = []
        for (proposal, point), key in zip(asked, ranks, strict=True):
            accuracy = -key[0] if isfinite(key[0]) else None
            if accuracy is not None:
                proposal.report(accuracy, point.epochs)
            if is_last:
                self._tell(proposal, accuracy)
            elif accuracy is not None and key <= self._middle(rung):
                going_on.append((proposal, self._higher(point, rung + 1)))
            else:
                self._tell(proposal, None)
                drop(point.identities, point.epochs)
        return going_on

    def _higher(self, point: Point, rung: int) -> Point:
        """The point of the same network on another rung."""
        assert self._epochs_name is not None, "rungs have a placeholder"
        higher = self._plan.add({**point.asked, self._epochs_name: self.rungs[rung]})
        assert higher is not None, "more epochs change no shape"
        return higher

    def _middle(self, rung: int) -> tuple[float, ...]:
        """The last rank of the better half of all networks that reached a rung so far."""
        reached = self._reached[rung]
        return reached[(len(reached) - 1) // 2]

    def _values(self, params: dict[str, Any]) -> Values:
        """A proposal in Talos's form; with halving, on the first rung."""
        values: dict[str, Value] = {}
        for axis, (label, domain) in zip(self._space.axes, self._space.domains.items(), strict=True):
            if label == self._epochs_name:
                values[label] = self.rungs[0]
            elif axis.is_range:
                values[label] = rounded(params[label], *domain)
            else:
                values[label] = _ordered(domain)[params[label]]
        return values

    def _tell(self, proposal: "Proposal", accuracy: float | None) -> None:
        """Tell a value, or that the proposal was given up after what it has reported."""
        if accuracy is None:
            self._study.tell(proposal, state=self._states.PRUNED)
        else:
            self._study.tell(proposal, accuracy)


def check_installed() -> None:
    """Raise UsageError if Optuna is not installed."""
    if find_spec("optuna") is None:
        raise UsageError(f"--design tpe needs Optuna, which is not installed: {install_command('tpe')}")


def _distribution(axis: Axis, domain: list[Value]) -> "BaseDistribution":
    """What Optuna knows of an axis: numbers in their order, a range, or words without an order."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if axis.is_range:
        low, high = (float(end) for end in domain)
        is_wide = low > 0 and high >= DECADE * low
        if _are_whole(*domain):
            return IntDistribution(int(low), int(high), log=is_wide)
        return FloatDistribution(low, high, log=is_wide)
    if _is_numeric(domain):
        return IntDistribution(0, len(domain) - 1)
    return CategoricalDistribution(range(len(domain)))


def rounded(number: float, least: Value, greatest: Value) -> Value:
    """A number of a range with few digits, so that it can be read; whole if both ends are."""
    if _are_whole(least, greatest):
        return int(number)
    low, high = float(least), float(greatest)
    size = min(abs(number), high - low) or high - low  # in a narrow range, the first digits tell nothing
    digits = DIGITS - 1 - floor(log10(size))
    return typed(f"{min(max(round(number, digits), low), high):.15g}")


def _are_whole(*ends: Value) -> bool:
    """Whether both ends of a range are written as whole numbers."""
    return all(str(end).lstrip("+-").isdecimal() for end in ends)


def _ordered(domain: list[Value]) -> list[Value]:
    """The values of an axis as Optuna counts them: numbers ascending, words as they are written."""
    return sorted(domain, key=float) if _is_numeric(domain) else list(domain)


def _is_numeric(domain: list[Value]) -> bool:
    try:
        return all(isfinite(float(value)) for value in domain)
    except ValueError:
        return False


def _study() -> tuple[Any, Any]:
    """A study of Optuna's, in memory, that prints nothing; and how a trial of it can end."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="maximize"), optuna.trial.TrialState


def _samplers(seed: int) -> tuple[Any, Any]:
    """What proposes points: TPE, of which the first generation is random; and chance alone."""
    from optuna.samplers import RandomSampler, TPESampler

    tpe = TPESampler(seed=seed, n_startup_trials=GENERATION, multivariate=True, constant_liar=True)
    return tpe, RandomSampler(seed=seed)
