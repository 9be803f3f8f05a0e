"""What an exploration found that is nearly as good as the best and costs less, in words."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from MNIST.explore.plan import Plan
from MNIST.explore.ranking import Candidate, like_best
from MNIST.language import Network

NEAR = 0.001  # of validation accuracy: nearly as good, where one seed allows no test
LESS = 0.8  # a cost is smaller, and worth a word, from this part of the best network's cost on
FRACTIONS = {
    1 / 10: "a tenth",
    1 / 9: "a ninth",
    1 / 8: "an eighth",
    1 / 7: "a seventh",
    1 / 6: "a sixth",
    1 / 5: "a fifth",
    1 / 4: "a quarter",
    1 / 3: "a third",
    2 / 5: "two fifths",
    1 / 2: "half",
    3 / 5: "three fifths",
    2 / 3: "two thirds",
    3 / 4: "three quarters",
    4 / 5: "four fifths",
}
CLOSE = 0.06  # how far a proportion may be from the fraction that stands for it, as a part of the fraction


class Cost(NamedTuple):
    """One thing that networks cost. form: of the number as text."""

    noun: str
    form: str
    of: Callable[[Candidate], float]


def cheaper_words(plan: Plan, candidates: Sequence[Candidate], names: Sequence[str]) -> str:
    """Sentences about networks that cost less than the best and are nearly as good, a line each.

    Nearly as good are those that several seeds cannot tell from the best (`like_best`). One seed allows no
    such test; then it is those with at most NEAR less validation accuracy. If there are none, a sentence says
    what the first step down costs. candidates: ranked, the best first. names: of the parameters to show.
    """
    if len(candidates) < 2:
        return ""
    best, costs, several = candidates[0], _costs(plan), len(plan.seeds) > 1
    near = like_best(candidates) if several else [c for c in candidates if _behind(c, best) <= NEAR + 1e-9]
    found = _cheapest(costs, near, best)
    accuracy = _accuracy(best)
    if found:
        heading = (
            f"{len(plan.seeds)} seeds cannot tell it from" if several else f"Within {NEAR * 100:g} points of"
        )
        return "".join(
            f"{heading} the best ({accuracy}): {_values(one, names)}, {_accuracy(one)}"
            f"{_below(one, best) if several else ''}, with {_compared(costs, one, best)}.\n"
            for one in found
        )
    lacking = (
        f"All that cost less are worse than the best ({accuracy}), as far as {len(plan.seeds)} seeds can tell"
        if several
        else f"Nothing that costs less is within {NEAR * 100:g} points of the best ({accuracy})"
    )
    for cost in costs:
        less = [candidate for candidate in candidates if cost.of(candidate) <= LESS * cost.of(best)]
        if less:
            one = less[0]  # of the ranked, the best
            return (
                f"{lacking}. With fewer {cost.noun}, the best is {_values(one, names)}, {_accuracy(one)}"
                f"{_below(one, best)}, with {_compared(costs, one, best)}.\n"
            )
    return f"No network of this exploration costs much less than the best ({accuracy}).\n"


def _costs(plan: Plan) -> list[Cost]:
    """The costs of a plan's candidates, the one to be told first in front."""

    def network(candidate: Candidate) -> Network:
        return plan.network(plan.trials[candidate.points[0].identities[0]])

    return [
        Cost("parameters", ",.0f", lambda candidate: network(candidate).parameters),
        Cost("MFLOPs", ",.3g", lambda candidate: network(candidate).flops / 1e6),
        Cost("seconds", ",.1f", lambda candidate: candidate.reading.seconds),
    ]


def _cheapest(costs: Sequence[Cost], near: Sequence[Candidate], best: Candidate) -> list[Candidate]:
    """For each cost the cheapest, if it costs less than the best does; each once. The better of equals."""
    cheapest: list[Candidate] = []
    for cost in costs:
        one = min(near, key=cost.of)
        if cost.of(one) <= LESS * cost.of(best) and all(one is not other for other in cheapest):
            cheapest.append(one)
    return cheapest


def _compared(costs: Sequence[Cost], one: Candidate, best: Candidate) -> str:
    """A candidate's costs in proportion to the best one's: where it costs less, then where it costs more."""
    less, more = [], []
    for cost in costs:
        here, there = cost.of(one), cost.of(best)
        numbers = f"({here:{cost.form}} instead of {there:{cost.form}})"
        if here <= LESS * there:
            less.append(f"{_part(here / there)} of the {cost.noun} {numbers}")
        elif there <= LESS * here:
            more.append(f"more {cost.noun} {numbers}")
    return _listed(less) + (f", but {_listed(more)}" if more else "")


def _part(proportion: float) -> str:
    """A proportion as a common fraction, if one is close; else in percent."""
    near = min(FRACTIONS, key=lambda fraction: abs(proportion / fraction - 1))
    return (
        FRACTIONS[near]
        if abs(proportion / near - 1) <= CLOSE
        else f"{proportion:.2%}"
        if proportion < 0.01
        else f"{proportion:.0%}"
    )


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _values(candidate: Candidate, names: Sequence[str]) -> str:
    values = {name: candidate.value(name) for name in names}
    return ", ".join(f"{name} {'any' if value is None else value}" for name, value in values.items())


def _accuracy(candidate: Candidate) -> str:
    reading = candidate.reading
    spread = f" ± {reading.deviation('val_accuracy'):.2%}" if len(reading.epochs) > 1 else ""
    return f"{reading.mean('val_accuracy'):.2%}{spread}"


def _below(candidate: Candidate, best: Candidate) -> str:
    """How far a candidate is below the best: few seeds may be unable to tell a large distance from chance."""
    return f", {_behind(candidate, best) * 100:.2f} points below"


def _behind(candidate: Candidate, best: Candidate) -> float:
    return best.reading.mean("val_accuracy") - candidate.reading.mean("val_accuracy")
