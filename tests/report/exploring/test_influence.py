"""Which parameters matter, on a live page: bars once there is enough to tell, and before that the reason."""

import pytest

from MNIST.report.exploring.influence import Influence, measure_influence

RATES = [0.001, 0.01, 0.1] * 10
OPTIMIZERS = ["Adam", "", "<b>SGD</b>", "Adam", "SGD"] * 6  # it does not matter in some
RUNS = [str(run) for run in range(30)]


def accuracies(rates):
    return [0.5 + rate * 4 for rate in rates]


def test_the_parameter_that_decides_is_the_first():
    parameters = {"opt": OPTIMIZERS, "rate": RATES, "batch": [100] * 30}
    found = measure_influence([*accuracies(RATES)[:-1], float("nan")], parameters, RUNS)
    assert isinstance(found, Influence)
    (first, most), (second, less) = found.bars  # one value of a parameter tells nothing
    assert (first, second) == ("rate", "opt")
    assert most > 0.5 > abs(less)
    assert found.explained > 0.9
    assert found.answers == 29
    assert not found.is_chance


@pytest.mark.parametrize(
    ("known", "runs", "accuracy", "reason"),
    [
        (0, RUNS, accuracies(RATES), "No parameter has more than one value yet."),
        (1, RUNS, accuracies(RATES), "No parameter has more than one value yet."),
        (9, RUNS, accuracies(RATES), "This takes 10 answers; there are 9."),
        (30, ["a", "b", "c"] * 10, accuracies(RATES), "This takes 4 distinct networks."),
        (30, RUNS, [0.5] * 30, "All answers have the same validation accuracy."),
    ],
)
def test_what_is_too_little_to_tell_is_said(known, runs, accuracy, reason):
    assert measure_influence(accuracy[:known], {"rate": RATES[:known]}, runs[:known]) == reason
